#!/usr/bin/env bash
# Installs the system packages that a make target needs and that are missing. Builds nothing.
#
#   tools/deps.sh GROUP...          install what is missing, or say how
#   tools/deps.sh --list GROUP...   print the packages of the groups, one a line
#
# Exit codes: 0 all is there, 1 something is missing and was not installed, 2 usage.
set -euo pipefail

# group | how to see that it is there | Debian and Ubuntu package
# "command X" looks in PATH, "header X" asks the compiler, "python X" imports a module;
# "path X" is a file or folder, "library X" a file that the linker finds, "python-header X" one of the
# headers of the python3 in PATH.
needs() {
  cat <<'TABLE'
build    command c++                 build-essential
build    command cmake               cmake
build    command ninja               ninja-build
build    header nlohmann/json.hpp    nlohmann-json3-dev
build    header CLI/CLI.hpp          libcli11-dev
build    header curl/curl.h          libcurl4-openssl-dev
build    header boost/beast/http.hpp libboost-dev
build    header spdlog/spdlog.h      libspdlog-dev
test     header gtest/gtest.h        libgtest-dev
test     header gmock/gmock.h        libgmock-dev
test     command python3             python3
test     command nm                  binutils
test     command curl                curl
lint     command clang-format-14     clang-format-14
lint     command clang-tidy-14       clang-tidy-14
lint     command git                 git
lint     command shellcheck          shellcheck
lint     command python3             python3
lint     command objdump             binutils
python   python ensurepip            python3-venv
python   python-header Python.h      python3-dev
scale    command java                default-jre-headless
server   command curl                curl
wheel    command cc                  build-essential
wheel    library libssl.a            libssl-dev
wheel    header openssl/ssl.h        libssl-dev
wheel    command openssl             openssl
wheel    command curl                curl
wheel    command patch               patch
wheel    command xz                  xz-utils
wheel    command objdump             binutils
fuzz     command clang++             clang
neon     command aarch64-linux-gnu-g++ g++-aarch64-linux-gnu
neon     command aarch64-linux-gnu-objdump binutils-aarch64-linux-gnu
neon     command qemu-aarch64        qemu-user
neon     path    /usr/src/googletest googletest
long     command qemu-x86_64         qemu-user
long     path    /usr/sbin/nginx     nginx-light
deploy   path    /usr/sbin/nginx     nginx-light
deploy   path    /usr/sbin/debootstrap debootstrap
deploy   command systemd-analyze     systemd
coverage command gcovr               gcovr
page     command node                nodejs
page     command npm                 npm
page     command curl                curl
page     path    /usr/bin/chromium   chromium
TABLE
}

die() {
  printf 'tools/deps.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

# Lines of `needs` that belong to the groups.
selected() {
  local group
  for group in "$@"; do
    needs | grep -E "^$group " || die "unknown group '$group'; there are: $(
      needs | cut -d' ' -f1 | sort -u | tr '\n' ' ')" 2
  done
}

packages() { selected "$@" | awk '!seen[$NF]++ { print $NF }'; }

is_there() { # kind, name
  case $1 in
    command) command -v "$2" >/dev/null ;;
    header)
      # Asking the compiler, not dpkg: a library that came another way is as good, and installing
      # a second libcurl would remove the first.
      # Unquoted: CXX may be "ccache g++".
      # shellcheck disable=SC2086
      printf '#if !__has_include(<%s>)\n#error missing\n#endif\n' "$2" |
        ${CXX:-c++} -std=c++20 -fsyntax-only -x c++ - 2>/dev/null
      ;;
    python) python3 -c "import $2" 2>/dev/null ;;
    path) [[ -e $2 ]] ;;
    library) [[ $(${CC:-cc} -print-file-name="$2" 2>/dev/null) == */* ]] ;;
    python-header)
      [[ -e $(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')/$2 ]]
      ;;
  esac
}

missing() {
  local kind name package
  while read -r _ kind name package; do
    is_there "$kind" "$name" || printf '%s\n' "$package"
  done < <(selected "$@") | awk '!seen[$0]++'
}

install_missing() { # the command prefix that gives root, then packages
  local as_root=$1
  shift
  # Package lists are often absent on a new machine. One broken third-party source must not stop
  # the set-up: whether the packages can be had is for the install command to say.
  $as_root apt-get update -q ||
    printf 'tools/deps.sh: apt-get update failed; going on with the lists that are there.\n' >&2
  local recommends=--no-install-recommends
  if [[ " $* " == *" clang "* ]]; then recommends=--install-recommends; fi  # libFuzzer is one
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y "$recommends" \
    -o DPkg::Lock::Timeout=300 "$@"
}

main() {
  local list_only=no
  if [[ ${1:-} == --list ]]; then
    list_only=yes
    shift
  fi
  [[ $# -gt 0 ]] || die 'usage: tools/deps.sh [--list] GROUP...' 2
  selected "$@" >/dev/null
  if [[ $list_only == yes ]]; then
    packages "$@"
    return
  fi

  local -a todo
  mapfile -t todo < <(missing "$@")
  [[ ${#todo[@]} -gt 0 ]] || return 0

  if ! command -v apt-get >/dev/null; then
    die "this system has no apt-get. Please install what these Debian packages carry and run this \
again (vcpkg.json names the libraries for vcpkg): ${todo[*]}"
  fi
  local as_root
  if [[ $(id -u) == 0 ]]; then
    as_root=
  elif command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
    as_root=sudo
  else
    die "packages are missing, and installing them needs root. Please have this run, then start \
again:
apt-get update && apt-get install -y --no-install-recommends ${todo[*]}"
  fi
  printf 'Installing %d missing packages: %s\n' "${#todo[@]}" "${todo[*]}"
  install_missing "$as_root" "${todo[@]}" ||
    die "apt-get could not install: ${todo[*]}. Its own message is above."
  mapfile -t todo < <(missing "$@")
  [[ ${#todo[@]} -eq 0 ]] || die "installed, but still not found: ${todo[*]}"
}

main "$@"
