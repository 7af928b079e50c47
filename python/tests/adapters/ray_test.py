"""crossrank.ray on a real Ray with two actors, against one process. Needs
python/tests/requirements-scale.txt."""

import os
import shutil
import subprocess
import sys
import tempfile

import pytest

pytest.importorskip("ray")

import pyarrow as pa  # noqa: E402
import ray  # noqa: E402
import ray.data  # noqa: E402
import scale_rows as rows_  # noqa: E402

import crossrank  # noqa: E402
import crossrank.ray as scale  # noqa: E402

ROWS = rows_.rows()
POOL = {"model": "builtin", "concurrency": 2, "batch_rows": 100}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return rows_.Log(tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="module", autouse=True)
def cluster(log):
    folder = tempfile.mkdtemp(prefix="r", dir="/tmp")  # its sockets' paths must be short
    os.environ["CROSSRANK_TEST_LOG"] = str(log.folder)
    os.environ["PYTHONPATH"] = rows_.worker_pythonpath()
    os.environ["RAY_TMPDIR"] = folder
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_worker_niceness"] = "0"  # 15 by default, which starves on a busy machine
    # Four CPUs by its count: two actors of at most two threads, or one beside the shuffle.
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        _temp_dir=folder,
        object_store_memory=150 * 2**20,
        logging_level="ERROR",
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def encoder():
    return crossrank.CrossEncoder("builtin")


@pytest.fixture
def dataset(log):
    log.clear()
    table = pa.Table.from_pylist(ROWS)
    return ray.data.from_arrow([table.slice(begin, 250) for begin in range(0, len(ROWS), 250)])


def test_has_the_bits_of_one_process_whatever_the_blocks(dataset, encoder, log):
    found = scale.score(dataset, **POOL).take_all()
    assert rows_.found_bits(found) == rows_.expected_bits(encoder, ROWS)
    assert list(found[0]) == [*ROWS[0], "logit", "probability", "score", "truncated", "error"]
    loads = list(log.threads_of_loads().values())
    assert 1 <= len(loads) <= 2 and all(threads == [1] for threads in loads)


def test_ranks_each_query_as_one_process_does(dataset, encoder):
    found = scale.rank(dataset, top_k=4, num_partitions=3, **POOL).take_all()
    assert rows_.found_ranks(found) == rows_.expected_ranks(encoder, ROWS, 4)


def test_loses_and_repeats_nothing_when_an_actor_is_killed(dataset, encoder, log):
    wait = log.kill_a_scorer()
    found = scale.score(dataset, **POOL).take_all()
    killed = wait()
    assert killed is not None
    assert len(log.processes()) >= 2  # somebody took over
    assert rows_.found_bits(found) == rows_.expected_bits(encoder, ROWS)


def test_reports_rows_that_cannot_be_scored():
    moon = "who walked on the moon"
    table = [
        {"qid": "q1", "query": moon, "docid": "d1", "text": "Neil Armstrong walked on the moon"},
        {"qid": "q1", "query": None, "docid": "d2", "text": "text"},
        {"qid": "q1", "query": moon, "docid": "d3", "text": None},
        {"qid": "q1", "query": moon, "docid": "d4", "text": "word " * 600},
        {"qid": None, "query": moon, "docid": "d5", "text": "nobody"},
        {"qid": "q1", "query": moon, "docid": "d6", "text": "Eggs boil for six minutes"},
    ]
    options = {"top_k": 1, "truncation": "error", "num_partitions": 2, **POOL}
    found = scale.rank(ray.data.from_items(table), **options).take_all()
    errors = {row["docid"]: row["error"] for row in found if row["error"]}
    assert errors.pop("d4").startswith("The pair is 60")
    assert errors == {"d2": "query is null", "d3": "text is null", "d5": "qid is null"}
    assert all(row["logit"] is None and row["rank"] is None for row in found if row["error"])
    assert [(row["docid"], row["rank"]) for row in found if not row["error"]] == [("d1", 1)]
    numbers = ray.data.from_items([{"query": "a", "text": 7}])
    assert scale.score(numbers, **POOL).take_all()[0]["error"] == (
        "text is of type int; it must be a str"
    )


def test_threads_are_the_cpus_of_the_actor(dataset, log):
    scale.score(dataset.limit(3), **{**POOL, "concurrency": 1}, num_cpus=2).take_all()
    assert [threads for threads in log.threads_of_loads().values() if threads] == [[2]]


def test_an_empty_dataset_stays_empty(log):
    columns = {name: pa.array([], pa.string()) for name in ("qid", "query", "docid", "text")}
    empty = ray.data.from_arrow(pa.table(columns))
    assert scale.score(empty, **POOL).take_all() == []
    assert scale.rank(empty, top_k=3, **POOL).take_all() == []


def test_refuses_what_concerns_all_rows(dataset):
    with pytest.raises(TypeError, match="unexpected keyword argument 'treads'"):
        scale.score(dataset, treads=2, **POOL)
    for top_k in (-1, True, float("nan")):
        with pytest.raises((TypeError, ValueError), match="top_k is"):
            scale.rank(dataset, top_k=top_k, **POOL)
    with pytest.raises(TypeError, match="each worker loads it itself"):
        scale.score(dataset, model=crossrank.CrossEncoder("builtin"))
    with pytest.raises(Exception, match="no column 'body'"):
        scale.score(dataset, text="body", **POOL).take_all()


def test_the_snippet_of_the_page_runs(tmp_path):
    code = rows_.snippet("Ray")
    for place in ("examples", "build"):  # where this cluster sees them
        code = code.replace(f'"{place}/', f'"{tmp_path}/{place}/')
    (tmp_path / "examples").symlink_to(rows_.ROOT / "examples")
    names = {}
    exec(compile(code, "docs/scale.md", "exec"), names)
    assert names["ranked"].count() == 16
    assert list((tmp_path / "build/ranked-by-ray").glob("*.parquet"))


def test_the_example_ranks(tmp_path):
    example = rows_.ROOT / "examples/ray"
    done = subprocess.run(
        [sys.executable, example / "rank.py", "--candidates", example / "candidates.jsonl"]
        + ["--output", tmp_path / "out", "--top-k", "2", "--actors", "1"],
        # The cluster of this file; a second one would take as long as all its tests.
        env={**os.environ, "RAY_ADDRESS": ray.get_runtime_context().gcs_address},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "6 rows ranked, 1 row with an error" in done.stdout
    assert list((tmp_path / "out").glob("*.parquet"))
