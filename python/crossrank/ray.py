"""Scores and ranks Ray datasets: the model is loaded once in each actor of a pool. No engine: where
the blocks are and which actor works on them is Ray's business.

See docs/scale.md, and examples/ray/ for a job.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ._frames import Job, Options, Scorer, best, check_columns, job, kept_of
from ._options import count

try:
    # Ignored: the type checker's environment has no Ray. The name is the real package's: this
    # module's own is crossrank.ray.
    import pyarrow as pa  # type: ignore[import-not-found,unused-ignore]  # Ray Data's own
    import ray  # type: ignore[import-not-found,unused-ignore]
    import ray.data  # type: ignore[import-not-found,unused-ignore]
except ImportError as error:
    raise ImportError("crossrank.ray needs Ray Data: pip install 'ray[data]'") from error

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["rank", "score"]

#: Rows that an actor takes at a time: enough for the engine to sort by length, and little to do
#: again when an actor dies.
BATCH_ROWS = 1024


def score(
    dataset: ray.data.Dataset,
    *,
    model: str | os.PathLike[str],
    query: str = "query",
    text: str = "text",
    prefix: str = "",
    concurrency: int | tuple[int, int] | None = None,
    num_cpus: int = 1,
    batch_rows: int = BATCH_ROWS,
    **options: Unpack[Options],
) -> ray.data.Dataset:
    """Scores each row of a dataset. Lazy, as Ray Data is; a row's score has the same bits whatever
    the blocks, the actors and their threads (on CPUs with one instruction set: see `isa`).

    Args:
        dataset: any columns. They are kept, as are the rows; their order is Ray's (preserve_order).
        model: a folder or a hub id, as the nodes see it, or "builtin". There is no default: nodes
            could come to different ones.
        query, text: names of the columns with a query and a document's text.
        prefix: of the new columns' names, where a dataset has such a column already.
        concurrency: actors, or (fewest, most); None lets Ray decide. Reading, and whatever else
            comes before, needs CPUs of its own beside them.
        num_cpus: of an actor, and its threads.
        batch_rows: rows an actor scores at a time.
        options: as of `CrossEncoder` and `CrossEncoder.score`: precision, isa, max_length,
            revision, cache_folder, local_files_only, truncation, max_chars, batch_size, prompt,
            ... `threads` is num_cpus by default.

    Returns:
        The dataset and logit, probability, score (float), truncated (bool) and error (string). A
        row that cannot be scored (a null, not a string, too long with truncation="error") has a
        sentence in `error` and nulls in the others. `error` is null for all other rows.

    Raises:
        TypeError: an option is unknown or of the wrong type.
        InvalidArgumentError: an option is out of range.
        ray.exceptions.RayError: when the job runs, where a column is missing or there already, or a
            node cannot load the model.
    """
    work = job(model, query, text, None, prefix, options)
    return _scored(dataset, work, concurrency, num_cpus, batch_rows, None)


def rank(
    dataset: ray.data.Dataset,
    *,
    model: str | os.PathLike[str],
    top_k: int | None = None,
    qid: str = "qid",
    docid: str = "docid",
    query: str = "query",
    text: str = "text",
    prefix: str = "",
    keep_errors: bool = True,
    concurrency: int | tuple[int, int] | None = None,
    num_cpus: int = 1,
    batch_rows: int = BATCH_ROWS,
    num_partitions: int | None = None,
    **options: Unpack[Options],
) -> ray.data.Dataset:
    """Scores each row and keeps the best of each query. Scoring runs at once; its result waits in
    Ray's object store, without the rows that their own batch has ruled out, so that the shuffle
    does not wait for CPUs that the actors hold.

    The order is `CrossEncoder.rank`'s: by logit, descending. Equal logits, which it ranks by their
    place in the list, are ranked by `docid` ascending here, then by text, nulls last: a dataset
    has no places. Name a column with the place as `docid` to have its very order.

    Args:
        dataset: a row a candidate.
        top_k: rows of a query to keep; None and 0 = all.
        qid: name of the column that rows of one query share; a null in it is an error of the row.
        docid: name of the column that decides between equal logits; of values that can be compared.
        keep_errors: keep rows with an `error`; they have no rank and do not count.
        num_partitions: of the shuffle; None = Ray's default.
        model, query, text, prefix, concurrency, num_cpus, batch_rows, options: as in `score`.

    Returns:
        As `score`, and rank (int, from 1). The rows of a query are in the order of their ranks. A
        result without rows may be without columns.

    Raises:
        As `score`; InvalidArgumentError where top_k is negative.
    """
    work = job(model, query, text, qid, prefix, options)
    cut = _Cut(work, docid, kept_of(top_k), keep_errors)
    scored = _scored(dataset, work, concurrency, num_cpus, batch_rows, cut).materialize()
    if scored.count() == 0:  # a dataset without rows may be without columns, and has no groups
        return scored
    groups = scored.groupby(qid, num_partitions=num_partitions)
    return groups.map_groups(cut.ranked, batch_format="pyarrow")


class _Cut:
    """Which rows of a scored table a ranking keeps. Plain data that actors and tasks share."""

    def __init__(self, work: Job, docid: str, top_k: int, keep_errors: bool) -> None:
        self.work, self.docid, self.top_k, self.keep_errors = work, docid, top_k, keep_errors

    def kept(self, table: Any) -> Any:
        """The rows that can be among the best of the dataset."""
        return table.take(pa.array(self._places(table)[0], pa.int64()))

    def ranked(self, table: Any) -> Any:
        """The rows of whole queries, with their ranks."""
        rows, ranks = self._places(table)
        name = self.work.prefix + "rank"
        return table.take(pa.array(rows, pa.int64())).append_column(
            name, pa.array(ranks, pa.int32())
        )

    def _places(self, table: Any) -> tuple[list[int], list[int | None]]:
        rows, ranks = best(self.work, self.docid, self.top_k, table)
        if not self.keep_errors:
            rows = [row for row, place in zip(rows, ranks) if place is not None]
            ranks = ranks[: len(rows)]  # those without a rank come last
        return rows, ranks


class _Actor:
    """A model and the threads of an actor; Ray calls it with one batch after another."""

    def __init__(self, work: Job, cut: _Cut | None) -> None:
        granted = ray.get_runtime_context().get_assigned_resources().get("CPU", 1)
        self._scorer = Scorer(work, max(1, int(granted)))
        self._cut = cut

    def __call__(self, batch: Any) -> Any:
        if self._cut is None:
            return self._scorer.table(batch)
        needed = [self._cut.docid]
        check_columns(batch.schema.names, needed, self._cut.work.added("rank"))
        return self._cut.kept(self._scorer.table(batch))


def _scored(
    dataset: ray.data.Dataset,
    work: Job,
    concurrency: int | tuple[int, int] | None,
    num_cpus: int,
    batch_rows: int,
    cut: _Cut | None,
) -> ray.data.Dataset:
    fewest, most = concurrency if isinstance(concurrency, tuple) else (concurrency, concurrency)
    actors = ray.data.ActorPoolStrategy(
        min_size=None if fewest is None else count("concurrency", fewest, 1),
        max_size=None if most is None else count("concurrency", most, 1),
    )
    return dataset.map_batches(
        _Actor,
        fn_constructor_args=(work, cut),
        batch_format="pyarrow",
        batch_size=count("batch_rows", batch_rows, 1),
        num_cpus=count("num_cpus", num_cpus, 1),
        compute=actors,
        zero_copy_batch=True,
    )
