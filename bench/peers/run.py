#!/usr/bin/env python3
# Peer benchmark: same pairs, weights and threads through every engine, interleaved, in one run.
"""Prints pairs per second (median of the rounds) and the ratio to sentence-transformers.

Before anything is timed, all engines must rank alike; one that does not ends the run.

    bench/peers/run.py --data DIR                       # DIR/dl19, 800 pairs, every engine
    bench/peers/run.py --data DIR --workloads dl19,docs50,scifact,short
    bench/peers/run.py                                  # on examples/, no data needed
    bench/peers/run.py --data DIR --latency             # milliseconds for 1 to 1,000 documents
    bench/peers/run.py --quick                          # does everything work? no figures to keep
"""

import argparse
import datetime
import importlib.metadata
import json
import pathlib
import platform
import random
import sys
import time

import agreement
import engines
import exports
import isolate
import report
import workloads

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKLOADS = ("dl19", "docs50", "scifact", "short", "examples")
PACKAGES = ("torch", "transformers", "tokenizers", "sentence-transformers", "onnxruntime", "onnx",
            "openvino", "openvino-genai", "openvino-tokenizers", "nncf")  # fmt: skip
CHECKED_PAIRS = 200  # before timing; the timed rounds' own logits are checked in full
TUNING_PAIRS = 48  # that the peers pick their batch size and graph with
LATENCY_SIZES = (1, 10, 50, 100, 1000)
LATENCY_SECONDS = 4.0  # an engine and size; at least 3 calls, at most 200


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=str(ROOT / "models" / "minilm-l6-crossrank"))
    parser.add_argument("--data", help="folder with dl19/ and scifact/; without it: examples/")
    parser.add_argument("--workloads", help=f"commas between: {', '.join(WORKLOADS)}")
    parser.add_argument("--engines", help="only names that have one of these, commas between")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pairs", type=int, help="only the first N pairs of each workload")
    parser.add_argument("--latency", action="store_true", help="time calls, not many pairs")
    parser.add_argument("--quick", action="store_true", help="64 pairs, 2 rounds: a trial")
    parser.add_argument("--strict", action="store_true",
                        help="fail on a missed target, and on a slow peer on any CPU")  # fmt: skip
    parser.add_argument("--isa", help="crossrank's kernels; default: the best of this CPU")
    parser.add_argument("--binary", default=str(ROOT / "build" / "release" / "crossrank"))
    parser.add_argument(
        "--worker", help="crossrank_worker; default: bench/peers/ beside the binary"
    )
    parser.add_argument("--cache", default=str(ROOT / "build" / "peers"),
                        help="folder for the converted models")  # fmt: skip
    parser.add_argument("--out", default=str(ROOT / "build" / "peers"),
                        help="folder for the JSON and SVG files")  # fmt: skip
    arguments = parser.parse_args()
    if arguments.threads < 1 or arguments.rounds < 1:
        parser.error("--threads and --rounds are 1 at least")
    names = (arguments.workloads or ("dl19" if arguments.data else "examples")).split(",")
    for name in names:
        if name not in WORKLOADS:
            parser.error(f"no workload is called {name}: there are {', '.join(WORKLOADS)}")
        if name != "examples" and not arguments.data:
            parser.error(f"the workload {name} needs --data")
    arguments.workloads = names
    if arguments.quick:
        arguments.pairs = min(arguments.pairs or 64, 64)
        arguments.rounds = min(arguments.rounds, 2)
    if not pathlib.Path(arguments.binary).is_file():
        parser.error(f"{arguments.binary} is missing: build crossrank, or name it with --binary")
    if arguments.worker is None:
        arguments.worker = str(
            pathlib.Path(arguments.binary).parent / "bench" / "peers" / "crossrank_worker"
        )
    return arguments


def engine_makers(arguments, cache, workload):
    """(name, class and arguments) of every engine that was asked for; the reference comes first."""
    threads = arguments.threads
    makers = [
        (report.BASE, (engines.SentenceTransformers, cache, threads)),
        ("torch bf16", (engines.TorchBf16, cache, threads)),
        ("onnxruntime fp32", (engines.OnnxRuntime, cache, threads, "fp32")),
        ("onnxruntime int8 dynamic", (engines.OnnxRuntime, cache, threads, "int8")),
        ("openvino fp32", (engines.OpenVino, cache, threads, "fp32", workload)),
        ("openvino bf16", (engines.OpenVino, cache, threads, "bf16", workload)),
        ("openvino int8 static", (engines.OpenVino, cache, threads, "int8", workload)),
        ("openvino genai fp32", (engines.OpenVinoGenAi, cache, threads, "fp32")),
    ]
    for precision in ("fp32", "bf16", "int8"):
        own = (cache, threads, precision)
        makers.append(
            (f"crossrank {precision}", (engines.Crossrank, *own, arguments.worker, arguments.isa))
        )
        makers.append(
            (
                f"crossrank {precision} process",
                (engines.CrossrankProcess, *own, arguments.binary, arguments.isa),
            )
        )
    wanted = arguments.engines.split(",") if arguments.engines else [""]
    return [
        (name, make)
        for name, make in makers
        if name == report.BASE or any(word in name for word in wanted)
    ]


def start_engines(arguments, cache, workload, remotes):
    """Appends the processes of all engines to `remotes`, tuned and loaded one after another."""
    step = max(1, len(workload.pairs) // TUNING_PAIRS)
    sample = workload.pairs[::step][:TUNING_PAIRS]
    for name, make in engine_makers(arguments, cache, workload):
        try:
            # In a process of its own: what lost would count to the winner's memory.
            choices = isolate.call(arguments.threads, engines.tune, make, sample)
            if not arguments.latency:
                choices = choices[:1]  # fit() chooses among them call by call
            remote = isolate.Remote(make, arguments.threads)
            remotes.append(remote)
            remote.prepare(sample, choices)
        except RuntimeError as error:
            sys.exit(f"{name} cannot run: {error}")
        print(f"{name}: {remote.settings}", file=sys.stderr)
        if choices and choices[0][1] in (engines.BATCH_SIZES[0], engines.BATCH_SIZES[-1]):
            print(f"warning: {name} picked batch {choices[0][1]}, an edge of "
                  f"{engines.BATCH_SIZES}", file=sys.stderr)  # fmt: skip


def check_agreement(logits, tolerances, groups):
    """Ends the run when an engine ranks otherwise than the reference; returns the figures."""
    found = {}
    for name, values in logits.items():
        try:
            found[name] = agreement.compare(values, logits[report.BASE], groups)
        except ValueError as error:
            sys.exit(f"{name}: {error}")
        wrong = agreement.violation(found[name], tolerances[name])
        print("{}: logits within {logit:.1e}, tau {tau:.4f}, top within {top:.3f}".format(
            name, **found[name]), file=sys.stderr)  # fmt: skip
        if wrong:
            sys.exit(f"{name} does not rank as {report.BASE}: {wrong}")
    return found


def head_of_groups(workload, limit):
    """The first queries with all their pairs, about `limit` of them: (pairs, groups)."""
    pairs, groups = [], []
    for group in workload.groups():
        if pairs and len(pairs) + len(group) > limit:
            break
        groups.append(list(range(len(pairs), len(pairs) + len(group))))
        pairs += [workload.pairs[i] for i in group]
    return pairs, groups


def check_before_timing(workload, remotes):
    pairs, groups = head_of_groups(workload, CHECKED_PAIRS)
    logits = {remote.name: remote.score(pairs)[0] for remote in remotes}
    check_agreement(logits, {remote.name: remote.tolerance for remote in remotes}, groups)


def measure_throughput(arguments, workload, remotes):
    seconds = {remote.name: [] for remote in remotes}
    logits = {}
    # Every round has its own order, so that no engine always follows the same one.
    shuffle = random.Random(1)
    for round_number in range(1, arguments.rounds + 1):
        begin = time.monotonic()
        for remote in shuffle.sample(remotes, len(remotes)):
            logits[remote.name], spent = remote.score(workload.pairs)
            seconds[remote.name].append(spent)
        print(f"round {round_number} took {time.monotonic() - begin:.0f} s", file=sys.stderr)
    in_order = {remote.name: logits[remote.name] for remote in remotes}
    tolerances = {remote.name: remote.tolerance for remote in remotes}
    found = check_agreement(in_order, tolerances, workload.groups())
    rows = report.throughput_rows(seconds, len(workload.pairs))
    for row, remote in zip(rows, remotes, strict=True):
        row["settings"] = remote.settings
        row["agreement"] = found[remote.name]
        row["peak_megabytes"] = remote.peak_megabytes()
    result = {"kind": "throughput", "engines": rows, "pairs": len(workload.pairs)}
    return result | {"targets": report.targets(result)}


def measure_latency(arguments, workload, remotes):
    """Calls of one query with n documents; the engines take turns at every call."""
    sizes = LATENCY_SIZES[:3] if arguments.quick else LATENCY_SIZES
    budget = 0.5 if arguments.quick else LATENCY_SECONDS
    calls = {remote.name: {} for remote in remotes}
    settings = {remote.name: {} for remote in remotes}
    for size in sizes:
        pairs = workloads.latency_pairs(workload.pairs, size)
        spent = dict.fromkeys(calls, 0.0)
        for remote in remotes:
            settings[remote.name][str(size)] = remote.fit(pairs)
            print(f"{size} documents, {remote.name}: {settings[remote.name][str(size)]}",
                  file=sys.stderr)  # fmt: skip
            remote.score(pairs)
            calls[remote.name][str(size)] = []
        active = list(remotes)
        while active:
            for remote in list(active):
                seconds = remote.score(pairs)[1]
                times = calls[remote.name][str(size)]
                times.append(seconds)
                spent[remote.name] += seconds
                enough = spent[remote.name] >= budget and len(times) >= 3
                if enough or len(times) >= 200:
                    active.remove(remote)
        print(f"{size} documents done", file=sys.stderr)
    rows = [
        {"engine": remote.name, "settings": settings[remote.name], "calls": calls[remote.name]}
        for remote in remotes
    ]
    return {"kind": "latency", "engines": rows}


def run_workload(arguments, name, cache):
    workload = workloads.load(name, arguments.data, arguments.pairs)
    if arguments.latency:
        # Pairs of about 100 tokens, whatever the workload's own mean is.
        workload.pairs = workloads.first_characters(workload.pairs, 400)
    isolate.call(arguments.threads, exports.build_all, cache, arguments.model, workload)
    remotes = []
    try:
        start_engines(arguments, cache, workload, remotes)
        check_before_timing(workload, remotes)
        measure = measure_latency if arguments.latency else measure_throughput
        result = measure(arguments, workload, remotes)
    finally:
        for remote in remotes:
            remote.close()
    result.update(
        workload=name, title=workload.title, threads=arguments.threads, rounds=arguments.rounds,
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        cpu=report.cpu(), quick=arguments.quick, python=platform.python_version(),
        packages={package: importlib.metadata.version(package) for package in PACKAGES},
    )  # fmt: skip
    return result


def write_and_print(result, out):
    out.mkdir(parents=True, exist_ok=True)
    stem = f"{result['kind']}-{result['workload']}"
    (out / f"{stem}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if result["kind"] == "latency":
        report.print_latency(result)
        report.plot_latency(result, out / f"{stem}.svg")
    else:
        report.print_throughput(result)
        report.print_targets(result)
        report.plot_throughput(result, out / f"{stem}.svg")
    print(f"written: {out / stem}.json and .svg")


def main():
    arguments = parse_arguments()
    cache = exports.cache_folder(arguments.cache, arguments.model)
    slow, missed = [], 0
    for name in arguments.workloads:
        result = run_workload(arguments, name, cache)
        write_and_print(result, pathlib.Path(arguments.out))
        if result["kind"] == "throughput":
            slow += report.handicapped(result)
            missed += sum(not verdict["met"] for verdict in result["targets"])
    must_fail = arguments.strict or report.is_reference_machine(report.cpu())
    for sentence in slow:
        print(f"slow peer: {sentence}", file=sys.stderr)
    if slow and must_fail and not arguments.quick:
        sys.exit("The run fails: a peer is handicapped.")
    if slow:
        why = "so few pairs" if arguments.quick else "another CPU than the reference machine's"
        print(f"That is a warning only, with {why}.", file=sys.stderr)
    if missed and arguments.strict and not arguments.quick:
        sys.exit(f"The run fails: {missed} targets are missed.")


if __name__ == "__main__":
    main()
