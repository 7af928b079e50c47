#!/usr/bin/env python3
"""Proves who includes whom: the diagram of docs/design/0001-layers.md as a table. Not a compiler.

    tools/check_includes.py [ROOT]

Reads the #include lines of include/, src/, apps/, tests/, bench/ and examples/, and checks the
table below, the first line and the length of each file. Prints one line an error (file:line,
what is wrong, what is allowed) and exits with 1 if there was one.
"""

import os
import re
import sys

# Layer -> the layers it may include, itself aside. A value after a colon narrows it to one header.
# The public headers are no layer: see VOCABULARY and FACES.
LAYERS = {
    "base": [],
    "json": ["base"],
    "text": ["json", "base"],
    "weights": ["json", "base"],
    "kernels": ["base"],
    "model": ["weights", "kernels:kernel_table.h", "json", "base"],
    "hub": ["json", "base"],
    "engine": ["text", "model", "weights", "kernels:dispatch.h", "kernels:kernel_table.h", "hub",
               "json", "base"],
    "judge": ["json", "base"],
    "rerank": ["judge", "json", "base"],
    "eval": ["base"],
    "apps/cli": ["json", "hub", "eval", "base"],
    "apps/server": ["json", "hub", "eval", "base"],
}
# Public headers of plain data, for every layer; and those that promise behaviour, for the layers
# that keep the promise and for those that only see the public side.
VOCABULARY = ["result.h", "options.h", "document.h", "version.h"]
FACES = ["engine", "rerank", "apps/cli", "apps/server"]

# Headers of libraries: prefix -> the layers that may name it, narrowed to one file after a colon.
LIBRARIES = {
    "nlohmann/": ["json"],
    "CLI/": ["apps/cli"],
    "curl/": ["base:curl_api"],
}
SYSTEM = re.compile(r"sys/\w+\.h|(cpuid|dirent|dlfcn|errno|fcntl|poll|pthread|pwd|sched|signal"
                    r"|stddef|stdint|stdio|stdlib|string|termios|time|unistd|wchar)\.h")
STANDARD = re.compile(r"[a-z_0-9]+")  # <vector>: no dot, no slash

# src/kernels/*.cc that are built for the baseline CPU; every other one is built for its own, so it
# may include nothing that could leave a weak function behind.
BASELINE_KERNEL_SOURCES = ["dispatch.cc", "cpu_features.cc", "reference.cc"]
KERNEL_SYSTEM = ["float.h", "limits.h", "math.h", "stdbool.h", "stddef.h", "stdint.h", "string.h",
                 "immintrin.h", "arm_neon.h"]
ISA_RULE = "a file built for one instruction set includes only kernel_table.h, our -inl.h"

TREES = ["include", "src", "apps", "tests", "bench", "examples"]
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
# Lines: the aim, beyond which there is a warning, and the limit.
LIMITS = {".cc": (600, 700), "-inl.h": (600, 700), ".h": (200, 250)}


class Checker:
    def __init__(self, root):
        self.root = root
        self.errors = []
        self.warnings = []
        self.graph = {}  # file -> files of ours that it includes

    def error(self, path, line, message):
        self.errors.append(f"{path}:{line}: {message}")

    def run(self):
        table = {layer: [a.split(":")[0] for a in allowed] for layer, allowed in LAYERS.items()}
        for cycle in cycles(table):
            self.errors.append("tools/check_includes.py: the table itself has a cycle: " + cycle)
        found = 0
        for tree in TREES:
            for directory, subdirectories, names in os.walk(os.path.join(self.root, tree)):
                subdirectories.sort()
                for name in sorted(names):
                    if name.endswith((".h", ".cc")):
                        self.check_file(os.path.relpath(os.path.join(directory, name), self.root))
                        found += 1
        if not found:
            self.errors.append(f"{self.root}: no C++ file found under {', '.join(TREES)}")
        for cycle in cycles(self.graph):
            self.errors.append("headers include each other: " + cycle)
        return found

    def check_file(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            lines = file.read().splitlines()
        if not lines or not re.match(r"(//|/\*)\s*\w.{10,}", lines[0]):
            self.error(path, 1, "the first line must be a comment that says what the file is")
        suffix = next(s for s in (".cc", "-inl.h", ".h") if path.endswith(s))
        aim, limit = LIMITS[suffix]
        if len(lines) > aim and "enerated by" not in lines[0]:
            out = self.errors if len(lines) > limit else self.warnings
            out.append(f"{path}:{aim}: {len(lines)} lines; {suffix} files should stay under {aim} "
                       f"and must stay within {limit}")
        for number, line in enumerate(lines, 1):
            if "nlohmann::" in line and not path.startswith("src/json/"):
                self.error(path, number, "only src/json names nlohmann; use json::Value")
            match = INCLUDE.match(line)
            if match:
                self.check_include(path, number, match[1] == "<", match[2])

    def check_include(self, path, line, angled, name):
        if path.startswith("include/"):
            self.check_public(path, line, angled, name)
        elif path.startswith(("src/", "apps/")):
            parts = path.split("/")
            layer = parts[1] if parts[0] == "src" else "/".join(parts[:2])
            if layer not in LAYERS:
                self.error(path, line, f"'{layer}' is no layer of the table; there are: "
                           + ", ".join(LAYERS))
            elif angled:
                self.check_angled(path, line, layer, name)
            else:
                self.check_quoted(path, line, layer, name)
        elif name.startswith("nlohmann/"):
            self.error(path, line, "only src/json includes nlohmann; include json/json.h")

    def check_public(self, path, line, angled, name):
        if angled and not STANDARD.fullmatch(name):
            self.error(path, line, f"<{name}>: public headers include standard C++ headers only")
        if not angled:
            if not name.startswith("crossrank/"):
                self.error(path, line, f'"{name}": public headers include "crossrank/..." only')
            self.link(path, line, "include/" + name)

    def check_angled(self, path, line, layer, name):
        if is_isa_file(path):
            if name not in KERNEL_SYSTEM:
                self.error(path, line, f"<{name}>: {ISA_RULE} and {', '.join(KERNEL_SYSTEM)}")
            return
        library = next((prefix for prefix in LIBRARIES if name.startswith(prefix)), None)
        if library:
            stem = os.path.splitext(os.path.basename(path))[0]
            if layer not in LIBRARIES[library] and f"{layer}:{stem}" not in LIBRARIES[library]:
                self.error(path, line, f"<{name}>: only {', '.join(LIBRARIES[library])} includes "
                           f"<{library}...>")
        elif not STANDARD.fullmatch(name) and not SYSTEM.fullmatch(name):
            self.error(path, line, f"<{name}> is neither a standard header nor one of the system "
                       "and library headers that tools/check_includes.py lists")

    def check_quoted(self, path, line, layer, name):
        top, _, rest = name.rpartition("/")
        target = name.split("/")[0]
        allowed = LAYERS[layer]
        if is_isa_file(path) and name != "kernels/kernel_table.h" and not (
                target == "kernels" and rest.endswith("-inl.h")):
            self.error(path, line, f'"{name}": {ISA_RULE}')
        elif top == "crossrank":
            self.link(path, line, "include/" + name)
            if rest not in VOCABULARY and layer not in FACES:
                self.error(path, line, f'"{name}": {layer} may include of the public headers only '
                           + ", ".join(VOCABULARY))
        elif layer.startswith("apps/") and os.path.exists(
                os.path.join(self.root, os.path.dirname(path), name)):
            self.link(path, line, os.path.join(os.path.dirname(path), name))
        elif not top:
            self.error(path, line, f'"{name}": write the layer too, as in "{layer}/{name}"')
        elif target != layer and target not in allowed and f"{target}:{rest}" not in allowed:
            self.error(path, line, f'"{name}": {layer} may include only '
                       + (", ".join(allowed) or "itself"))
        else:
            self.link(path, line, "src/" + name)

    def link(self, path, line, included):
        self.graph.setdefault(path, []).append(included)
        if not os.path.exists(os.path.join(self.root, included)):
            self.error(path, line, f"includes {included}, which does not exist")


def is_isa_file(path):
    """True for the files that are compiled once for each instruction set."""
    if not path.startswith("src/kernels/"):
        return False
    name = os.path.basename(path)
    return name.endswith("-inl.h") or name == "kernel_table.h" or (
        name.endswith(".cc") and name not in BASELINE_KERNEL_SOURCES)


def cycles(graph):
    """One line for each cycle that a depth-first walk closes."""
    found, done, stack = [], set(), []

    def visit(node):
        if node in stack:
            found.append(" -> ".join(stack[stack.index(node):] + [node]))
            return
        if node in done:
            return
        stack.append(node)
        for child in graph.get(node, []):
            visit(child)
        stack.pop()
        done.add(node)

    for node in sorted(graph):
        visit(node)
    return found


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..")
    checker = Checker(root)
    found = checker.run()
    for warning in checker.warnings:
        print("warning: " + warning)
    for error in checker.errors:
        print("error: " + error)
    print(f"check_includes: {found} files, {len(checker.errors)} errors")
    return 1 if checker.errors else 0


if __name__ == "__main__":
    sys.exit(main())
