"""Ranks the candidates of many queries with Ray Data: JSON lines or Parquet in, Parquet out. A job
to start from, not a tool. README.md beside it says how to run it."""

import argparse

import ray
import ray.data

import crossrank.ray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", required=True, help="rows of qid, query, docid, text")
    parser.add_argument("--output", required=True, help="a folder for Parquet files")
    parser.add_argument("--model", default="builtin", help="as the nodes see it")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--top-k", type=int, default=10)
    parser.add_argument("--actors", type=int, help="default: as many as Ray finds room for")
    parser.add_argument("--threads", type=int, default=1, help="of an actor")
    arguments = parser.parse_args()

    ray.init(include_dashboard=False)  # joins the cluster of RAY_ADDRESS, else starts one here
    jsonl = arguments.candidates.endswith(".jsonl")
    dataset = (ray.data.read_json if jsonl else ray.data.read_parquet)(arguments.candidates)
    ranked = crossrank.ray.rank(
        dataset,
        model=arguments.model,
        precision=arguments.precision,
        top_k=arguments.top_k,
        concurrency=arguments.actors,
        num_cpus=arguments.threads,
        num_partitions=8,
    ).materialize()  # each use of a lazy dataset would compute it again
    ranked.write_parquet(arguments.output)
    errors = ranked.filter(lambda row: row["error"] is not None).count()
    rows = ranked.count() - errors
    print(f"{rows} rows ranked, {errors} row{'s' * (errors != 1)} with an error")
    ray.shutdown()


if __name__ == "__main__":
    main()
