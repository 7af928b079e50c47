"""Keyword arguments as the compiled part takes them, with errors that name the keyword."""

from __future__ import annotations

import os
from collections.abc import Iterable
from enum import Enum
from typing import NoReturn, TypeVar

from . import _core
from .errors import InvalidArgumentError

Choice = TypeVar("Choice", bound=Enum)


def choice(name: str, value: str, kind: type[Choice]) -> Choice:
    """The member of a compiled enum called `value`. Raises InvalidArgumentError, TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is of type {type(value).__name__}; it must be a str")
    try:
        return kind[value]
    except KeyError:
        known = ", ".join(kind.__members__)
        raise InvalidArgumentError(
            f'{name} is "{value}"; it must be one of {known}',
        ) from None


def count(name: str, value: int, least: int = 0) -> int:
    """`value` as a whole number of at least `least`. Raises InvalidArgumentError, TypeError."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):  # True is no number of anything
        raise TypeError(f"{name} is of type {type(value).__name__}; it must be an int")
    number = int(value.__index__())
    if number < least:
        refuse(f"{name} is {number}; it must be at least {least}")
    if number >= 2**63:
        refuse(f"{name} is too large; it must be below 2**63")
    return number


def number(name: str, value: float | None) -> float | None:
    """`value` as a float, or None. Raises TypeError, InvalidArgumentError."""
    if value is None:
        return None
    if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
        raise TypeError(f"{name} is of type {type(value).__name__}; it must be a number or None")
    try:
        return float(value)
    except OverflowError:
        refuse(f"{name} is too large for a float")


def text(name: str, value: str | None) -> str:
    """`value` as a str, "" for None. Raises TypeError, InvalidArgumentError."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{name} is of type {type(value).__name__}; it must be a str or None")
    if "\0" in value:
        refuse(f"{name} holds a NUL character, at which the system would end it")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError(f"{name} holds a lone surrogate, which UTF-8 has not") from None
    return value


def path(name: str, value: str | os.PathLike[str] | None) -> str:
    """`value` as a str, "" for None. Raises TypeError, InvalidArgumentError."""
    if value is None or isinstance(value, (str, os.PathLike)):
        return text(name, None if value is None else os.fspath(value))
    raise TypeError(f"{name} is of type {type(value).__name__}; it must be a str or a path")


def absolute(name: str, value: str) -> str:
    """A path that also a process with another folder of its own finds. Raises
    InvalidArgumentError."""
    return text(f"the absolute path of {name}", os.path.abspath(value))


def texts(name: str, value: Iterable[str]) -> list[str]:
    """`value` as a list of str; one str is no list. Raises TypeError, InvalidArgumentError."""
    is_list = hasattr(value, "__iter__") and not isinstance(value, str)
    listed = list(value) if is_list else []
    if not is_list or not all(isinstance(item, str) for item in listed):
        raise TypeError(f"{name} must be a list of str")  # without what it holds: keys, perhaps
    return [text(name, item) for item in listed]


def load_options(
    *,
    precision: str = "fp32",
    isa: str | None = None,
    threads: int | None = None,
    max_length: int | None = None,
    revision: str | None = None,
    cache_folder: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
    token: bool | str | None = None,
    calibration: str | os.PathLike[str] | bool | None = None,
) -> _core.LoadOptions:
    """Of CrossEncoder's arguments. Raises InvalidArgumentError, TypeError."""
    options = _core.LoadOptions()
    options.precision = choice("precision", precision, _core.Precision)
    options.isa = text("isa", isa)
    options.threads = 0 if threads is None else count("threads", threads, 1)
    options.max_length = 0 if max_length is None else count("max_length", max_length, 1)
    options.revision = text("revision", revision)
    folder = cache_folder or os.environ.get("SENTENCE_TRANSFORMERS_HOME")
    options.cache_dir = path("cache_folder", folder)
    options.token = text("token", token) if isinstance(token, str) else ""
    options.local_files_only = bool(local_files_only)
    options.calibration = _calibration(calibration)
    return options


def _calibration(given: str | os.PathLike[str] | bool | None) -> str:
    if given is False:
        return "none"
    if given is True:
        refuse("calibration is True; it must be a file, False for none, or None")
    file = path("calibration", given)
    return absolute("calibration", file) if file else ""


def score_options(
    batch_size: int = 32,
    max_length: int | None = None,
    max_chars: int = 0,
    truncation: str = "longest_first",
) -> _core.ScoreOptions:
    """Of predict's arguments. Raises InvalidArgumentError, TypeError."""
    options = _core.ScoreOptions()
    if not hasattr(batch_size, "__index__"):
        raise TypeError(
            f"batch_size is of type {type(batch_size).__name__}; it must be an int (predict "
            f"takes pairs and then batch_size; prompt_name and prompt are keyword arguments)"
        )
    if batch_size <= 0:
        refuse(f"batch_size must be a positive integer, got {batch_size}.")
    options.batch_size = count("batch_size", batch_size, 1)
    options.max_length = 0 if max_length is None else count("max_length", max_length, 1)
    options.truncation = choice("truncation", truncation, _core.Truncation)
    options.max_chars = count("max_chars", max_chars)
    return options


def chunk_options(
    chunk_tokens: int = 256, chunk_overlap: int = 32, max_chunks: int = 32
) -> _core.ChunkOptions:
    options = _core.ChunkOptions()
    options.tokens = count("chunk_tokens", chunk_tokens)
    options.overlap = count("chunk_overlap", chunk_overlap)
    options.max_chunks = count("max_chunks", max_chunks)
    return options


def refuse_unknown(where: str, names: Iterable[str]) -> None:
    """Raises TypeError, as Python does, when there is a name."""
    for name in names:
        raise TypeError(f"{where} got an unexpected keyword argument {name!r}")


def refuse(message: str) -> NoReturn:
    """Raises InvalidArgumentError."""
    raise InvalidArgumentError(message)
