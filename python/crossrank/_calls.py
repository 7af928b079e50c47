"""Calls of the compiled part: progress bars, asyncio. Numpy and tqdm are imported when needed:
`import crossrank` is a part of every start of the command."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ._core import CancelToken

T = TypeVar("T")
OnProgress = Callable[[int, int], None]

logger = logging.getLogger("crossrank")


@contextmanager
def progress_bar(show: bool | None, total: int, unit: str = "pair") -> Iterator[OnProgress | None]:
    """A tqdm bar's update function. None shows one only where logging is at INFO or below, as
    sentence-transformers has it."""
    if not _is_shown(show):
        yield None
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, unit=unit, desc="Scoring") as bar:

        def update(done: int, of: int) -> None:
            bar.total = of
            bar.update(done - bar.n)

        yield update
        bar.update(total - bar.n)  # the last step is not told where a call ends at once


@contextmanager
def download_bar(show: bool | None) -> Iterator[OnProgress | None]:
    """As `progress_bar`, of bytes; a model that need not be fetched shows none."""
    if not _is_shown(show):
        yield None
        return
    from tqdm.auto import tqdm

    bar: tqdm[Any] | None = None

    def update(done: int, of: int) -> None:
        nonlocal bar
        if of > 0 and bar is None:
            bar = tqdm(total=of, unit="B", unit_scale=True, desc="Downloading")
        if bar is not None:
            bar.update(done - bar.n)  # may be negative: a transfer that begins anew

    try:
        yield update
    finally:
        if bar is not None:
            bar.close()


def _is_shown(show: bool | None) -> bool:
    if show is None:
        return logger.getEffectiveLevel() in (logging.INFO, logging.DEBUG)
    return show


async def in_thread(call: Callable[[CancelToken], T]) -> T:
    """Runs `call` in a thread of the event loop's. Cancelling the task stops the call."""
    import asyncio

    token = CancelToken()
    try:
        return await asyncio.to_thread(call, token)
    except asyncio.CancelledError:
        token.cancel()
        raise
