#!/usr/bin/env python3
# Draws docs/images/demo.svg from the command's own output on a terminal. Needs the package rich.
"""tools/demo_image.py [BINARY]: runs `rank` on examples/ in a pseudo-terminal, saves a picture."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

from rich.console import Console
from rich.text import Text

COLUMNS = 92
QUERIES = [
    "is the money on my account lost when a bank goes bankrupt",
    "who walked on the moon first",
]


def on_terminal(command):
    """What `command` writes to a terminal of COLUMNS columns."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    process = subprocess.Popen(command, stdout=child, stderr=subprocess.DEVNULL)
    os.close(child)
    output = b""
    while True:
        try:
            chunk = os.read(parent, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not chunk:
            break
        output += chunk
    if process.wait() != 0:
        sys.exit(f"{command[0]} failed with exit code {process.returncode}")
    return output.decode().replace("\r\n", "\n")


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else "build/release/crossrank"
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w", encoding="utf-8"))
    for query in QUERIES:
        command = [binary, "rank", "-q", query, "--model", "builtin", "--top-k", "3"]
        console.print(Text(f'$ crossrank rank -q "{query}" corpus.jsonl', style="bold"))
        console.print(Text.from_ansi(on_terminal(command + ["examples/corpus.jsonl"])))
    console.save_svg("docs/images/demo.svg", title="crossrank")


if __name__ == "__main__":
    main()
