"""Scores and ranks Spark frames: the model is loaded once in each Python worker of an executor. Not
a reader of runs and no engine: where the rows are and who works on them is Spark's business.

See docs/scale.md, and examples/spark/ for a job.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ._frames import COLUMNS, Job, Options, Scorer, check_columns, job, kept_of
from ._options import refuse

try:
    # Ignored: the type checker's environment has neither PySpark nor pandas.
    import pandas as pd  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import pyarrow  # type: ignore[import-not-found,unused-ignore]  # noqa: F401  # Spark's own use
    from pyspark import TaskContext  # type: ignore[import-not-found,unused-ignore]
    from pyspark.sql import (  # type: ignore[import-not-found,unused-ignore]
        Column,
        DataFrame,
        Window,
    )
    from pyspark.sql import functions as F  # type: ignore[import-not-found,unused-ignore]
    from pyspark.sql import types as T  # type: ignore[import-not-found,unused-ignore]
except ImportError as error:
    raise ImportError(
        "crossrank.spark needs PySpark with Arrow and pandas: pip install 'pyspark[sql]'"
    ) from error

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["rank", "score", "score_udf"]


def score(
    frame: DataFrame,
    *,
    model: str | os.PathLike[str],
    query: str = "query",
    text: str = "text",
    prefix: str = "",
    **options: Unpack[Options],
) -> DataFrame:
    """Scores each row of a frame. Lazy, as Spark is; a row's score has the same bits whatever the
    partitions, the workers and their threads (on CPUs with one instruction set: see `isa`).

    Args:
        frame: any columns. They are kept, as are the rows.
        model: a folder or a hub id, as the executors see it, or "builtin". There is no default:
            executors could come to different ones.
        query, text: names of the columns with a query and a document's text. As elsewhere in Spark,
            the case of names counts only where spark.sql.caseSensitive says so.
        prefix: of the new columns' names, where a frame has such a column already.
        options: as of `CrossEncoder` and `CrossEncoder.score`: precision, isa, max_length,
            revision, cache_folder, local_files_only, truncation, max_chars, batch_size, prompt,
            ... `threads` is by default what the task has (spark.task.cpus).

    Returns:
        The frame and logit, probability, score (float), truncated (boolean) and error (string). A
        row that cannot be scored (a null, not a string, too long with truncation="error") has a
        sentence in `error` and nulls in the others. `error` is null for all other rows.

    Raises:
        InvalidArgumentError: a column is missing, ambiguous, or there already, or an option is out
            of range.
        TypeError: an option is unknown or of the wrong type.
        pyspark.errors.PythonException: when the job runs, where an executor cannot load the model.
    """
    return _scored(frame, job(model, query, text, None, prefix, options))


def rank(
    frame: DataFrame,
    *,
    model: str | os.PathLike[str],
    top_k: int | None = None,
    qid: str = "qid",
    docid: str = "docid",
    query: str = "query",
    text: str = "text",
    prefix: str = "",
    keep_errors: bool = True,
    **options: Unpack[Options],
) -> DataFrame:
    """Scores each row and keeps the best of each query.

    The order is `CrossEncoder.rank`'s: by logit, descending. Equal logits, which it ranks by their
    place in the list, are ranked by `docid` ascending here, then by text, nulls last: a frame has
    no places. Name a column with the place as `docid` to have its very order.

    Args:
        frame: a row a candidate.
        top_k: rows of a query to keep; None and 0 = all.
        qid: name of the column that rows of one query share; a null in it is an error of the row.
        docid: name of the column that decides between equal logits; of any type Spark can sort.
        keep_errors: keep rows with an `error`; they have no rank and do not count.
        model, query, text, prefix, options: as in `score`.

    Returns:
        As `score`, and rank (int, from 1). The rows are in no order.

    Raises:
        As `score`; InvalidArgumentError where top_k is negative.
    """
    kept = kept_of(top_k)
    work = job(model, query, text, qid, prefix, options)
    check_columns(frame.columns, [docid], work.added("rank"), _same(frame))
    scored = _scored(frame, work)
    failed = _column(prefix + "error").isNotNull()
    if not keep_errors:
        scored = scored.where(~failed)
    window = Window.partitionBy(_column(qid), failed).orderBy(
        _column(prefix + "logit").desc(),
        _column(docid).asc_nulls_last(),
        _column(text).asc_nulls_last(),
    )
    place = prefix + "rank"
    ranked = scored.withColumn(place, F.row_number().over(window))
    if kept:
        ranked = ranked.where(
            (_column(place) <= kept) | failed if keep_errors else _column(place) <= kept
        )
    if keep_errors:
        ranked = ranked.withColumn(place, F.when(~failed, _column(place)))
    return ranked


def score_udf(
    *, model: str | os.PathLike[str], **options: Unpack[Options]
) -> Callable[[Any, Any], Column]:
    """A pandas UDF of a query's and a text's column, for expressions and SQL; `score` is faster, as
    it does not take the texts through pandas.

    Args:
        model, options: as in `score`.

    Returns:
        A function of two columns that gives a struct of logit, probability, score, truncated and
        error. `spark.udf.register("crossrank", score_udf(model=...))` makes it known to SQL.

    Raises:
        As `score`.
    """
    work = job(model, "query", "text", None, "", options)

    def scores(columns: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.DataFrame]:
        scorer = None
        for queries, texts in columns:
            if scorer is None:
                scorer = Scorer(work, _threads())
            values = scorer.columns(queries.tolist(), texts.tolist(), {})
            kinds = ("Float32", "Float32", "Float32", "boolean", "object")
            yield pd.DataFrame(
                {n: pd.Series(v, dtype=k) for n, v, k in zip(COLUMNS, values, kinds)}
            )

    # As objects: PySpark reads them, and those that are strings it looks up in this module.
    scores.__annotations__ = {
        "columns": Iterator[tuple[pd.Series, pd.Series]],
        "return": Iterator[pd.DataFrame],
    }
    return F.pandas_udf(scores, T.StructType(_fields("")))  # type: ignore[no-any-return,unused-ignore]


def _scored(frame: DataFrame, work: Job) -> DataFrame:
    needed = [work.query, work.text] + ([work.qid] if work.qid is not None else [])
    query, text, *qid = check_columns(frame.columns, needed, work.added(), _same(frame))
    # Arrow knows nothing of Spark's rules: workers get the names that the frame has.
    work = replace(work, query=query, text=text, qid=qid[0] if qid else None)
    if len(set(frame.columns)) < len(frame.columns):
        refuse(f"two columns of the frame have one name; the columns are {frame.columns}")

    def run(batches: Iterator[Any]) -> Iterator[Any]:
        scorer = None
        for batch in batches:
            if scorer is None:  # a partition without rows needs no model
                scorer = Scorer(work, _threads())
            yield scorer.table(batch)

    return frame.mapInArrow(run, T.StructType([*frame.schema.fields, *_fields(work.prefix)]))


def _same(frame: DataFrame) -> Callable[[str], str]:
    """What of a column's name counts for Spark."""
    sensitive = frame.sparkSession.conf.get("spark.sql.caseSensitive", "false")
    return str if str(sensitive).lower() == "true" else str.lower


def _threads() -> int:
    """CPUs of the running task: spark.task.cpus, or its resource profile's."""
    context = TaskContext.get()
    return max(1, int(context.cpus())) if context is not None else 1


def _column(name: str) -> Column:
    return F.col("`" + name.replace("`", "``") + "`")  # a dot in a name is no field


def _fields(prefix: str) -> list[T.StructField]:
    kinds = (T.FloatType(), T.FloatType(), T.FloatType(), T.BooleanType(), T.StringType())
    return [T.StructField(prefix + name, kind) for name, kind in zip(COLUMNS, kinds)]
