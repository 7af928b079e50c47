"""The server under load against the library, measured and plotted.

    build/peerenv/bin/python bench/serve_load.py --crossrank build/release/crossrank \
        --svg docs/images/serve_load.svg --json build/serve_load.json

Starts `crossrank serve` on a free port and measures, with the same built-in pairs, precision and
threads:

- saturation: pairs/s of two processes of `crossrank bench --url --rate max` together and of the
  library, in turn;
- light load: p50 of 10-document requests, one after another with pauses that make a tenth of
  saturation, and of the library's rank call, in turn, both with the same 10 pairs;
- overload: what is served, what is good (within the deadline) and how long it takes, at rates from
  a quarter of saturation to three times as much.

Client and server share the machine. Needs matplotlib (bench/peers/requirements.txt).
"""

import argparse
import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import random
import signal
import statistics
import subprocess
import tempfile
import threading
import time

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

DOCUMENTS = 10
OF_SATURATION = (0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 2.5, 3.0)
LIGHT = 0.1  # of saturation
LIGHT_REQUESTS = 30  # a round
ROOT = pathlib.Path(__file__).resolve().parents[1]
CLIENTS_AT_SATURATION, CONNECTIONS_EACH = 2, 8


@contextlib.contextmanager
def serving(options: argparse.Namespace):
    """A server; gives its URL, and ends it."""
    command = [options.crossrank, "serve", "--port", "0", "--quiet", *settings(options)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        port = None
        for line in process.stderr:
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("event") == "listening":
                port = event["port"]
                break
            print(line, end="")
        if port is None:
            raise SystemExit(f"the server ended with {process.wait()}")
        threading.Thread(target=process.stderr.read, daemon=True).start()  # the pipe never fills
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def settings(options: argparse.Namespace) -> list[str]:
    given = ["--model", options.model, "--precision", options.precision]
    return [*given, "--threads", str(options.threads)]


def bench(options: argparse.Namespace, *arguments: object) -> list[dict]:
    command = [options.crossrank, "bench", "--documents", DOCUMENTS, "--format", "json", *arguments]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)["runs"]


def library(options: argparse.Namespace, *arguments: object) -> dict:
    (run,) = bench(options, "--rounds", 1, *settings(options), *arguments)
    return run


def saturation(options: argparse.Namespace, url: str) -> dict:
    """Pairs/s of both, round by round."""
    rounds = {"library": [], "server": []}
    for _ in range(options.rounds):
        rounds["library"].append(library(options)["pairs_per_second"])
        arguments = ("--url", url, "--rate", "max", "--duration", options.seconds)
        with concurrent.futures.ThreadPoolExecutor(CLIENTS_AT_SATURATION) as pool:
            clients = [
                pool.submit(bench, options, *arguments, "--connections", CONNECTIONS_EACH)
                for _ in range(CLIENTS_AT_SATURATION)
            ]
        runs = [run for client in clients for run in client.result()]
        rounds["server"].append(sum(run["pairs_per_second"] for run in runs))
        print("saturation", *(f"{who} {v[-1]:.1f} pairs/s" for who, v in rounds.items()))
    return rounds


def ten_documents() -> tuple[str, list[str]]:
    """A query and texts of some 100 tokens, of the example corpus."""
    lines = (ROOT / "examples" / "corpus.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line)["page_content"] for line in lines]
    groups = [texts[3 * i : 3 * i + 3] for i in range(DOCUMENTS)]
    return "who walked on the moon first", [" ".join(group) for group in groups]


def one_at_a_time(url: str, pause: float, rng: random.Random) -> float:
    """Median ms of requests with exponential pauses between, so that none waits for another."""
    query, documents = ten_documents()
    body = json.dumps({"query": query, "documents": documents})
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    times = []
    for _ in range(LIGHT_REQUESTS):
        time.sleep(pause * rng.expovariate(1))
        start = time.perf_counter()
        connection.request("POST", "/v1/rerank", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"the server answered {answer.status}")
        times.append(1e3 * (time.perf_counter() - start))
    connection.close()
    return statistics.median(times)


def light_load(options: argparse.Namespace, url: str, rate: float) -> dict:
    """p50 in ms of both, round by round."""
    rounds = {"library": [], "server": [], "server, no pauses": []}
    rng = random.Random(1)
    query, documents = ten_documents()
    with tempfile.TemporaryDirectory() as folder:
        pairs = pathlib.Path(folder) / "pairs.jsonl"
        pairs.write_text(
            "".join(json.dumps({"query": query, "document": text}) + "\n" for text in documents)
        )
        for _ in range(options.rounds):
            rounds["library"].append(library(options, pairs)["latency"][0]["p50_ms"])
            rounds["server"].append(one_at_a_time(url, 1 / rate, rng))
            rounds["server, no pauses"].append(one_at_a_time(url, 0, rng))
            print("light load", *(f"{who} p50 {v[-1]:.2f} ms" for who, v in rounds.items()))
    return rounds


def overload(options: argparse.Namespace, url: str, saturated: float) -> list[dict]:
    rates = ",".join(f"{saturated * factor:.3f}" for factor in OF_SATURATION)
    runs = bench(
        options, "--url", url, "--rate", rates, "--duration", options.seconds,
        "--deadline-ms", options.deadline_ms, "--connections", options.connections,
    )  # fmt: skip
    for run, factor in zip(runs, OF_SATURATION):
        latency = run["latency_ms"] or {"p50": float("nan"), "p99": float("nan")}
        failed = {kind: count for kind, count in run["errors"].items() if count}
        print(
            f"{factor:.2f} of saturation: offered {run['offered_per_second']:.1f}/s",
            f"served {run['served_per_second']:.1f}/s good {run['good_per_second']:.1f}/s",
            f"p50 {latency['p50']:.1f} ms p99 {latency['p99']:.1f} ms {failed or ''}",
        )
    return runs


def plot(svg: pathlib.Path, runs: list[dict], saturated: float, deadline_ms: int) -> None:
    offered = [run["offered_per_second"] for run in runs]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    left.plot(offered, offered, color="grey", linestyle="--", linewidth=1, label="offered")
    for member, label in (("served", "answered"), ("good", "answered within the deadline")):
        values = [run[f"{member}_per_second"] for run in runs]
        left.plot(offered, values, marker="o", markersize=3, label=label)
    left.axhline(saturated, color="grey", linestyle=":", linewidth=1, label="saturation")
    left.set(xlabel="requests/s offered", ylabel="requests/s", xlim=0, ylim=0)
    left.set_title(f"requests of {DOCUMENTS} documents")
    for quantile in ("p50", "p90", "p99"):
        values = [(run["latency_ms"] or {}).get(quantile, float("nan")) for run in runs]
        right.plot(offered, values, marker="o", markersize=3, label=quantile)
    right.axhline(deadline_ms, color="grey", linestyle=":", linewidth=1, label="deadline")
    right.set(xlabel="requests/s offered", ylabel="ms to an answer", xlim=0, yscale="log")
    right.set_title("latency of answers, from when they were due")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    svg.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(svg, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--crossrank", required=True, help="the binary")
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--threads", type=int, default=0, help="0 = all CPUs (default)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10, help="of each rate (default 10)")
    parser.add_argument("--deadline-ms", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=256, help="in the overload part")
    parser.add_argument("--svg", required=True, type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()

    with serving(options) as url:
        pairs = saturation(options, url)
        saturated = statistics.median(pairs["server"]) / DOCUMENTS
        latency = light_load(options, url, LIGHT * saturated)
        runs = overload(options, url, saturated)
    ratio = statistics.median(s / own for s, own in zip(pairs["server"], pairs["library"]))
    more = {
        who: statistics.median(s - own for s, own in zip(latency[who], latency["library"]))
        for who in latency
        if who != "library"
    }
    print(
        f"saturation: {100 * ratio:.1f} % of the library; light load: p50 "
        f"{more['server']:+.2f} ms, without pauses {more['server, no pauses']:+.2f} ms"
    )
    plot(options.svg, runs, saturated, options.deadline_ms)
    if options.json:
        facts = {"precision": options.precision, "threads": options.threads}
        facts |= {"documents": DOCUMENTS, "deadline_ms": options.deadline_ms}
        facts |= {"saturation_pairs_per_second": pairs, "saturation_ratio": ratio}
        facts |= {"light_load_p50_ms": latency, "light_load_more_ms": more}
        options.json.write_text(json.dumps({**facts, "overload": runs}, indent=1))


if __name__ == "__main__":
    main()
