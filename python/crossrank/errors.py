"""The exceptions of crossrank, one for each kind of remedy. Each is also the builtin exception that
code written for other libraries catches."""


class CrossRankError(Exception):
    """What crossrank raises. `str()` is a sentence that says what to do.

    Attributes:
        code: the engine's name for it, for example "BadConfig"; the same on the command line.
    """

    def __init__(self, message: str, code: str = "InvalidArgument") -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type["CrossRankError"], tuple[str, str]]:
        return type(self), (str(self), self.code)


class InvalidArgumentError(CrossRankError, ValueError):
    """An argument or a document is not what it must be, or a text is too long."""


class InputTypeError(InvalidArgumentError, TypeError):
    """A text, pair or document is of the wrong type. sentence-transformers has ValueError there."""


class ModelNotFoundError(CrossRankError, FileNotFoundError):
    """A model is neither a folder nor in the cache and could not be fetched, or lacks a file."""

    def __str__(self) -> str:  # OSError's is made of errno and a path
        return str(self.args[0])


class ModelError(CrossRankError, ValueError):
    """A model's files are malformed, or ask for what this engine or this CPU cannot do."""


class FileError(CrossRankError, OSError):
    """The operating system refused to read or write a file."""

    def __str__(self) -> str:
        return str(self.args[0])


class NetworkError(CrossRankError, ConnectionError):
    """A transfer failed, or brought other bytes than the server announced."""

    def __str__(self) -> str:
        return str(self.args[0])


class JudgeFailedError(CrossRankError, RuntimeError):
    """The judge degraded a ranking, and `strict=True` forbids that."""


class CancelledError(CrossRankError, RuntimeError):
    """The call was told to stop."""


class OutOfMemoryError(CrossRankError, MemoryError):
    """An allocation failed."""


class EngineError(CrossRankError, RuntimeError):
    """A limit on work in progress was reached, or a defect of crossrank was found."""
