# Isolation of the peer benchmark: an engine a process, one at work at a time. Times nothing.
"""Spinning thread pools, settings and memory of one engine do not touch another's figures."""

import multiprocessing
import os
import resource
import traceback


def _peak_megabytes(engine):
    """Of the engine's own process where it has one, else of the children, else of this one.

    A megabyte is 1e6 bytes, as in `crossrank bench`; the kernel's kB are 1,024 bytes.
    """
    if hasattr(engine, "command") and not hasattr(engine, "process"):
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    # Not ru_maxrss, which begins with what the parent had when it started this process.
    process = engine.process.pid if hasattr(engine, "process") else "self"
    with open(f"/proc/{process}/status", encoding="ascii") as file:
        kilobytes = next(line for line in file if line.startswith("VmHWM")).split()[1]
    return int(kilobytes) * 1024 / 1e6


def _serve(connection, make, threads):
    # Before any engine is imported: the pools read these once.
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    os.environ["HF_HUB_OFFLINE"] = "1"
    engine = None
    while True:
        try:
            verb, argument = connection.recv()
        except EOFError:
            return
        try:
            if verb == "call":
                answer = argument[0](*argument[1:])
            elif verb == "prepare":
                engine = make[0](*make[1:])
                engine.prepare(*argument)
                answer = {"name": engine.name, "tolerance": engine.tolerance}
                answer["settings"] = engine.settings
            elif verb == "fit":
                if hasattr(engine, "fit"):
                    engine.fit(argument)
                answer = engine.settings
            elif verb == "score":
                answer = engine.score(argument)
            else:
                answer = _peak_megabytes(engine)
            connection.send((None, answer))
        except Exception as error:  # The parent ends the run with it; the way there is on stderr.
            traceback.print_exc()
            connection.send((f"{type(error).__name__}: {error}", None))


def call(threads, function, *arguments):
    """function(*arguments) in a process that ends with it, so that its memory is nobody's peak."""
    remote = Remote(None, threads)
    try:
        return remote._ask("call", (function, *arguments))
    finally:
        remote.close()


class Remote:
    """An engine in its own process. `make` is its class and the arguments of its constructor."""

    def __init__(self, make, threads):
        context = multiprocessing.get_context("spawn")
        self._connection, far = context.Pipe()
        self._process = context.Process(target=_serve, args=(far, make, threads), daemon=True)
        self._process.start()
        far.close()

    def _ask(self, verb, argument=None):
        self._connection.send((verb, argument))
        try:
            error, answer = self._connection.recv()
        except EOFError:
            name = getattr(self, "name", "an engine")
            raise RuntimeError(f"the process of {name} died") from None
        if error:
            raise RuntimeError(error)
        return answer

    def prepare(self, sample, choices):
        facts = self._ask("prepare", (sample, choices))
        self.name, self.tolerance, self.settings = (
            facts["name"], facts["tolerance"], facts["settings"],
        )  # fmt: skip

    def fit(self, pairs):
        """Lets the engine choose settings for calls of so many pairs; returns them."""
        return self._ask("fit", pairs)

    def score(self, pairs):
        return self._ask("score", pairs)

    def peak_megabytes(self):
        return self._ask("memory")

    def close(self):
        self._connection.close()
        self._process.join(10)
