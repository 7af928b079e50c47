"""What the tests of the adapters share: a made-up corpus, a judge, a way to time a cancellation.
It tests nothing."""

import asyncio
import contextlib
import pathlib
import subprocess
import sys
import threading
import time

import crossrank

ROOT = pathlib.Path(__file__).resolve().parents[3]
MODELS = ROOT / "tests/golden/data/models"
sys.path.insert(0, str(ROOT / "tests/judge"))

from fault_server import FaultServer  # noqa: E402

QUERY = "why do cats sleep so much"
TEXTS = [
    "The train to the coast leaves at noon.",
    "Cats sleep twelve hours a day to save energy for the hunt.",
    "Dogs sleep less than cats do.",
    "A kitten was found behind the station.",
    "Sleep is when a cat's brain sorts what it has learnt.",
]
#: The same for the judge of fault_server.py, which reads grades.
GRADED = [f"{text} grade {grade}" for text, grade in zip(TEXTS, (0, 3, 9, 1, 6))]

ENCODER = crossrank.CrossEncoder("builtin", threads=1)


def expected(texts=TEXTS, top_k=0, **options):
    """The engine's own ranking of texts, without a cut."""
    return crossrank.CrossEncoderReRanker(ENCODER, top_k, **{"max_chars": 0, **options}).rank(
        QUERY, texts
    )


def indices(ranking):
    return [result.index for result in ranking.results]


@contextlib.contextmanager
def hybrid(behaviour="good", top_k=2):
    """A HybridReRanker whose judge behaves as fault_server.py says, and its server."""
    with FaultServer([behaviour]) as server:
        judge = crossrank.LlmJudge(top_k, url=server.url, model="judge-model", seed=1)
        first = crossrank.CrossEncoderReRanker(ENCODER, 4, max_chars=0)
        yield crossrank.HybridReRanker(top_k, cross_encoder=first, judge=judge), server


def import_without(framework, module):
    """The last line on stderr of importing `module` where `framework` is not installed."""
    program = f"import sys; sys.modules[{framework!r}] = None; import {module}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]


def seconds_of_whole_and_cancelled(start):
    """How long start()'s coroutine keeps its thread: awaited, and cancelled a little after it
    began."""

    async def whole():
        await start()

    async def cancelled():
        task = asyncio.ensure_future(start())
        await asyncio.sleep(0.1)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()

    seconds = []
    for main in (whole, cancelled):
        begin = time.monotonic()
        asyncio.run(main())  # which waits for the threads that still work
        seconds.append(time.monotonic() - begin)
    return seconds


def stays_responsive(start):
    """Whether the event loop ran on while start()'s coroutine was awaited."""
    ticks = 0
    loop_thread = threading.get_ident()

    async def count():
        nonlocal ticks
        assert threading.get_ident() == loop_thread
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    async def main():
        ticker = asyncio.ensure_future(count())
        await start()
        ticker.cancel()

    asyncio.run(main())
    return ticks > 5
