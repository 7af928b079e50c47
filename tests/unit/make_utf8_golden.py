"""Prints the constants of base_utf8_test.cc: CPython's view of ill-formed UTF-8. Run by hand."""

import hashlib
import itertools

# Bytes on both sides of every boundary of Unicode's table 3-7.
BOUNDARIES = bytes.fromhex("417f808f909fa0bfc1c2dfe0e1ecedeeeff0f1f3f4f5ff")

CASES = [
    "41ff42",
    "c3",
    "c328",
    "c0af",
    "e282",
    "e28241",
    "e228a1",
    "eda080",
    "edbfbf",
    "f09f98",
    "f09f9841",
    "f0808080",
    "f4908080",
    "f5808080",
    "808080",
    "e0809f",
    "e0a0",
    "f1e1c1",
    "fe",
    "e28282ace282",
    "f09f9880f09f",
]


def repair(data):
    return data.decode("utf-8", errors="replace").encode()


digest = hashlib.sha256()
for length in range(1, 5):
    for text in itertools.product(BOUNDARIES, repeat=length):
        digest.update(repair(bytes(text)) + b"\n")
print(digest.hexdigest())
for case in CASES:
    print(f'    {{"{case}", "{repair(bytes.fromhex(case)).hex()}"}},')
