# Reports of the peer benchmark: table, comparison with known rates, targets, SVG plots. No timing.
"""Works on the result that run.py also writes as JSON."""

import json
import pathlib
import statistics

import engines

REFERENCE = json.loads(
    (pathlib.Path(__file__).parent / "reference.json").read_text(encoding="utf-8")
)
BASE = "sentence-transformers"


def cpu():
    """What /proc/cpuinfo says of the first CPU; empty values where there is no such file."""
    facts = {"vendor": "", "family": 0, "model": 0, "name": "", "flags": []}
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="ascii").split("\n\n")[0]
    except OSError:
        return facts
    values = dict(
        (part.strip() for part in line.split(":", 1)) for line in lines.splitlines() if ":" in line
    )
    facts["vendor"] = values.get("vendor_id", "")
    facts["family"] = int(values.get("cpu family", 0))
    facts["model"] = int(values.get("model", 0))
    facts["name"] = values.get("model name", "")
    wanted = ("avx2", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_int8")
    facts["flags"] = [flag for flag in wanted if flag in values.get("flags", "").split()]
    return facts


def is_reference_machine(facts):
    machine = REFERENCE["machine"]
    return (
        facts["vendor"] == machine["vendor"]
        and facts["family"] == machine["family"]
        and machine["flag"] in facts["flags"]
    )


def throughput_rows(seconds, pairs, base=BASE):
    """One row an engine: median rate, spread, and the median of the ratios round by round."""
    rows = []
    for name, times in seconds.items():
        row = {
            "engine": name,
            "pairs_per_second": pairs / statistics.median(times),
            "lowest": pairs / max(times),
            "highest": pairs / min(times),
            "seconds": times,
        }
        if base in seconds:
            ratios = [a / b for a, b in zip(seconds[base], times, strict=True)]
            row["ratio"] = statistics.median(ratios)
        rows.append(row)
    return rows


def print_throughput(result):
    print(f"\n{result['title']}: {result['pairs']} pairs, {result['threads']} threads, "
          f"median of {result['rounds']} rounds, interleaved")  # fmt: skip
    print(f"{'engine':<26}{'pairs/s':>9}{'lowest':>9}{'highest':>9}{'ratio':>8}"
          f"{'tau':>8}{'peak MB':>9}  settings")  # fmt: skip
    for row in result["engines"]:
        ratio = f"{row['ratio']:.2f}x" if "ratio" in row else "-"
        print(f"{row['engine']:<26}{row['pairs_per_second']:>9.1f}{row['lowest']:>9.1f}"
              f"{row['highest']:>9.1f}{ratio:>8}{row['agreement']['tau']:>8.4f}"
              f"{row['peak_megabytes']:>9.0f}  {row['settings']}")  # fmt: skip


def handicapped(result):
    """A sentence for each peer that is slower, relative to BASE, than the reference run's.

    A peer that has at least its known rate is none: then BASE alone has become faster.

    BASE itself is slow when the peers as a whole are faster, relative to it, than they were: then
    every ratio to it flatters.
    """
    known = REFERENCE["pairs_per_second"].get(result["workload"], {})
    sentences, gains = [], []
    for row in result["engines"]:
        if row["engine"] == BASE or row["engine"] not in known or "ratio" not in row:
            continue
        expected = known[row["engine"]] / known[BASE]
        # The known rates are of batches in turn: side by side a peer may well be faster.
        if engines.SIDE_BY_SIDE not in row["settings"]:
            gains.append(row["ratio"] / expected)
        least = expected * (1 - REFERENCE["slack"])
        if row["ratio"] < least and row["pairs_per_second"] < known[row["engine"]]:
            sentences.append(
                f"{row['engine']} runs at {row['ratio']:.2f}x {BASE} on {result['workload']}; the "
                f"reference machine had {expected:.2f}x, at least {least:.2f}x is asked: look for "
                "what slows the peer down before its figure is used"
            )
    if gains and statistics.median(gains) * (1 - REFERENCE["slack"]) > 1:
        sentences.append(
            f"{BASE} itself is slow on {result['workload']}: the peers' ratios to it are "
            f"{statistics.median(gains):.2f} times (median) those of the reference machine, so "
            "ratios to it flatter; is another program busy?"
        )
    return sentences


def targets(result):
    """What reference.json asks of crossrank, for the engines that ran: the ratio round by round."""
    rates = {row["engine"]: row for row in result["engines"]}
    verdicts = []
    for name, peers in REFERENCE["targets"].items():
        for peer, least in peers.items():
            if name in rates and peer in rates:
                pairs = zip(rates[peer]["seconds"], rates[name]["seconds"], strict=True)
                ratio = statistics.median([a / b for a, b in pairs])
                verdicts.append(
                    {"engine": name, "peer": peer, "ratio": ratio, "target": least,
                     "met": ratio >= least}
                )  # fmt: skip
    return verdicts


def print_targets(result):
    for verdict in result["targets"]:
        word = "met" if verdict["met"] else "MISSED"
        print("target: {engine} / {peer} {ratio:.2f}x, at least {target}x: ".format(**verdict)
              + word)  # fmt: skip
    met = sum(verdict["met"] for verdict in result["targets"])
    if result["targets"]:
        print(f"targets: {met} of {len(result['targets'])} met")


def percentile(values, percent):
    """The smallest value that `percent` of the values do not exceed (nearest rank)."""
    return sorted(values)[-(-percent * len(values) // 100) - 1]


def print_latency(result):
    print(
        f"\nLatency, {result['threads']} threads: milliseconds a call, p50/p99 (n calls); "
        "the p99 of fewer than 100 calls is the slowest"
    )
    sizes = list(result["engines"][0]["calls"])
    print(f"{'engine':<26}" + "".join(f"{size:>24}" for size in sizes))
    for row in result["engines"]:
        cells = []
        for size in sizes:
            times = row["calls"][size]
            p50, p99 = statistics.median(times) * 1000, percentile(times, 99) * 1000
            cells.append(f"{p50:>10.1f}/{p99:.1f} ({len(times)})".rjust(24))
        print(f"{row['engine']:<26}" + "".join(cells))


def describe(facts):
    return f"{facts['name']}, {facts['vendor']} family {facts['family']} model {facts['model']}"


def _colour(engine):
    return "#1b7f5c" if engine.startswith("crossrank") else "#8a94a6"


def _axes(rows):
    import matplotlib

    matplotlib.use("svg")
    # Text stays text and the file is the same for the same figures.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "crossrank"})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 1.4 + 0.36 * rows), layout="constrained")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _save(figure, path):
    figure.savefig(path, metadata={"Date": None})


def plot_throughput(result, path):
    rows = list(reversed(result["engines"]))
    figure, axes = _axes(len(rows))
    rates = [row["pairs_per_second"] for row in rows]
    errors = [
        [row["pairs_per_second"] - row["lowest"] for row in rows],
        [row["highest"] - row["pairs_per_second"] for row in rows],
    ]
    colours = [_colour(row["engine"]) for row in rows]
    axes.barh([row["engine"] for row in rows], rates, xerr=errors, color=colours,
              error_kw={"ecolor": "#333333", "elinewidth": 0.8, "capsize": 2})  # fmt: skip
    for position, row in enumerate(rows):
        ratio = f"  ({row['ratio']:.1f}x)" if "ratio" in row else ""
        text = f"{row['pairs_per_second']:.0f}{ratio}"
        axes.text(row["highest"] + max(rates) * 0.01, position, text, va="center", fontsize=9)
    axes.set_xlim(0, max(row["highest"] for row in rows) * 1.15)
    axes.set_xlabel(f"pairs per second (more is better; in brackets: ratio to {BASE})")
    axes.set_title(
        f"{result['title']}: {result['pairs']} pairs, {result['threads']} threads, "
        f"rounds: {result['rounds']}, median and range\n{describe(result['cpu'])}",
        fontsize=10, loc="left",
    )  # fmt: skip
    _save(figure, path)


def plot_latency(result, path):
    rows = result["engines"]
    sizes = [int(size) for size in rows[0]["calls"]]
    # Here and not above: whoever only compares rates needs no matplotlib.
    from matplotlib import colormaps

    figure, axes = _axes(12)
    axes.set_prop_cycle(color=[*colormaps["tab20"].colors])
    for row in rows:
        medians = [statistics.median(row["calls"][str(size)]) * 1000 for size in sizes]
        ours = row["engine"].startswith("crossrank")
        axes.plot(sizes, medians, marker="o", markersize=3, linewidth=2 if ours else 1,
                  linestyle="-" if ours else "--", label=row["engine"])  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_xlabel("documents a call")
    axes.set_ylabel("median latency, milliseconds (less is better)")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    axes.set_title(
        f"Latency, {result['threads']} threads, {describe(result['cpu'])}", fontsize=10, loc="left"
    )
    _save(figure, path)
