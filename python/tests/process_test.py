"""What a process goes through: threads, signals, forks, leaks, imports."""

import asyncio
import concurrent.futures
import gc
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import DOCUMENTS, QUERY, golden, in_child, pairs

import crossrank

exact = pytest.mark.skipif(
    "CROSSRANK_SANITIZE" in os.environ, reason="a sanitizer's memory and time are its own"
)


def test_16_threads_share_one_object(tiny):
    inputs = pairs(300)
    expected = tiny.predict(inputs)
    ranked = tiny.rank("q", DOCUMENTS)
    start = threading.Barrier(16)

    def work(number):
        start.wait()
        for _ in range(10):
            order = np.random.default_rng(number).permutation(len(inputs))
            scores = tiny.predict([inputs[i] for i in order], batch_size=number + 1)
            np.testing.assert_array_equal(scores, expected[order])
            assert tiny.rank("q", DOCUMENTS) == ranked
        return True

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert all(pool.map(work, range(16)))


def test_a_list_that_shrinks_while_it_is_scored(builtin):
    """Another thread drops the strings: the binding has references of its own."""
    inputs = [("query " + str(i), "document " * 20 + str(i)) for i in range(200)]
    expected = builtin.predict([tuple(pair) for pair in inputs])
    thread = threading.Timer(0.05, inputs.clear)
    thread.start()
    scores = builtin.predict(inputs)
    thread.join()
    assert inputs == []
    np.testing.assert_array_equal(scores, expected)


def endless():
    """Minutes of work."""
    return [(QUERY, "word " * 400)] * 20_000


def seconds_until_interrupt(call):
    sent = []

    def send():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.3, send)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        call()
    timer.join()
    return time.monotonic() - sent[0]


@pytest.fixture
def interruptible():
    """Also where SIGINT is ignored, as a shell has it for what it starts in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@exact
def test_ctrl_c_stops_the_work(builtin, interruptible):
    inputs = endless()
    reranker = crossrank.CrossEncoderReRanker(builtin, max_chars=0)
    for call in (
        lambda: builtin.predict(inputs),
        lambda: builtin.rank(QUERY, [document for _, document in inputs]),
        lambda: builtin.score(inputs),
        lambda: reranker.rank(QUERY, [document for _, document in inputs]),
        lambda: builtin.rank(QUERY * 40, ["a"] * 3000),  # few bytes, but for the query
        lambda: builtin.predict([("", "")] * 50_000),
        lambda: builtin.predict((QUERY, "many different words " * 3_000_000)),
    ):
        # The machine may be busy: one of ten.
        assert any(seconds_until_interrupt(call) < 0.2 for _ in range(10))
    assert builtin.predict((QUERY, DOCUMENTS[1])) > 1  # usable afterwards


def test_a_signal_handler_that_does_not_raise(builtin):
    seen = []
    before = signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        scores = builtin.predict([(QUERY, "word " * 100)] * 64)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert len(scores) == 64 and seen == [1]


def test_a_progress_bar(builtin, capfd):
    builtin.predict([(QUERY, "word " * 200)] * 64, show_progress_bar=True)
    printed = capfd.readouterr()
    assert "64/64" in printed.err and printed.out == ""
    builtin.predict(pairs(64))
    assert capfd.readouterr() == ("", "")


def test_cancelling_a_task_stops_its_work(builtin):
    documents = [document for _, document in endless()]

    async def main():
        task = asyncio.create_task(builtin.arank(QUERY, documents))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic()

    cancelled = asyncio.run(main())  # returns when its threads have ended
    assert time.monotonic() - cancelled < 2


def test_gathered_calls(builtin):
    async def main():
        return await asyncio.gather(*(builtin.arank(QUERY, DOCUMENTS) for _ in range(8)))

    assert asyncio.run(main()) == [builtin.rank(QUERY, DOCUMENTS)] * 8


def test_what_can_be_awaited(tiny):
    async def all_of_them():
        pair = ("q", "a")
        assert await tiny.apredict([pair]) == tiny.predict([pair])
        assert await tiny.ascore([pair]) == tiny.score([pair])
        coroutine = tiny.arank("q", ["a"], top_k=1)
        assert coroutine.__qualname__ == "CrossEncoder.arank"
        assert await coroutine == tiny.rank("q", ["a"])

    asyncio.run(all_of_them())


def test_fork_after_load():
    encoder = crossrank.CrossEncoder(golden("scores_identity"), threads=2)
    reranker = crossrank.CrossEncoderReRanker(encoder)
    expected = encoder.rank("q", DOCUMENTS), reranker.rank("q", DOCUMENTS)
    assert in_child(lambda: encoder.rank("q", DOCUMENTS)) == expected[0]
    assert in_child(lambda: reranker.rank("q", DOCUMENTS)) == expected[1]

    def forget_and_load():
        nonlocal encoder, reranker
        del encoder, reranker  # destroyed in the child: nothing may wait for the parent's threads
        return crossrank.CrossEncoder(golden("scores_identity")).rank("q", DOCUMENTS)

    assert in_child(forget_and_load) == expected[0]


def test_fork_while_another_thread_scores(tiny):
    inputs = pairs(2000)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            tiny.predict(inputs)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        time.sleep(0.05)
        assert in_child(lambda: tiny.rank("q", DOCUMENTS)) == tiny.rank("q", DOCUMENTS)
    finally:
        stop.set()
        thread.join()


def resident_kb() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


@exact
def test_no_leak_over_10_000_calls(tiny):
    reranker = crossrank.CrossEncoderReRanker(tiny, metadata_fields=["title"])
    documents = [crossrank.Document("é" * 50, {"title": "x" * 50, "list": [1, {"a": 2}]})] * 4

    def calls(count):
        for i in range(count):
            tiny.predict([("query", "document")])
            tiny.rank("q\ud800", ["a", "b"])
            reranker.rank("q", documents)
            if i % 10 == 0:
                for wrong in (3, [("a", None)], [("a",)]):
                    with pytest.raises(ValueError):
                        tiny.predict(wrong)
                tiny.score([("a", "b")], truncation="chunk_max")

    calls(1000)
    gc.collect()
    before = resident_kb()
    calls(10_000)
    gc.collect()
    assert resident_kb() - before < 3000  # kB; 100 bytes a call would be 4,000


@exact
def test_loading_again_and_again():
    def load(count):
        for _ in range(count):
            crossrank.CrossEncoder(golden("scores_identity")).predict(("a", "b"))

    load(20)
    gc.collect()
    before = resident_kb(), len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
    load(200)
    gc.collect()
    assert resident_kb() - before[0] < 8000
    assert len(os.listdir("/proc/self/fd")) <= before[1]
    assert len(os.listdir("/proc/self/task")) <= before[2]


def python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


def test_a_daemon_thread_that_keeps_an_object():
    code = (
        "import crossrank, threading, time\n"
        "def forever():\n    while True: time.sleep(1)\n"
        "threading.Thread(target=forever, daemon=True).start()\n"
        f"encoder = crossrank.CrossEncoder({golden('scores_identity')!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_callers_texts_do_not_grow(tiny):
    """CPython would keep UTF-8 in a string that it was asked for it."""
    texts = ["q" * 100, "é" * 100, "\ud800" * 100, "語" * 100]
    before = [sys.getsizeof(text) for text in texts]
    tiny.predict([(text, text) for text in texts])
    tiny.rank(texts[1], texts)
    crossrank.CrossEncoderReRanker(tiny, metadata_fields=["a"]).rank(
        texts[1], [crossrank.Document(text, {"a": text}) for text in texts]
    )
    assert [sys.getsizeof(text) for text in texts] == before


def test_subinterpreters_are_refused():
    interpreters = pytest.importorskip("_xxsubinterpreters")  # until 3.12
    code = "try:\n import crossrank\nexcept ImportError as e: print(e, flush=True)"
    out = python(
        f"import {interpreters.__name__} as i; i.run_string(i.create(), {code!r}); import crossrank"
    )
    assert out == "crossrank works in the main interpreter alone, not in subinterpreters\n"


def test_import_is_light():
    """The command of a wheel starts with it."""
    heavy = ("numpy", "tqdm", "asyncio", "torch", "pandas", "multiprocessing")
    loaded = python(f"import crossrank, sys; print([m for m in {heavy} if m in sys.modules])")
    assert loaded == "[]\n"


def test_an_object_that_lives_until_the_interpreter_ends():
    code = (
        "import crossrank\nfrom threading import Thread\n"
        f"encoder = crossrank.CrossEncoder({golden('scores_identity')!r})\n"
        "Thread(target=lambda: encoder.predict([('a', 'b')] * 1000), daemon=True).start()\n"
        "print(len(encoder.predict([('a', 'b')])))"
    )
    assert python(code) == "1\n"
