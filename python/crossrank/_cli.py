"""The command of a wheel under the package's own name, for `python -m crossrank`."""

from _crossrank_cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
