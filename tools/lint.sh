#!/usr/bin/env bash
# Checks the sources: format, clang-tidy, include rules, kernel objects, Python, scripts. Changes
# none of them.
#
#   tools/lint.sh [--all] BUILD_DIR    BUILD_DIR: a configured and built release tree
#
# clang-tidy sees the files that changed since the merge base with origin/main; with --all, or where
# there is no such base, every file of src/ and apps/, those changed last first, for as long as
# LINT_SECONDS allow; the count says what was left out. Runs all checks before it fails. ruff comes
# from PyPI: where that cannot be reached, the last line says that Python was not checked.
set -euo pipefail

all=no
if [[ ${1:-} == --all ]]; then
  all=yes
  shift
fi
[[ $# == 1 ]] || { printf 'usage: tools/lint.sh [--all] BUILD_DIR\n' >&2; exit 2; }
build=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ -f $build/compile_commands.json ]] || {
  printf '%s has no compile_commands.json; run cmake --preset release first.\n' "$build" >&2
  exit 2
}
export build LINT_SECONDS=${LINT_SECONDS:-150}
ruff=build/venv/bin/ruff
failed=()
unchecked=()

check() { # name, command...
  local name=$1 start=$SECONDS
  shift
  printf -- '--- %s\n' "$name"
  "$@" || failed+=("$name")
  printf -- '--- %s: %d s\n' "$name" $((SECONDS - start))
}

check_format() {
  git ls-files -z '*.h' '*.cc' | xargs -0 clang-format-14 --dry-run -Werror
}

check_python() {
  if ! tools/venv.sh tools/requirements-lint.txt; then
    unchecked+=('Python (ruff and mypy could not be installed)')
    return 0
  fi
  local status=0
  git ls-files -z '*.py' '*.pyi' | xargs -0 "$ruff" format --check || status=1
  git ls-files -z '*.py' '*.pyi' | xargs -0 "$ruff" check || status=1
  build/venv/bin/mypy --config-file pyproject.toml python/crossrank || status=1
  return $status
}

check_scripts() {
  git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck
}

# .cc files to tidy, one a line.
tidy_files() {
  local base
  base=$(git merge-base HEAD origin/main 2>/dev/null || true)
  if [[ $all == no && -n $base && $base != "$(git rev-parse HEAD)" ]]; then
    git diff --name-only --diff-filter=d "$base" -- '*.cc' '*.h' | while read -r file; do
      if [[ $file == *.cc ]]; then
        printf '%s\n' "$file"
      else  # a header is seen through the files that include it
        git grep -lF "\"${file#*/}\"" -- '*.cc' || true
      fi
    done | awk '!seen[$0]++'
  else
    git log --format= --name-only --diff-filter=d -- 'src/*.cc' 'apps/*.cc' | awk '!seen[$0]++'
  fi
}

tidy_one() { # file
  local output
  if (($(date +%s) > tidy_until)); then
    printf '%s\n' "$1" >>"$left_out"
  elif ! output=$(clang-tidy-14 --quiet -p "$build" --extra-arg=-Wno-unknown-warning-option \
    "$1" 2>&1); then
    printf '%s\n' "$output" | grep -vE '^[0-9]+ warnings?( and [0-9]+ errors?)? generated'
    return 1
  fi
}

check_tidy() {
  local -a files
  local status=0
  # Files that this build does not compile (another CPU's kernels) are no translation units here.
  mapfile -t files < <(tidy_files | while read -r file; do
    if grep -qF "\"$PWD/$file\"" "$build/compile_commands.json"; then printf '%s\n' "$file"; fi
  done)
  left_out=$(mktemp)
  tidy_until=$(($(date +%s) + LINT_SECONDS))
  export left_out tidy_until
  export -f tidy_one
  printf '%s\n' "${files[@]}" | xargs -r -P "$(nproc)" -I{} bash -c 'tidy_one {}' || status=1
  printf '%d of %d files tidied\n' $((${#files[@]} - $(wc -l <"$left_out"))) ${#files[@]}
  rm -f "$left_out"
  return $status
}

check 'format' check_format
check 'include rules' tools/check_includes.py
check 'kernel objects' tools/check_kernel_objects.py "$build"
check 'scripts' check_scripts
check 'Python' check_python
check 'the checks bite' tools/lint_selftest.sh "$build"
check 'clang-tidy' check_tidy

if [[ ${#failed[@]} -gt 0 ]]; then
  printf 'lint failed: %s\n' "$(IFS=,; printf '%s' "${failed[*]}")" >&2
  exit 1
fi
if [[ ${#unchecked[@]} -gt 0 ]]; then
  printf 'lint: NOT CHECKED: %s; all other checks passed\n' "${unchecked[*]}" >&2
else
  printf 'lint: all checks passed\n'
fi
