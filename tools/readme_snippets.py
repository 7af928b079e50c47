#!/usr/bin/env python3
"""Takes the programs out of a page so that they can be built and run, and looks for the files that
the pages name. Compiles nothing itself.

    tools/readme_snippets.py PAGE OUT_DIR       write OUT_DIR/NAME.cc and NAME.txt, print the names
    tools/readme_snippets.py --run PROGRAM TXT  run PROGRAM; its output must be that of TXT
    tools/readme_snippets.py --paths ROOT       every path of ROOT that its pages name must exist

In a page a program follows the line <!-- program: NAME -->, and what it prints follows the line
<!-- prints: NAME -->; each is the fenced block that comes next. Every C++ block must be a program
with its output: a block without a name is an error, as are a page without any and a name given
twice.

A path is what stands in backticks and begins with a folder of ROOT, where <word> and * stand for
anything, and the target of a link without a scheme, which starts from its page.
"""

import difflib
import re
import subprocess
import sys
from pathlib import Path

PAGES = ["*.md", "docs/**/*.md", "examples/**/*.md", "tests/**/*.md"]
MARK = re.compile(r"<!-- (program|prints): (\w+) -->\s*")


def snippets(text):
    """{"program": {name: text}, "prints": {name: text}}; ValueError says what is wrong."""
    found = {"program": {}, "prints": {}}
    mark = block = None
    for number, line in enumerate(text.splitlines(), 1):
        if block is not None:
            if line.startswith("```"):
                if mark:
                    found[mark[1]][mark[2]] = "".join(block)
                mark = block = None
            else:
                block.append(line + "\n")
        elif line.startswith("```"):
            if not mark and re.match(r"```(cpp|c\+\+|cc)\b", line):
                raise ValueError(f"line {number}: a C++ block without <!-- program: NAME --> above")
            block = []
        elif line.strip():
            if mark:
                raise ValueError(f"line {number}: a fenced block must follow {mark[0].strip()}")
            mark = MARK.fullmatch(line)
            if mark and mark[2] in found[mark[1]]:
                raise ValueError(f"line {number}: {mark[0].strip()} is there twice")
    if block is not None or mark:
        raise ValueError("the last fenced block is missing or has no end")
    if not found["program"] or found["program"].keys() != found["prints"].keys():
        raise ValueError(
            f"programs {sorted(found['program'])}, but outputs "
            f"{sorted(found['prints'])}: there must be some, and one for the other"
        )
    return found


def write_if_changed(path, text):
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def extract(readme, out):
    found = snippets(Path(readme).read_text(encoding="utf-8"))
    Path(out).mkdir(parents=True, exist_ok=True)
    for name in sorted(found["program"]):
        write_if_changed(Path(out, name + ".cc"), found["program"][name])
        write_if_changed(Path(out, name + ".txt"), found["prints"][name])
        print(name)


def run(program, expected_file):
    expected = Path(expected_file).read_text(encoding="utf-8")
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    sys.stdout.writelines(
        difflib.unified_diff(
            expected.splitlines(True), done.stdout.splitlines(True), "the page", "the program"
        )
    )
    if done.returncode or done.stdout != expected:
        raise ValueError(
            f"{program} ended with {done.returncode}, or printed something other than "
            f"its page says. {done.stderr}"
        )


def named_paths(page, root):
    """(line number, what the page says, the glob from ROOT that must match)."""
    folders = {path.name for path in root.iterdir() if path.is_dir() and path.name != "build"}
    fenced = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        if fenced:
            continue
        for said in re.findall(r"`([^`\s]+)`", line):
            if "/" in said and said.split("/")[0] in folders:
                yield number, said, re.sub(r"<\w+>", "*", re.sub(r":\d+$", "", said)).rstrip("/")
        for said in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", line):
            yield number, said, str((page.parent / said).resolve().relative_to(root))


def check_paths(root):
    root = Path(root).resolve()
    pages = {page for pattern in PAGES for page in root.glob(pattern)}
    pages = sorted(page for page in pages if "node_modules" not in page.parts)  # of others
    missing, count = [], 0
    for page in pages:
        for number, said, pattern in named_paths(page, root):
            count += 1
            if not any(root.glob(pattern)):
                missing.append(f"{page.relative_to(root)}:{number}: {said} does not exist")
    if missing or not count:
        raise ValueError("\n".join(missing) or f"no page under {root} names a path")
    print(f"{count} paths on {len(pages)} pages")


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--paths":
        action, arguments = check_paths, sys.argv[2:]
    elif len(sys.argv) == 4 and sys.argv[1] == "--run":
        action, arguments = run, sys.argv[2:]
    elif len(sys.argv) == 3:
        action, arguments = extract, sys.argv[1:]
    else:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    try:
        action(*arguments)
    except (OSError, ValueError) as error:
        print(f"readme_snippets: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
