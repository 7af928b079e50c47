#!/usr/bin/env bash
# Makes build/venv hold the Python packages of a requirements file. System packages are deps.sh's.
#
#   tools/venv.sh REQUIREMENTS.txt    does nothing when that file was installed as it is now
set -euo pipefail

[[ $# == 1 && -f $1 ]] || { printf 'usage: tools/venv.sh REQUIREMENTS.txt\n' >&2; exit 2; }
requirements=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=build/venv
stamp=$venv/installed-$(sha256sum "$requirements" | cut -c1-16)
if [[ -f $stamp ]]; then exit 0; fi

[[ -x $venv/bin/pip ]] || python3 -m venv "$venv"
printf 'Installing into %s: %s\n' "$venv" "$(grep -v '^#' "$requirements" | tr '\n' ' ')"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
touch "$stamp"
