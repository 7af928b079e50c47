"""crossrank.spark on a real Spark of two executors, against one process. Needs Java and
python/tests/requirements-scale.txt."""

import os
import pathlib
import subprocess
import sys

import pytest

pytest.importorskip("pyspark")

import scale_rows as rows_  # noqa: E402
from pyspark.errors import PythonException  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

import crossrank  # noqa: E402
import crossrank.spark as scale  # noqa: E402

ROWS = rows_.rows()


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return rows_.Log(tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="module")
def spark(log):
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    session = (
        # Two executors of one CPU: JVMs of their own, with Python workers of their own, so that a
        # killed one is replaced and its tasks are tried again, which local[2] does not do.
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.executorEnv.PYTHONPATH", rows_.worker_pythonpath())
        .config("spark.executorEnv.CROSSRANK_TEST_LOG", str(log.folder))
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "512m")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "3")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "100")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def encoder():
    return crossrank.CrossEncoder("builtin")


@pytest.fixture
def frame(spark, log):
    log.clear()
    table = [tuple(row.values()) for row in ROWS]
    schema = "qid string, query string, docid string, text string, place int"
    return spark.createDataFrame(table, schema).repartition(7, "docid")


def test_has_the_bits_of_one_process_whatever_the_partitions(frame, encoder, log):
    expected = rows_.expected_bits(encoder, ROWS)
    scored = scale.score(frame, model="builtin")
    assert scored.columns == [*frame.columns, "logit", "probability", "score", "truncated", "error"]
    found = scored.collect()
    assert rows_.found_bits(found) == expected
    assert {(row.qid, row.docid): row.place for row in found} == {
        (row["qid"], row["docid"]): row["place"] for row in ROWS
    }
    again = scale.score(frame.coalesce(2), model="builtin", batch_size=3).collect()
    assert rows_.found_bits(again) == expected
    loads = log.threads_of_loads()
    # Two jobs of nine partitions; spark.task.cpus is 1.
    assert list(loads.values()) == [[1], [1]]


def test_ranks_each_query_as_one_process_does(frame, encoder):
    for top_k in (4, None):
        ranked = scale.rank(frame, model="builtin", top_k=top_k)
        assert ranked.columns[-1] == "rank"
        assert rows_.found_ranks(ranked.collect()) == rows_.expected_ranks(encoder, ROWS, top_k)
    assert [hit[0] for hit in rows_.expected_ranks(encoder, ROWS, None)["q00"]] != sorted(
        row["docid"] for row in ROWS if row["qid"] == "q00"
    )


@pytest.mark.parametrize("what", ["worker", "executor"])
def test_loses_and_repeats_nothing_when_killed(spark, frame, encoder, log, what):
    def victim(pid):
        # A worker's parent is pyspark.daemon, whose parent is the executor.
        return pid if what == "worker" else rows_.parent(rows_.parent(pid))

    wait = log.kill_a_scorer(victim)
    found = scale.score(frame, model="builtin").collect()
    killed = wait()
    assert killed is not None
    with pytest.raises(ProcessLookupError):
        os.kill(killed, 0)
    assert rows_.found_bits(found) == rows_.expected_bits(encoder, ROWS)


def poisoned(spark):
    table = [
        ("q1", "who walked on the moon", "d1", "Neil Armstrong walked on the moon"),
        ("q1", None, "d2", "text"),
        ("q1", "query", "d3", None),
        ("q1", "who walked on the moon", "d4", "word " * 600),
        (None, "who walked on the moon", "d5", "nobody"),
        ("q1", "who walked on the moon", "d6", "Eggs boil for six minutes"),
    ]
    return spark.createDataFrame(table, "qid string, query string, docid string, text string")


def test_reports_rows_that_cannot_be_scored(spark, encoder):
    frame = poisoned(spark).coalesce(1)
    found = {row.docid: row for row in scale.score(frame, model="builtin").collect()}
    assert {name: row.error for name, row in found.items() if row.error} == {
        "d2": "query is null",
        "d3": "text is null",
    }
    assert found["d4"].truncated is True
    strict = scale.rank(frame, model="builtin", top_k=1, truncation="error").collect()
    errors = {row.docid: row.error for row in strict if row.error}
    assert sorted(errors) == ["d2", "d3", "d4", "d5"]
    assert errors["d4"].startswith("The pair is 60")
    assert errors["d5"] == "qid is null"
    assert {(r.logit, r.probability, r.score, r.truncated, r.rank) for r in strict if r.error} == {
        (None,) * 5
    }
    best = [row for row in strict if not row.error]
    assert [(row.docid, row.rank) for row in best] == [("d1", 1)]
    expected = encoder.predict([("who walked on the moon", "Neil Armstrong walked on the moon")])
    assert best[0].score == expected[0]
    options = {"top_k": 1, "truncation": "error", "keep_errors": False}
    assert [r.docid for r in scale.rank(frame, model="builtin", **options).collect()] == ["d1"]
    numbers = frame.selectExpr("1 as query", "text")
    assert {row.error for row in scale.score(numbers, model="builtin").collect()} == {
        "query is of type int; it must be a str",
        "text is null",
    }


def test_udf_scores_columns_and_sql(spark, frame, encoder):
    expected = rows_.expected_bits(encoder, ROWS[:200])
    scores = scale.score_udf(model="builtin")
    found = frame.where("qid < 'q04'").select("qid", "docid", scores("query", "text").alias("s"))
    assert rows_.found_bits(found.select("qid", "docid", "s.*").collect()) == expected
    spark.udf.register("crossrank_score", scores)
    poisoned(spark).createOrReplaceTempView("poisoned")
    sql = "SELECT docid, crossrank_score(query, text).error e FROM poisoned ORDER BY docid"
    assert [row.e for row in spark.sql(sql).collect()][:4] == [
        None,
        "query is null",
        "text is null",
        None,
    ]


def test_an_empty_frame_stays_empty_and_loads_nothing(spark, frame, log):
    # Three partitions that Spark does not know to be empty: it plans no tasks for `where false`.
    rows = spark.sparkContext.parallelize([], 3)
    for empty in (spark.createDataFrame(rows, frame.schema), frame.where("false")):
        assert scale.score(empty, model="builtin").collect() == []
        assert scale.rank(empty, model="builtin", top_k=3).collect() == []
    assert log.processes() == {}


def test_refuses_what_concerns_all_rows(frame):
    with pytest.raises(crossrank.InvalidArgumentError, match="no column 'body'"):
        scale.score(frame, model="builtin", text="body")
    with pytest.raises(crossrank.InvalidArgumentError, match="'score'.*are there already"):
        scale.score(frame.withColumnRenamed("place", "score"), model="builtin")
    with pytest.raises(TypeError, match="unexpected keyword argument 'treads'"):
        scale.score(frame, model="builtin", treads=2)
    for top_k in (-1, True, float("nan")):
        with pytest.raises((TypeError, ValueError), match="top_k is"):
            scale.rank(frame, model="builtin", top_k=top_k)
    with pytest.raises(TypeError, match="each worker loads it itself"):
        scale.score(frame, model=crossrank.CrossEncoder("builtin"))
    with pytest.raises(crossrank.InvalidArgumentError, match="precision"):
        scale.score(frame, model="builtin", precision="int9")
    with pytest.raises(PythonException, match="ModelNotFoundError"):
        scale.score(frame.limit(1), model="/nowhere").collect()
    with pytest.raises(PythonException, match="chunk_overlap|overlap"):
        options = {"truncation": "chunk_max", "chunk_tokens": 8, "chunk_overlap": 9}
        scale.score(frame.limit(1), model="builtin", **options).collect()


def test_keeps_columns_under_a_prefix(frame, encoder):
    bm25 = frame.where("qid = 'q03'").withColumnRenamed("place", "score")
    found = scale.rank(bm25, model="builtin", prefix="ce_", top_k=5).collect()
    expected = rows_.expected_ranks(encoder, ROWS[150:200], 5)["q03"]
    assert [(r.docid, r.ce_score) for r in sorted(found, key=lambda r: r.ce_rank)] == expected
    assert [f"d{row.score:02}" for row in found] == [row.docid for row in found]  # as it was


def test_names_of_columns_are_as_spark_reads_them(spark, frame, encoder):
    few = frame.where("qid < 'q02'")
    other = few.toDF("QID", "Query", "DocID", "TEXT", "Place")
    ranked = scale.rank(other, model="builtin", top_k=3)
    assert ranked.columns == [*other.columns, *scale.COLUMNS, "rank"]
    found = ranked.toDF(*map(str.lower, ranked.columns)).collect()
    assert rows_.found_ranks(found) == rows_.expected_ranks(encoder, ROWS[:100], 3)
    for taken in ("LOGIT", "Rank"):
        with pytest.raises(crossrank.InvalidArgumentError, match="are there already"):
            scale.rank(few.withColumnRenamed("place", taken), model="builtin")
    twice = few.toDF("qid", "query", "docid", "text", "QUERY")
    with pytest.raises(crossrank.InvalidArgumentError, match="'query' may be any of"):
        scale.score(twice, model="builtin")
    spark.conf.set("spark.sql.caseSensitive", "true")
    try:
        with pytest.raises(crossrank.InvalidArgumentError, match="no column 'query'"):
            scale.score(other, model="builtin")
        loud = few.withColumnRenamed("place", "LOGIT")
        found = scale.rank(loud, model="builtin", top_k=3).collect()
        assert rows_.found_ranks(found) == rows_.expected_ranks(encoder, ROWS[:100], 3)
        assert {f"d{row.LOGIT:02}" for row in found} == {row.docid for row in found}
        assert rows_.found_bits(scale.score(twice, model="builtin").collect())
    finally:
        spark.conf.unset("spark.sql.caseSensitive")


def test_the_snippet_of_the_page_runs(tmp_path):
    (tmp_path / "examples").symlink_to(rows_.ROOT / "examples")
    read = 'print(spark.read.parquet("build/ranked-by-spark").count())'
    done = subprocess.run(
        [sys.executable, "-c", rows_.snippet("Spark") + read],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(rows_.PACKAGE),
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == "16\n"


def test_the_example_ranks_with_the_threads_of_its_tasks(tmp_path):
    """In a process of its own, as a user starts it."""
    log = rows_.Log(tmp_path / "log")
    log.folder.mkdir()
    example = rows_.ROOT / "examples/spark"
    submit = pathlib.Path(sys.executable).parent / "spark-submit"
    out = tmp_path / "out"
    done = subprocess.run(
        [submit, "--master", "local[2]", "--conf", "spark.ui.enabled=false"]
        + ["--conf", "spark.task.cpus=2"]
        + [example / "rank.py", "--candidates", example / "candidates.jsonl", "--output", out]
        + ["--top-k", "2"],
        env={
            **os.environ,
            "PYTHONPATH": rows_.worker_pythonpath(),
            "PYSPARK_PYTHON": sys.executable,
            "CROSSRANK_TEST_LOG": str(log.folder),
            "SPARK_LOCAL_IP": "127.0.0.1",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "6 rows ranked, 1 row with an error" in done.stdout
    assert list(out.glob("*.parquet"))
    loads = [threads for threads in log.threads_of_loads().values() if threads]
    assert loads and all(threads == [2] for threads in loads)  # and 1 in the session above
