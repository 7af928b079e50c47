#!/usr/bin/env bash
# Runs every fuzzer of a tree built with the fuzz preset. Stops at the first that finds something.
#
#   tools/fuzz.sh BUILD_DIR SECONDS    SECONDS for each fuzzer
set -euo pipefail

[[ $# == 2 ]] || { printf 'usage: tools/fuzz.sh BUILD_DIR SECONDS\n' >&2; exit 2; }
build=$1 seconds=$2
corpora=$(dirname "${BASH_SOURCE[0]}")/../tests/fuzz/corpus
count=0
for corpus in "$corpora"/*/; do
  name=$(basename "$corpus")
  mkdir -p "$build/found/$name"
  printf -- '--- fuzz_%s: %s s\n' "$name" "$seconds"
  # New inputs go to the first folder; the committed corpus is only read.
  "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -print_final_stats=1 \
    -artifact_prefix="$build/found/$name-" "$build/found/$name" "$corpus"
  count=$((count + 1))
done
[[ $count -gt 0 ]] || { printf 'no corpus under %s\n' "$corpora" >&2; exit 1; }
printf '%d fuzzers ran for %s s each and found nothing\n' "$count" "$seconds"
