#!/usr/bin/env bash
# Has systemd read crossrank.service: its words (verify) and what it leaves open (security). Starts
# nothing.
#
#   examples/systemd/check.sh [BINARY]    default build/release/crossrank: stands for the installed one
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binary=$(realpath "${1:-$here/../../build/release/crossrank}")
# In tenths, as systemd-analyze security counts: 0 is locked away, 100 is root with all rights.
threshold=12

command -v systemd-analyze >/dev/null || {
  printf 'check.sh: systemd-analyze is not installed, so nothing was checked\n' >&2
  exit 1
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unit=$folder/crossrank.service
sed "s|/usr/local/bin/crossrank|$binary|" "$here/crossrank.service" >"$unit"

# It exits with 0 where it only warns, for example of a name that it does not know.
said=$(systemd-analyze verify --man=no "$unit" 2>&1 | grep -F crossrank.service || true)
if [[ -n $said ]]; then
  printf 'check.sh: %s\n' "$said" >&2
  exit 1
fi
printf 'systemd-analyze verify: nothing to complain of\n'
# The part of the output that says what is left open, then the sum; exit code 1 above the threshold.
systemd-analyze security --offline=yes --no-pager --threshold=$threshold "$unit" |
  grep -E '^✗|Overall exposure'

# The flags of ExecStart are the binary's.
help=$("$binary" serve --help)
sed -n '/^ExecStart=/,/[^\\]$/p' "$unit" | grep -o -- '--[a-z-]*' | while read -r flag; do
  if [[ $help != *"$flag"* ]]; then
    printf 'check.sh: crossrank serve has no %s\n' "$flag" >&2
    exit 1
  fi
done
printf 'The flags of ExecStart are there. Not checked: the unit under a running systemd.\n'
