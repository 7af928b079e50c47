#!/usr/bin/env bash
# Ranks the example corpus for each example query with the built-in model, and shows which passage
# would come first if shared words were all that counted. Change a passage, and the tables change.
#
#   examples/demo.sh [CROSSRANK]     the binary; default build/release/crossrank
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
crossrank="${1:-$here/../build/release/crossrank}"
corpus="$here/corpus.jsonl"

# The id and the start of the passage that has the most distinct words of the query.
most_shared_words() {
  awk -v query="$1" '
    function words(text) { text = tolower(text); gsub(/[^a-z0-9]+/, " ", text); return " " text " " }
    function member(name) {
      if (!match($0, "\"" name "\": \"[^\"]*\"")) return ""
      return substr($0, RSTART + length(name) + 5, RLENGTH - length(name) - 6)
    }
    BEGIN { count = split(words(query), list, " ") }
    {
      text = words(member("page_content")); shared = 0; split("", seen)
      for (i = 1; i <= count; i++)
        if (!(list[i] in seen) && index(text, " " list[i] " ")) { seen[list[i]]; shared++ }
      if (shared > best) { best = shared; id = member("id"); start = substr(member("page_content"), 1, 50) }
    }
    END { printf "most shared words (%d): %s, \"%s...\"\n", best, id, start }' "$corpus"
}

while IFS=$'\t' read -r _ query; do
  "$crossrank" rank --query "$query" --model builtin --top-k 3 --format table "$corpus"
  most_shared_words "$query"
  echo
done <"$here/queries.tsv"
