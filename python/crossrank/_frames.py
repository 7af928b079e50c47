"""What crossrank.spark and crossrank.ray have in common: scoring Arrow batches in a worker process,
with bad rows reported. Not for users, and without a framework of its own: pyarrow is whatever Spark
or Ray brought."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypedDict

from ._options import (
    chunk_options,
    count,
    load_options,
    refuse,
    refuse_unknown,
    score_options,
    text,
)
from .cross_encoder import CrossEncoder
from .errors import InvalidArgumentError

if TYPE_CHECKING:
    from .results import ScoredPair

#: Appended to each row, in this order, behind the caller's own columns.
COLUMNS = ("logit", "probability", "score", "truncated", "error")
#: Pairs in one call of the engine. A pair that it refuses is looked for by halving, which costs
#: tokenizing these again; scores do not depend on it.
PAIRS_A_CALL = 512
#: Models that a worker keeps. One is the rule; two let a job compare precisions.
MODELS_A_WORKER = 2


class Options(TypedDict, total=False):
    """Keyword arguments of CrossEncoder and of its score(), under the same names and defaults."""

    precision: str
    isa: str | None
    threads: int | None
    max_length: int | None
    revision: str | None
    cache_folder: str | None
    local_files_only: bool
    calibration: str | bool | None
    truncation: str
    max_chars: int
    batch_size: int
    prompt_name: str | None
    prompt: str | None
    chunk_tokens: int
    chunk_overlap: int
    max_chunks: int


_OF_MODEL = frozenset(
    (
        "precision",
        "isa",
        "threads",
        "max_length",
        "revision",
        "cache_folder",
        "local_files_only",
        "calibration",
    )
)


@dataclass(frozen=True)
class Job:
    """All that a worker needs, small and picklable: the model goes by its name."""

    model: str
    query: str  #: Column names.
    text: str
    qid: str | None  #: Only for ranking.
    prefix: str  #: Of the columns that are appended.
    of_model: tuple[tuple[str, Any], ...]
    of_score: tuple[tuple[str, Any], ...]

    def added(self, *more: str) -> list[str]:
        return [self.prefix + name for name in (*COLUMNS, *more)]


def job(
    model: Any,
    query: str,
    text_column: str,
    qid: str | None,
    prefix: str,
    options: Mapping[str, Any],
) -> Job:
    """Checks on the driver what can be checked there. Raises TypeError, InvalidArgumentError."""
    refuse_unknown("score", (name for name in options if name not in Options.__annotations__))
    if not isinstance(model, (str, os.PathLike)):
        raise TypeError(
            f"model is of type {type(model).__name__}; it must be a name, a path or 'builtin': "
            f"each worker loads it itself"
        )
    name = os.fspath(model)
    if not name:
        refuse("model is empty; name one, so that all workers use the same")
    load_options(**_only(options, _OF_MODEL))
    score_options(**_only(options, ("batch_size", "max_chars", "truncation")))
    chunk_options(**_only(options, ("chunk_tokens", "chunk_overlap", "max_chunks")))
    for option in ("prompt_name", "prompt"):
        text(option, options.get(option))
    return Job(
        model=name,
        query=query,
        text=text_column,
        qid=qid,
        prefix=prefix,
        of_model=tuple(sorted(_only(options, _OF_MODEL).items())),
        of_score=tuple(sorted((k, v) for k, v in options.items() if k not in _OF_MODEL)),
    )


def _only(options: Mapping[str, Any], names: Container[str]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in names}


def check_columns(
    names: Iterable[str],
    needed: Iterable[str],
    added: Iterable[str],
    same: Callable[[str], str] = str,
) -> list[str]:
    """The needed columns as they are called in `names`. Two names mean one column where `same` of
    them is equal. Raises InvalidArgumentError where a column is missing, ambiguous, or would be
    there twice."""
    present = list(names)
    found = []
    for name in needed:
        meant = [other for other in present if same(other) == same(name)]
        if not meant:
            refuse(f"there is no column {name!r}; the columns are {present}")
        if len(meant) > 1:
            refuse(f"{name!r} may be any of the columns {meant}")
        found += meant
    taken = [name for name in added if same(name) in map(same, present)]
    if taken:
        refuse(
            f"the columns {taken} are there already; rename them, or choose a prefix for the new "
            f'ones, for example prefix="crossrank_"'
        )
    return found


def kept_of(top_k: int | None) -> int:
    """Rows of a query to keep, 0 = all. Raises TypeError, InvalidArgumentError."""
    return 0 if top_k is None else count("top_k", top_k)


@lru_cache(maxsize=MODELS_A_WORKER)
def _loaded(model: str, of_model: tuple[tuple[str, Any], ...], threads: int) -> CrossEncoder:
    """The model of this process; loading it again would cost 0.1 s and its size in memory."""
    encoder = CrossEncoder(model, **{**dict(of_model), "threads": threads})
    encoder._check_one_label("scoring a frame")
    return encoder


class Scorer:
    """Scores batches in one worker, which owns it; not for two threads at a time.

    Args:
        job: what to do.
        threads: of the task; job's own `threads` goes before it.

    Raises:
        CrossRankError: the model cannot be loaded, or an option does not fit it. Such an error
            concerns every row, and stops the job.
    """

    def __init__(self, job: Job, threads: int) -> None:
        own = dict(job.of_model).get("threads")
        self._job = job
        self._encoder = _loaded(job.model, job.of_model, own or threads)
        self._options = dict(job.of_score)
        # What is refused for a pair of two empty texts is not the fault of a row.
        self._encoder.score([("", "")], **self._options)

    def table(self, batch: Any) -> Any:
        """A pyarrow Table or RecordBatch with the columns of `job.added()` appended."""
        import pyarrow as pa  # type: ignore[import-not-found,unused-ignore]  # Spark's or Ray's

        names = batch.schema.names
        keys = [self._job.qid] if self._job.qid is not None else []
        check_columns(names, [self._job.query, self._job.text, *keys], self._job.added())
        values = self.columns(
            batch.column(self._job.query).to_pylist(),
            batch.column(self._job.text).to_pylist(),
            {name: batch.column(name).to_pylist() for name in keys},
        )
        types = (pa.float32(), pa.float32(), pa.float32(), pa.bool_(), pa.string())
        for name, kind, column in zip(self._job.added(), types, values):
            batch = batch.append_column(pa.field(name, kind), pa.array(column, kind))
        return batch

    def columns(
        self, queries: list[Any], texts: list[Any], keys: Mapping[str, list[Any]]
    ) -> tuple[list[Any], ...]:
        """The values of COLUMNS, one list each, None where a row has none.

        Args:
            queries, texts: [n], of any type; what is no str is reported.
            keys: further columns [n] in which a null is reported.
        """
        errors: list[str | None] = [None] * len(queries)
        named = {self._job.query: queries, self._job.text: texts}
        for name, values in {**keys, **named}.items():
            for row, value in enumerate(values):
                if value is None or (isinstance(value, float) and value != value):  # pandas' null
                    errors[row] = f"{name} is null"
                elif name in named and not isinstance(value, str):
                    errors[row] = f"{name} is of type {type(value).__name__}; it must be a str"
        pairs: list[ScoredPair | None] = [None] * len(queries)
        good = [row for row, error in enumerate(errors) if error is None]
        for begin in range(0, len(good), PAIRS_A_CALL):
            self._score(good[begin : begin + PAIRS_A_CALL], queries, texts, pairs, errors)
        return (
            [pair and pair.logit for pair in pairs],
            [pair and pair.probability for pair in pairs],
            [pair and pair.score for pair in pairs],
            [pair and pair.truncation.truncated for pair in pairs],
            errors,
        )

    def _score(
        self,
        rows: list[int],
        queries: list[Any],
        texts: list[Any],
        pairs: list[ScoredPair | None],
        errors: list[str | None],
    ) -> None:
        try:
            found = self._encoder.score([(queries[r], texts[r]) for r in rows], **self._options)
        except InvalidArgumentError as error:
            if len(rows) == 1:
                # The engine counts within the call, which means nothing to who reads the frame.
                errors[rows[0]] = re.sub(r"^pair 0 \(counting from 0\): ", "", str(error))
                return
            half = len(rows) // 2
            self._score(rows[:half], queries, texts, pairs, errors)
            self._score(rows[half:], queries, texts, pairs, errors)
            return
        for row, pair in zip(rows, found):
            pairs[row] = pair  # type: ignore[call-overload]  # one label: ScoredPair, see _loaded


def best(job: Job, docid: str, top_k: int, table: Any) -> tuple[list[int], list[int | None]]:
    """Rows of a scored table in the order of a ranking, and their ranks from 1.

    Of each query the best `top_k` (0 = all) by logit descending, then docid and text ascending with
    nulls last; then the rows with an error, without a rank. The best of a whole frame are among the
    best of its parts, so that a worker may drop the others before a shuffle.
    """
    logits = table.column(job.prefix + "logit").to_pylist()
    qids, docids, texts = (table.column(n).to_pylist() for n in (job.qid, docid, job.text))
    groups: dict[Any, list[int]] = {}
    for row, logit in enumerate(logits):
        if logit is not None:
            groups.setdefault(qids[row], []).append(row)
    rows: list[int] = []
    ranks: list[int | None] = []
    for group in groups.values():
        group.sort(key=lambda r: (-logits[r], docids[r] is None, docids[r], texts[r]))
        kept = group[: top_k or None]
        rows += kept
        ranks += range(1, len(kept) + 1)
    failed = [row for row, logit in enumerate(logits) if logit is None]
    return rows + failed, ranks + [None] * len(failed)
