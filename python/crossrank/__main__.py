"""`python -m crossrank`: the command."""

from ._cli import main

main()
