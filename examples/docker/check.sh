#!/usr/bin/env bash
# Builds the image of this folder, runs it as it would run, and asks it for a ranking. With a
# container engine it uses that. Without one, root replays the Dockerfile's instructions in a
# debootstrap root and enters what the image would hold by chroot. The last lines say what was not
# run. It removes what it made.
#
#   examples/docker/check.sh            CURL=yes: the image with libcurl
#                                       ENGINE=docker|podman|none: default what answers
#                                       KEEP=FOLDER: build there, and leave it
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
CURL=${CURL:-no}
PORT=${PORT:-18080}

die() {
  printf 'check.sh: %s\n' "$1" >&2
  exit 1
}
say() { printf -- '--- %s\n' "$*"; }

engine() {
  local name
  for name in docker podman; do
    if "$name" info >/dev/null 2>&1; then
      printf '%s' "$name"
      return
    fi
  done
  printf none
}

# Calls the rest of the command until it succeeds, for 30 s.
wait_for() {
  local _
  for _ in $(seq 150); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.2
  done
  die "not within 30 s: $*"
}

# ---- with an engine

with_engine() { # docker or podman
  local name=crossrank-check-$$ id
  trap '"$ENGINE" rm -f "$name" >/dev/null 2>&1 || true' EXIT
  # podman and the old builder of docker look for the list of what to leave out elsewhere.
  DOCKER_BUILDKIT=1 "$ENGINE" build -f "$here/Dockerfile" --build-arg "CURL=$CURL" -t "$name" \
    "$repository"
  id=$("$ENGINE" run -d --name "$name" --read-only --cap-drop ALL \
    --security-opt no-new-privileges -p "127.0.0.1:$PORT:8080" "$name")
  wait_for curl -fs --noproxy '*' "http://127.0.0.1:$PORT/readyz"
  "$here/../ask.py" "http://127.0.0.1:$PORT"
  "$ENGINE" stop -t 70 "$id" >/dev/null
  local code
  code=$("$ENGINE" inspect -f '{{.State.ExitCode}}' "$id")
  [[ $code == 0 ]] || die "after STOPSIGNAL it ended with $code"
  "$ENGINE" rm "$id" >/dev/null
  "$ENGINE" image ls "$name"
  "$ENGINE" image rm "$name" >/dev/null
}

# ---- without one: the Dockerfile, instruction by instruction

# The lines of a Dockerfile, those that go on joined, without comments.
instructions() {
  sed -e '/^#/d' "$here/Dockerfile" |
    sed -e ':a' -e '/\\$/N; s/\\\n */ /; ta' -e '/^[[:space:]]*$/d'
}

# What Dockerfile.dockerignore lets in, a path a line.
context() {
  local line
  while read -r line; do
    case $line in
      '#'* | '*' | '' | '**/'*) ;;
      '!'*) printf '%s\n' "${line#!}" ;;
      *) die "Dockerfile.dockerignore: '$line' is neither *, nor !PATH, nor **/NAME" ;;
    esac
  done <"$here/Dockerfile.dockerignore"
}

in_root() { # root, command: as a RUN does, with /proc and the machine's resolver
  chroot "$1" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    "${arguments[@]}" /bin/sh -c "cd '$workdir' && $2"
}

copy() { # the operands of COPY
  local from='' owner='' to
  while [[ $1 == --* ]]; do
    case $1 in
      --from=*) from=$roots/${1#*=} ;;
      --chown=*) owner=${1#*=} ;;
      *) die "COPY $1 is not known to check.sh" ;;
    esac
    shift
  done
  [[ $# == 2 ]] || die "COPY with $# operands is not known to check.sh"
  to=$root$2
  if [[ -n $from ]]; then
    mkdir -p "$to"
    cp -a "$from$1." "$to"
    if [[ -n $owner ]]; then chown -R "$owner" "$to"; fi
  elif [[ $1 == . ]]; then
    mkdir -p "$to"
    local excluded
    mapfile -t excluded < <(sed -n 's|^\*\*/|--exclude=|p' "$here/Dockerfile.dockerignore")
    context | tar -C "$repository" -c "${excluded[@]}" -T - | tar -C "$to" -x --no-same-owner
  else
    context | grep -qxF "$1" || die "COPY $1: Dockerfile.dockerignore leaves it out"
    mkdir -p "${to%/*}"
    cp "$repository/$1" "$to"
  fi
}

json_words() { # a JSON list -> its strings, each ended by NUL
  python3 -c 'import json, sys; [sys.stdout.write(w + "\0") for w in json.loads(sys.argv[1])]' "$1"
}

from() { # the operands of FROM
  local stage=${3:-image}
  root=$roots/$stage workdir=/
  arguments=()
  mkdir -p "$root"
  case $1 in
    scratch) ;;
    debian:*)
      say "debootstrap ${1#debian:}: the stage '$stage'"
      debootstrap --variant=minbase "${1#debian:}" "$root" >"$roots/debootstrap.log" ||
        die "debootstrap failed: $roots/debootstrap.log"
      apt_like_here "$root"
      mount --bind /proc "$root/proc"
      mounted+=("$root/proc")
      ;;
    *) die "FROM $1 is not known to check.sh" ;;
  esac
}

# The root's apt takes packages from where this machine's does: its proxy, its certificates, its
# mirror. Nothing of it reaches the image.
apt_like_here() {
  local file
  for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/* /etc/resolv.conf /etc/hosts; do
    [[ -f $file ]] || continue
    case $file in *docker*) continue ;; esac
    mkdir -p "$1${file%/*}"
    cp -L "$file" "$1$file"
  done
  if [[ -d /etc/ssl/certs ]]; then
    mkdir -p "$1/etc/ssl/certs"
    cp -L /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/" 2>/dev/null || true
  fi
}

replay() {
  local keyword rest name
  while read -r keyword rest; do
    case $keyword in
      FROM) # shellcheck disable=SC2086  # words
        from $rest ;;
      ARG)
        name=${rest%%=*}
        if [[ -n ${!name:-} ]]; then rest=$name=${!name}; fi
        arguments+=("$rest")
        ;;
      ENV) environment+=("$rest") ;;
      WORKDIR) workdir=$rest ;;
      COPY) # shellcheck disable=SC2086
        copy $rest ;;
      RUN)
        say "RUN $rest"
        in_root "$root" "$rest" >"$roots/run.log" 2>&1 </dev/null ||
          { tail -30 "$roots/run.log" >&2; die "this step failed"; }
        ;;
      USER) user=$rest ;;
      EXPOSE) port=$rest ;;
      STOPSIGNAL) signal=$rest ;;
      HEALTHCHECK) mapfile -d '' -t health < <(json_words "${rest#*CMD }") ;;
      ENTRYPOINT) mapfile -d '' -t entrypoint < <(json_words "$rest") ;;
      CMD) mapfile -d '' -t command < <(json_words "$rest") ;;
      *) die "$keyword is not known to check.sh" ;;
    esac
  done < <(instructions)
}

enter() { # command...: as the image's user, with its environment alone
  env -i "${environment[@]}" "$(command -v chroot)" --userspec="$user" --groups='' "$root" "$@"
}

without_engine() {
  [[ $(id -u) == 0 ]] || die "no container engine answers, and only root can chroot"
  command -v debootstrap >/dev/null || die "please install debootstrap"
  roots=${KEEP:-$(mktemp -d)}
  mounted=() environment=() pid=
  trap clean_up EXIT
  replay

  say "the image: $(du -sh --apparent-size "$root" | cut -f1)"
  find "$root" -type f -size +100k -printf '%10s %P\n' | sed "s|$roots||"
  local file
  for file in bin/sh bin/bash usr/bin/env usr/bin/busybox; do
    [[ ! -e $root/$file && ! -e $root/usr/$file ]] || die "the image has /$file"
  done
  [[ -z $(find "$root" -perm /6000) ]] || die "the image has files with setuid or setgid"
  [[ $user != 0 && $user != root* ]] || die "the image's user is root"

  # What every engine gives a container: /proc, /dev/null.
  mkdir -p "$root/proc" "$root/dev"
  mount --bind /proc "$root/proc"
  mounted+=("$root/proc")
  mknod -m 666 "$root/dev/null" c 1 3
  mknod -m 666 "$root/dev/urandom" c 1 9
  # There is no namespace of the network here: the port is another one.
  command=("${command[@]/#$port/$PORT}")
  health=("${health[@]/:$port\//:$PORT/}")
  command=("${command[@]/#0.0.0.0/127.0.0.1}")
  say "as user $user: ${entrypoint[*]} ${command[*]}"
  local code=0
  enter "${health[@]}" 2>/dev/null || code=$?
  [[ $code == 1 ]] || die "without a server the health check ends with $code, not 1"
  # Not enter: the process that is told to end must be the server, not a shell.
  env -i "${environment[@]}" "$(command -v chroot)" --userspec="$user" --groups='' "$root" \
    "${entrypoint[@]}" "${command[@]}" 2>"$roots/server.log" &
  pid=$!
  wait_for enter "${health[@]}"
  say "healthy by ${health[0]}"
  "$here/../ask.py" "http://127.0.0.1:$PORT"
  if [[ $CURL == yes ]]; then
    # Nobody listens on port 9: libcurl must be there to find that out.
    enter "${entrypoint[0]}" hybrid -q x --model builtin --judge-url http://127.0.0.1:9/v1 \
      --judge-model any --format json --quiet - <<<'"y"' | grep -qF 'Failed to connect' ||
      die "libcurl does not work in the image"
    say "libcurl works"
  fi
  kill -s "$signal" "$pid"
  code=0
  wait "$pid" || code=$?
  pid=
  [[ $code == 0 ]] || die "after $signal it ended with $code: $(tail -3 "$roots/server.log")"
  say "ended with 0 after $signal"
  cat <<'NOT_RUN'
Not run here, for lack of a container engine: the engine's own reading of the Dockerfile and of
Dockerfile.dockerignore, layers and caches, its network and its read-only root, compose.yaml.
NOT_RUN
}

clean_up() {
  local status=$? folder
  if [[ -n $pid ]]; then kill "$pid" 2>/dev/null || true; fi
  for folder in "${mounted[@]}"; do umount "$folder" || umount -l "$folder"; done
  if [[ -z ${KEEP:-} ]]; then rm -rf --one-file-system "$roots"; fi
  exit "$status"
}

ENGINE=${ENGINE:-$(engine)}
say "container engine: $ENGINE"
if [[ $ENGINE == none ]]; then without_engine; else with_engine; fi
say 'all passed'
