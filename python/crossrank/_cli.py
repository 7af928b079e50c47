"""The command `crossrank` of a wheel: becomes the binary that the package carries."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    binary = Path(__file__).parent / "bin" / "crossrank"
    if not os.access(binary, os.X_OK):
        sys.exit(f"crossrank: {binary} is missing or not executable; install the package again")
    os.execv(binary, [sys.argv[0], *sys.argv[1:]])


if __name__ == "__main__":
    main()
