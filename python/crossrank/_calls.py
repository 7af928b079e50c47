"""Calls of the compiled part: progress bars, asyncio. Numpy and tqdm are imported when needed:
`import crossrank` is a part of every start of the command."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ._core import CancelToken

T = TypeVar("T")
OnProgress = Callable[[int, int], None]

logger = logging.getLogger("crossrank")


@contextmanager
def progress_bar(show: bool | None, total: int, unit: str = "pair") -> Iterator[OnProgress | None]:
    """A tqdm bar's update function. None shows one only where logging is at INFO or below, as
    sentence-transformers has it."""
    if show is None:
        show = logger.getEffectiveLevel() in (logging.INFO, logging.DEBUG)
    if not show:
        yield None
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, unit=unit, desc="Scoring") as bar:

        def update(done: int, of: int) -> None:
            bar.total = of
            bar.update(done - bar.n)

        yield update
        bar.update(total - bar.n)  # the last step is not told where a call ends at once


def in_thread(call: Callable[[CancelToken], T]) -> Awaitable[T]:
    """Runs `call` in a thread of the event loop's. Cancelling the task stops the call."""
    import asyncio

    async def run() -> T:
        token = CancelToken()
        try:
            return await asyncio.to_thread(call, token)
        except asyncio.CancelledError:
            token.cancel()
            raise

    return run()
