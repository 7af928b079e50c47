#!/usr/bin/env python3
"""Proves on object files what keeps a binary with AVX code runnable on older CPUs. Builds nothing.

    tools/check_kernel_objects.py BUILD_DIR

An object of src/kernels that is built for one instruction set exports its table and nothing else:
a weak function compiled there could be the copy that the linker keeps for everyone. Every other
object of the library and the command uses no instruction that the baseline CPU lacks. Uses nm and
objdump; prints one line an error and exits with 1 if there was one.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

BASELINE = ["dispatch", "reference"]  # of src/kernels; the rest are per-ISA
# Of the objects, which a cross build makes for another CPU than this one: ELF's numbers.
X86_64, AARCH64 = 62, 183
TRIPLET = {X86_64: "x86_64-linux-gnu", AARCH64: "aarch64-linux-gnu"}
# An AVX instruction begins with v; AVX-512 adds 16 registers, zmm and the masks k0 to k7.
AVX512 = r"%zmm|%k[0-7]\b|%[xy]mm(1[6-9]|2\d|3[01])"
AVX = r"^v[a-z]|%[yz]mm"
LATER = r"^(sha(1|256)|pshufb|palignr|pblend|pmulld|popcnt|crc32)"  # than SSE2: the usual ones
# Than Armv8.2 with the dot product: other products, and SVE's registers. Than Armv8.0: the usual.
AFTER_DOT = r"^(usdot|sudot|us?mmla|smmla|bf(dot|mmla|mlal|cvt))|\b[zp]\d+[./]"
AFTER_ARM8 = r"^([su]dot|fmlal|cas|swp|ld(add|set|clr)|sha(1|256|512)|aes|crc32)"
# What an object must not contain, by the start of its name; "" is every other object.
FORBIDDEN = {
    X86_64: {"avx512": None, "avx2": AVX512, "": f"{AVX}|{LATER}"},
    AARCH64: {"neon_dotprod": AFTER_DOT, "": f"{AFTER_DOT}|{AFTER_ARM8}"},
}
# One function in it has a target of its own, and is called only after a look at the CPU.
CHOSEN_AT_RUN_TIME = "crossrank_base.dir/sha256.cc.o"
EXPECTED = {
    X86_64: {"avx2", "avx2_int8", "avx512", "avx512_bf16", "avx512_vnni"},
    AARCH64: {"neon", "neon_dotprod"},
}
EXPECTED_EVERYWHERE = {"scalar", "scalar_int8"}
OBJECTS = ["src/*/CMakeFiles/crossrank_*.dir/**/*.o", "apps/*/CMakeFiles/*.dir/**/*.o"]


def machine(path):
    with path.open("rb") as file:
        return int.from_bytes(file.read(20)[18:], "little")


def output(tool, *options, path):
    """What the tool of the object's own machine says about it, where there is one of that name."""
    tool = shutil.which(f"{TRIPLET.get(machine(path))}-{tool}") or tool
    return subprocess.run([tool, *options, path], check=True, capture_output=True, text=True).stdout


def exports(path):
    """Errors about the symbols and sections of a per-ISA object."""
    symbols = [line.split() for line in output("nm", "--defined-only", path=path).splitlines()]
    weak = [s[-1] for s in symbols if s[-2] in "wWvVu"]
    exported = [s[-1] for s in symbols if s[-2].isupper() and s[-1] not in weak]
    if len(exported) != 1 or not re.search(r"k\w+Kernels", exported[0]):
        yield f"exports {exported or 'nothing'}; it must export its kernel table and nothing else"
    if weak:
        yield (
            f"has {len(weak)} weak symbols ({', '.join(weak[:3])}); include C headers only and "
            "keep functions in an unnamed namespace"
        )
    sections = re.findall(
        r"\s(\.(?:preinit_array|init_array|ctors)\S*)\s", output("objdump", "-h", path=path)
    )
    if sections:
        yield f"has static initialisers ({', '.join(sections)}); tables must be constants"


def instructions(path, forbidden):
    """An error about the first instruction that matches `forbidden`, or nothing."""
    for line in output("objdump", "-d", "--no-show-raw-insn", path=path).splitlines():
        code = line.partition(":\t")[2]
        if code and re.search(forbidden, code):
            yield f"has '{' '.join(code.split())}', which not every CPU that runs it has"
            return


def main():
    if len(sys.argv) != 2:
        print(__doc__.split("\n\n")[1].strip(), file=sys.stderr)
        return 2
    build = Path(sys.argv[1])
    objects = sorted({path for pattern in OBJECTS for path in build.glob(pattern)})
    errors, tables = [], set()
    for path in objects:
        name = path.name.split(".")[0]
        per_isa = path.parent.name == "crossrank_kernels.dir" and name not in BASELINE
        if per_isa:
            tables.add(name)
            errors += [f"{path}: {e}" for e in exports(path)]
        rules = FORBIDDEN.get(machine(path), {"": None})
        forbidden = rules[next(i for i in rules if per_isa and name.startswith(i) or not i)]
        if machine(path) == X86_64 and str(path).endswith(CHOSEN_AT_RUN_TIME):
            forbidden = AVX
        if forbidden:
            errors += [f"{path}: {e}" for e in instructions(path, forbidden)]
    expected = EXPECTED_EVERYWHERE.union(*(EXPECTED.get(machine(path), ()) for path in objects))
    if not expected <= tables:
        errors.append(
            f"{build}: no object for {', '.join(sorted(expected - tables))}; build first, "
            "and see src/kernels/CMakeLists.txt if a table is gone"
        )
    for error in errors:
        print("error: " + error)
    print(
        f"check_kernel_objects: {len(objects)} objects, tables {', '.join(sorted(tables))}, "
        f"{len(errors)} errors"
    )
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
