"""Python runs this at the start of each worker that the tests of Spark and Ray start: it writes
down who loads a model and who scores. Not part of the package, which has no hook for tests."""

import os
import sys

FOLDER = os.environ.get("CROSSRANK_TEST_LOG")


class _Finder:
    """Wraps CrossEncoder where crossrank is imported, and not before: most processes never do."""

    def find_spec(self, name, path=None, target=None):
        if name != "crossrank._frames":
            return None
        sys.meta_path.remove(self)
        from crossrank.cross_encoder import CrossEncoder

        load, score = CrossEncoder._load, CrossEncoder.score

        def logged_load(self, *args):
            native = load(self, *args)
            _write("load", native.info.threads)
            return native

        def logged_score(self, pairs, **options):
            _write("score", len(pairs))
            return score(self, pairs, **options)

        CrossEncoder._load, CrossEncoder.score = logged_load, logged_score
        return None


def _write(what, number):
    with open(os.path.join(FOLDER, str(os.getpid())), "a") as file:
        file.write(f"{what} {number}\n")


if FOLDER:
    sys.meta_path.insert(0, _Finder())
