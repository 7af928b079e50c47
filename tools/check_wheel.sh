#!/usr/bin/env bash
# Installs a wheel into a bare environment outside the tree and proves that it works there.
#
#   tools/check_wheel.sh [WHEEL [PYTHON]]
#
# Without WHEEL the newest of build/wheels; PYTHON (python3) may be newer than the one that built it.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
newest=$(find build/wheels -maxdepth 1 -name '*.whl' -printf '%T@ %p\n' 2>/dev/null |
  sort -n | tail -n 1)
wheel=$(realpath "${1:-${newest#* }}")
python=${2:-python3}
check=$PWD/python/tests/wheel_check.py
[[ -f $wheel ]] || { printf 'usage: tools/check_wheel.sh [WHEEL [PYTHON]]\n' >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
printf '%s: %s bytes, on %s\n' "${wheel##*/}" "$(stat -c %s "$wheel")" "$("$python" --version)"
for kind in bare full; do
  "$python" -m venv "$kind"
  options=()
  if [[ $kind == bare ]]; then options=(--no-deps --no-index); fi
  "$kind/bin/pip" --disable-pip-version-check install --quiet "${options[@]}" "$wheel"
  env -i PATH="$work/$kind/bin:/usr/bin:/bin" HOME="$work" LANG=C.UTF-8 \
    "$kind/bin/python" -B "$check" "$kind"
done
full/bin/pip --disable-pip-version-check check
