"""Ranks the candidates of many queries with Spark: JSON lines or Parquet in, Parquet out. A job to
start from, not a tool. README.md beside it says how to submit it."""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import crossrank.spark


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", required=True, help="rows of qid, query, docid, text")
    parser.add_argument("--output", required=True, help="a folder for Parquet files")
    parser.add_argument("--model", default="builtin", help="as the executors see it")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--top-k", type=int, default=10)
    parser.add_argument("--partitions", type=int, help="default: as the input comes")
    arguments = parser.parse_args()

    spark = SparkSession.builder.appName("crossrank").getOrCreate()
    reader = spark.read.json if arguments.candidates.endswith(".jsonl") else spark.read.parquet
    frame = reader(arguments.candidates)
    if arguments.partitions:
        frame = frame.repartition(arguments.partitions)
    ranked = crossrank.spark.rank(
        frame, model=arguments.model, precision=arguments.precision, top_k=arguments.top_k
    )
    # Written before anything else is done with it: each action on a lazy frame scores again.
    ranked.write.mode("overwrite").parquet(arguments.output)

    written = spark.read.parquet(arguments.output)
    failed = F.col("error").isNotNull()
    rows, errors = written.where(~failed).count(), written.where(failed).count()
    print(f"{rows} rows ranked, {errors} row{'s' * (errors != 1)} with an error")
    spark.stop()


if __name__ == "__main__":
    main()
