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
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
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


def texts(name: str, value: Iterable[str]) -> list[str]:
    """`value` as a list of str; one str is no list. Raises TypeError, InvalidArgumentError."""
    listed = [] if isinstance(value, str) else list(value)
    if isinstance(value, str) or not all(isinstance(item, str) for item in listed):
        raise TypeError(f"{name} must be a list of str")  # without what it holds: keys, perhaps
    return [text(name, item) for item in listed]


def chunk_options(tokens: int, overlap: int, max_chunks: int) -> _core.ChunkOptions:
    options = _core.ChunkOptions()
    options.tokens = count("chunk_tokens", tokens)
    options.overlap = count("chunk_overlap", overlap)
    options.max_chunks = count("max_chunks", max_chunks)
    return options


def refuse_unknown(where: str, names: Iterable[str]) -> None:
    """Raises TypeError, as Python does, when there is a name."""
    for name in names:
        raise TypeError(f"{where} got an unexpected keyword argument {name!r}")


def refuse(message: str) -> NoReturn:
    """Raises InvalidArgumentError."""
    raise InvalidArgumentError(message)
