#!/usr/bin/env bash
# Runs the tests of this folder, each with the real packages that it asks, in environments of their
# own. Builds nothing.
#
#   python/tests/adapters/run.sh PACKAGE_DIR [PYTEST OPTION...]    PACKAGE_DIR: holds crossrank/
set -euo pipefail

[[ $# -ge 1 && -d $1/crossrank ]] || {
  printf 'usage: python/tests/adapters/run.sh PACKAGE_DIR [PYTEST OPTION...]\n' >&2
  exit 2
}
package=$(realpath "$1")
shift
options=("$@")
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
export PYTHONPATH=$package
failed=()

run() { # requirements, environment, tests...
  local requirements=$1 venv=$2
  shift 2
  tools/venv.sh "$requirements" "build/$venv"
  timeout 600 "build/$venv/bin/python" -B -m pytest -q -p no:cacheprovider --durations=5 \
    ${options[@]+"${options[@]}"} "${@/#/python/tests/adapters/}" || failed+=("$venv")
}

run python/tests/requirements-reference.txt venv-reference \
  sentence_transformers_test.py differences_test.py pages_test.py
run python/tests/requirements-adapters.txt venv-adapters \
  every_adapter_test.py langchain_test.py llama_index_test.py haystack_test.py \
  integrations_page_test.py
run python/tests/requirements-scale.txt venv-scale spark_test.py ray_test.py

[[ ${#failed[@]} == 0 ]] || {
  printf 'failed: %s\n' "${failed[*]}" >&2
  exit 1
}
