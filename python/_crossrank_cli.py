"""The command `crossrank` of a wheel: becomes the binary that the package carries.

Beside the package and not in it: importing anything of the package loads the engine first, which
takes several times as long as the command's own start.
"""

import os
import sys


def main() -> None:
    binary = os.path.join(os.path.dirname(os.path.abspath(__file__)), "crossrank/bin/crossrank")
    if not os.access(binary, os.X_OK):
        sys.exit(f"crossrank: {binary} is missing or not executable; install the package again")
    os.execv(binary, [sys.argv[0], *sys.argv[1:]])
