#!/usr/bin/env bash
# Checks that the dist/ of each page is what its sources give, then tests the pages in Chromium.
#
#   tests/server/page/run.sh [CROSSRANK [ARGUMENT...]]   arguments for playwright test
#
# Without the binary the tests on the real server are skipped. Exit codes are those of npm.
set -euo pipefail

if [[ $# -gt 0 ]]; then
  CROSSRANK=$(realpath "$1")
  export CROSSRANK
  shift
fi
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# Playwright refuses older ones; Debian 12 has 18.
if (($(node -p 'process.versions.node.split(".")[0]') < 20)); then
  printf 'The tests of the page need Node.js 20 or newer; this is %s.\n' "$(node --version)" >&2
  exit 1
fi
for folder in apps/cli/report apps/server/web tests/server/page; do
  # npm leaves a copy of the lock file; a newer lock file means other packages.
  if [[ ! $folder/node_modules/.package-lock.json -nt $folder/package-lock.json ]]; then
    npm ci --prefix "$folder"
  fi
  npm run --silent --prefix "$folder" check
done
npm run --silent --prefix tests/server/page test -- "$@"
