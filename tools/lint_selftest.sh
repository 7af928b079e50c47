#!/usr/bin/env bash
# Feeds each check of tools/lint.sh something bad and fails unless the check refuses it.
#
#   tools/lint_selftest.sh BUILD_DIR    BUILD_DIR: where the kernel objects are
set -euo pipefail

[[ $# == 1 ]] || { printf 'usage: tools/lint_selftest.sh BUILD_DIR\n' >&2; exit 2; }
build=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp .clang-format .clang-tidy ruff.toml "$work"  # the tools look for them beside the file
failures=0

# The words must be in the output, so that a check which fails for another reason does not count.
refuses() { # words, command...
  local words=$1 output
  shift
  if output=$("$@" 2>&1); then
    printf 'not refused: %s\n' "$*" >&2
  elif [[ $output != *"$words"* ]]; then
    printf 'refused, but without "%s": %s\n%s\n' "$words" "$*" "$output" >&2
  else
    return 0
  fi
  failures=$((failures + 1))
}

accepts() { # command...
  local output
  output=$("$@" 2>&1) || {
    printf 'refused a good input: %s\n%s\n' "$*" "$output" >&2
    failures=$((failures + 1))
  }
}

format() { clang-format-14 --dry-run -Werror "$work/$1"; }
tidy() { clang-tidy-14 --quiet "$work/$1" -- -std=c++20; }

cat >"$work/good.cc" <<'CODE'
// A snippet that every check accepts.
#include <string>
#include <utility>

namespace {
constexpr int kAnswer = 42;
class Keeper {
 public:
  explicit Keeper(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};
}  // namespace

int answer_for(const std::string& question) {
  const Keeper keeper(question);
  return keeper.text().empty() ? 0 : kAnswer;
}
CODE
accepts format good.cc
accepts tidy good.cc

sed 's/int answer_for/int  answer_for/' "$work/good.cc" >"$work/spaces.cc"
refuses 'clang-format-violations' format spaces.cc

sed 's/answer_for/AnswerFor/' "$work/good.cc" >"$work/function_name.cc"
refuses "invalid case style for function 'AnswerFor'" tidy function_name.cc
sed 's/text_\b/text_value/' "$work/good.cc" >"$work/member_name.cc"
refuses 'readability-identifier-naming' tidy member_name.cc
sed 's/kAnswer/answer/' "$work/good.cc" >"$work/constant_name.cc"
refuses "invalid case style for constexpr variable 'answer'" tidy constant_name.cc

cat >"$work/moved.cc" <<'CODE'
// Uses a string after it was moved from.
#include <string>
#include <utility>

std::string twice(std::string text) {
  std::string first = std::move(text);
  return first + text;
}
CODE
refuses 'bugprone-use-after-move' tidy moved.cc

mkdir -p "$work/tree/src/text"
printf '// A source of text, which may not include the model.\n#include "model/config.h"\n' \
  >"$work/tree/src/text/bad.cc"
refuses 'text may include only' tools/check_includes.py "$work/tree"

kernels=src/kernels/CMakeFiles/crossrank_kernels.dir
mkdir -p "$work/build/$kernels"
cp "$build/$kernels"/*.o "$work/build/$kernels"
accepts tools/check_kernel_objects.py "$work/build"
cp "$build/$kernels/dispatch.cc.o" "$work/build/$kernels/scalar.cc.o"
refuses 'it must export its kernel table and nothing else' \
  tools/check_kernel_objects.py "$work/build"

ruff=build/venv/bin/ruff
if [[ -x $ruff ]]; then
  printf '"""A snippet that ruff accepts."""\n\nimport os\n\nprint(os.name)\n' >"$work/good.py"
  accepts "$ruff" format --no-cache --check "$work/good.py"
  accepts "$ruff" check --no-cache "$work/good.py"
  sed 's/os.name/ os.name/' "$work/good.py" >"$work/spaces.py"
  refuses 'would be reformatted' "$ruff" format --no-cache --check "$work/spaces.py"
  sed 's/os.name/1/' "$work/good.py" >"$work/unused.py"
  refuses 'F401' "$ruff" check --no-cache "$work/unused.py"
  printf '\nprint("%s")\n' "$(printf 'x %.0s' {1..50})" >"$work/long.py"
  refuses 'E501' "$ruff" check --no-cache "$work/long.py"
else  # lint.sh says that Python was not checked
  printf 'lint_selftest: ruff is not there to be tried\n'
fi

# shellcheck disable=SC2016  # the bad script's own text
printf '#!/usr/bin/env bash\nrm -r $1\n' >"$work/bad.sh"
refuses 'SC2086' shellcheck "$work/bad.sh"

[[ $failures == 0 ]] || exit 1
printf 'lint_selftest: every check refused what it must refuse\n'
