"""`python -m crossrank`: the command."""

from _crossrank_cli import main

main()
