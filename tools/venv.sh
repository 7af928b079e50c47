#!/usr/bin/env bash
# Makes a Python environment hold the packages of a requirements file. System packages are deps.sh's.
#
#   tools/venv.sh REQUIREMENTS.txt [FOLDER [PIP OPTION...]]
#
# The folder is build/venv when none is given. Does nothing when that file was installed as it is now.
set -euo pipefail

[[ $# -ge 1 && -f $1 ]] || {
  printf 'usage: tools/venv.sh REQUIREMENTS.txt [FOLDER [PIP OPTION...]]\n' >&2
  exit 2
}
requirements=$(realpath "$1")
venv=${2:-build/venv}
shift $(($# < 2 ? $# : 2))
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stamp=$venv/installed-$(sha256sum "$requirements" | cut -c1-16)
if [[ -f $stamp ]]; then exit 0; fi

[[ -x $venv/bin/pip ]] || python3 -m venv "$venv"
printf 'Installing into %s: %s\n' "$venv" "$(grep -v '^#' "$requirements" | tr '\n' ' ')"
"$venv/bin/pip" install --quiet --disable-pip-version-check "$@" \
  --requirement "$requirements"
touch "$stamp"
