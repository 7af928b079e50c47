"""What Spark and Ray add to scoring, measured: 1 and 2 workers of one thread each against one process
with 1 and 2 threads, and what taking texts through Arrow to Python costs. No cluster: this machine.

    PYTHONPATH=build/release/python build/venv-scale/bin/python bench/scale.py --json build/scale.json

Rounds are interleaved; medians and the rounds' own ratios are printed. Every way must give the same
bits, or it fails. Ray starts its actors in each job: its rate is that of what a job of twelve times
the pairs takes longer than one of four times, and its start is what is left of the latter. Needs Java and python/tests/requirements-scale.txt.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import sys
import time

import pyarrow as pa

import crossrank

ROOT = pathlib.Path(__file__).resolve().parents[1]
WORDS = 60  # of a text: about 93 tokens with its query


def made_pairs(count: int) -> list[tuple[str, str]]:
    lines = (ROOT / "examples/corpus.jsonl").read_text(encoding="utf-8").splitlines()
    words = " ".join(json.loads(line)["page_content"] for line in lines).split()
    chosen = random.Random(1)
    return [
        (" ".join(chosen.choices(words, k=8)), " ".join(chosen.choices(words, k=WORDS)))
        for _ in range(count)
    ]


def timed(call):
    begin = time.perf_counter()
    result = call()
    return time.perf_counter() - begin, result


def arrow_rate(pairs: list[tuple[str, str]], rounds: int) -> dict[str, float]:
    """MB/s of texts through an Arrow stream, written and read back as Python strings."""
    batch = pa.RecordBatch.from_pydict({"q": [q for q, _ in pairs], "t": [t for _, t in pairs]})
    size = sum(len(q.encode()) + len(t.encode()) for q, t in pairs)

    def through():
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        table = pa.ipc.open_stream(sink.getvalue()).read_all()
        return list(zip(table["q"].to_pylist(), table["t"].to_pylist()))

    seconds = []
    for _ in range(rounds):
        took, back = timed(through)
        if back != pairs:
            sys.exit("Arrow gave other texts back")
        seconds.append(took)
    took = statistics.median(seconds)
    return {"bytes_a_pair": size / len(pairs), "MB_a_second": size / took / 1e6}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--no-spark", action="store_true")
    parser.add_argument("--no-ray", action="store_true")
    arguments = parser.parse_args()
    pairs = made_pairs(arguments.pairs)
    report: dict[str, object] = {"arrow": arrow_rate(made_pairs(20000), 5)}

    ways = {}
    for threads in (1, 2):
        encoder = crossrank.CrossEncoder("builtin", threads=threads, precision=arguments.precision)
        ways[f"process, {threads} threads"] = lambda e=encoder: e.predict(pairs).tolist()
    if not arguments.no_spark:
        ways.update(spark_ways(pairs, arguments.precision))

    seconds: dict[str, list[float]] = {name: [] for name in ways}
    expected = ways["process, 2 threads"]()
    for _ in range(arguments.rounds):
        for name, way in ways.items():
            took, scores = timed(way)
            check(name, scores, expected)
            seconds[name].append(took)
    if not arguments.no_ray:
        starts = ray_seconds(pairs, arguments.precision, arguments.rounds, expected, seconds)
        report["ray, seconds to start"] = starts
    base = seconds["process, 1 threads"]
    for name, took in seconds.items():
        ratio = statistics.median(b / t for b, t in zip(base, took))
        rate = len(pairs) / statistics.median(took)
        report[name] = {"pairs_a_second": rate, "ratio": ratio}
        print(f"{name:22} {rate:8.1f} pairs/s  {ratio:5.2f}x")
    for name in report.keys() - seconds.keys():
        print(name, report[name])
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


def check(name: str, scores: list[float], expected: list[float]) -> None:
    if scores != expected:
        sys.exit(f"{name} gives other scores")


def ray_seconds(pairs, precision: str, rounds: int, expected, seconds: dict[str, list[float]]):
    """Adds Ray's seconds for the pairs, without its start, to `seconds`; gives the median start."""
    import ray

    import crossrank.ray

    os.environ["RAY_worker_niceness"] = "0"  # 15 by default, behind anything else on the machine
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    starts = []
    for _ in range(rounds):
        for name, actors in (("ray, 1 actor", 1), ("ray, 2 actors", 2)):
            took = []
            for times in (4, 12):
                rows = [
                    {"place": i, "query": q, "text": t} for i, (q, t) in enumerate(pairs * times)
                ]
                frame = ray.data.from_items(rows, override_num_blocks=times)
                scored = crossrank.ray.score(
                    frame, model="builtin", precision=precision, concurrency=actors, batch_rows=256
                )
                once, found = timed(scored.take_all)
                took.append(once)
                scores = [row["score"] for row in sorted(found, key=lambda row: row["place"])]
                check(name, scores, expected * times)
            seconds.setdefault(name, []).append((took[1] - took[0]) / 8)
            starts.append(took[0] - 4 * seconds[name][-1])
    ray.shutdown()
    return statistics.median(starts)


def spark_ways(pairs: list[tuple[str, str]], precision: str):
    """{name: a way to score} with 1 and with 2 Python workers, both warm."""
    from pyspark.sql import SparkSession

    import crossrank.spark

    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    rows = [(place, q, t) for place, (q, t) in enumerate(pairs)]

    def way(workers: int):
        frame = spark.createDataFrame(rows, "place int, query string, text string")
        frame = frame.repartition(workers).cache()
        frame.count()
        scored = crossrank.spark.score(frame, model="builtin", precision=precision)

        def run():
            return [row.score for row in sorted(scored.select("place", "score").collect())]

        run()
        return run

    return {"spark, 1 worker": way(1), "spark, 2 workers": way(2)}


if __name__ == "__main__":
    main()
