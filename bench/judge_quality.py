"""What a judge adds to the ranking, and what skip_if_gap saves and costs, from recorded LLM labels.

    build/venv/bin/python bench/judge_quality.py --crossrank build/release/crossrank \
        --model builtin --data DIR --train DIR --svg docs/images/judge_gap.svg

--data is as bench/quality.py describes it, with llm_qrels/NAME.txt for each of LABELS: labels 0 to
3 that an LLM gave to pairs which people judged, too. A server on loopback (judge_replay.py) answers
`crossrank hybrid` with them, so everything but the LLM is real. They are not answers to crossrank's
prompt: an upper bound, roughly, of what such a model does with it. A finalist without a label is
left out of the answer; crossrank asks for it once more and then puts it behind the others, or keeps
the cross-encoder's order where fewer than half have a label. That favours the judge: what has no
label was not judged by people either and counts as irrelevant. So everything is repeated on the
documents with labels alone, where nothing is left out.

--train holds passages.jsonl ({id, text}) and questions.jsonl ({query, positive}). The threshold of
skip_if_gap is fitted there, on questions drawn by a seed: the smallest of THRESHOLDS such that, of
the questions whose gap is at least that, the judge would change the set of the best four for less
than MAX_CHANGED, were it an oracle of the known answers.

Needs numpy, matplotlib and what bench/quality.py needs but PyTorch. Scores some 6,500 pairs of
--data and 50 for each of --train-questions; --option reaches the latter alone
(docs/hybrid.md: --option=--precision=bf16, within 0.05 of float32's logits). Exit 1 when
crossrank does not do what the labels ask for.
"""

import collections
import json
import os
import pathlib
import random
import subprocess

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
import pytrec_eval
from bm25 import Bm25
from judge_replay import Replay, read_labels
from quality import arguments, crossrank_logits, print_heading, read_set
from scipy.stats import binomtest

LABELS = {"umbrela-gpt4": "GPT-4", "umbrela-gpt4o": "GPT-4o"}
FINALISTS, TOP_K = 10, 4
THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 6, 8)
MAX_CHANGED = 0.05
CHECKED = 0.25  # the threshold that crossrank is run with: a third of DL 2019 is skipped
TRAIN_CANDIDATES = 50  # of BM25, for each question
SEED = 1


def hybrid(options, replay: Replay, model: str, query: str, documents, *flags: str) -> dict:
    lines = "".join(json.dumps({"id": d, "page_content": text}) + "\n" for d, text in documents)
    command = [options.crossrank, "hybrid", "-q", query, "--model", str(options.model)]
    command += ["--judge-url", replay.url, "--judge-model", model]
    command += ["--format", "json", "--no-return-documents", "--quiet", *flags]
    env = {k: v for k, v in os.environ.items() if k.lower() not in ("http_proxy", "all_proxy")}
    done = subprocess.run(command, input=lines, capture_output=True, text=True, env=env)
    if done.returncode != 0 or replay.mistakes:
        raise SystemExit(f"{' '.join(command)}: {done.stderr} {replay.mistakes}")
    return json.loads(done.stdout)


def all_finalists(options, replay, model, groups) -> list[dict]:
    flags = ("--top-k", str(FINALISTS), "--candidates", str(FINALISTS))
    return [hybrid(options, replay, model, query, docs, *flags) for _, query, docs in groups]


def ids(output: dict) -> list[str]:
    return [result["id"] for result in output["results"]]


def by_cross_encoder(output: dict) -> list[dict]:
    return sorted(output["results"], key=lambda result: result["cross_encoder_rank"])


def finalists_of(groups, outputs):
    """The groups with their finalists alone, in the cross-encoder's order: their scores have the
    same bits in any company, so later runs need not score the others."""
    out = []
    for (query_id, query, documents), output in zip(groups, outputs):
        texts = dict(documents)
        best = [result["id"] for result in by_cross_encoder(output)]
        out.append((query_id, query, [(d, texts[d]) for d in best]))
    return out


def judged(documents: list[str], labels: dict[str, int]) -> list[str]:
    """By label, those without one last."""
    return sorted(documents, key=lambda d: -labels.get(d, -1))


def expected(documents: list[str], labels: dict[str, int]) -> list[str]:
    """What hybrid is to make of finalists in the cross-encoder's order."""
    known = sum(d in labels for d in documents)
    return judged(documents, labels) if 2 * known >= len(documents) else documents


def ndcg(qrels, rankings: dict[str, list[str]]) -> dict[int, np.ndarray]:
    """{cut: a value for each query}"""
    run = {q: {d: -float(i) for i, d in enumerate(r)} for q, r in rankings.items()}
    values = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.4,10"}).evaluate(run)
    return {cut: np.array([values[q][f"ndcg_cut_{cut}"] for q in rankings]) for cut in (4, 10)}


def interval(differences: np.ndarray) -> str:
    """Mean and 95 % interval, a paired bootstrap over the queries."""
    draws = np.random.default_rng(SEED).integers(0, len(differences), (10_000, len(differences)))
    low, high = np.percentile(differences[draws].mean(axis=1), (2.5, 97.5))
    return f"{differences.mean():+.4f} [{low:+.4f}, {high:+.4f}]"


def row(name: str, values: dict[int, np.ndarray], base=None) -> None:
    cells = [f"{values[cut].mean():.4f}" for cut in (4, 10)]
    cells += [interval(values[cut] - base[cut]) if base else "" for cut in (4, 10)]
    print(f"| {name} | " + " | ".join(cells) + " |")


def compare(options, replay, groups, labels, qrels):
    """Prints the table; gives back the outputs and nDCG of each kind of labels."""
    outputs = {}
    for name in LABELS:
        source = finalists_of(groups, next(iter(outputs.values()))) if outputs else groups
        outputs[name] = all_finalists(options, replay, name, source)
    query_ids = [query_id for query_id, _, _ in groups]
    first = {query_id: [d for d, _ in documents] for query_id, _, documents in groups}
    some = next(iter(outputs.values()))
    encoder = {
        q: [result["id"] for result in by_cross_encoder(output)]
        for q, output in zip(query_ids, some)
    }
    print("\n| order | nDCG@4 | nDCG@10 | nDCG@4 - cross-encoder | nDCG@10 - cross-encoder |")
    print("| --- | --- | --- | --- | --- |")
    row("BM25", ndcg(qrels, first))
    base = ndcg(qrels, encoder)
    row("cross-encoder alone", base)
    results = {}
    for name, title in LABELS.items():
        for top in (FINALISTS, options.top):
            alone = {q: judged(first[q][:top], labels[name][q]) for q in query_ids}
            row(f"{title} alone, BM25's first {top}", ndcg(qrels, alone), base)
        rankings = {q: ids(output) for q, output in zip(query_ids, outputs[name])}
        for q in query_ids:
            if rankings[q] != expected(encoder[q], labels[name][q]):
                raise SystemExit(f"query {q}: {rankings[q]} is not the order of the labels")
        results[name] = ndcg(qrels, rankings)
        row(f"hybrid, {title}", results[name], base)
    for name, title in LABELS.items():
        missing = sum(d not in labels[name][q] for q in query_ids for d in encoder[q])
        total = sum(len(encoder[q]) for q in query_ids)
        outcomes = collections.Counter(output["outcome"] for output in outputs[name])
        print(f"{title}: {total - missing} of {total} finalists have a label; {dict(outcomes)}")
    return outputs, results, base


def train_groups(train: pathlib.Path, count: int):
    """Questions that have a known answer among BM25's first, and these answers."""
    passages = [json.loads(line) for line in (train / "passages.jsonl").open(encoding="utf-8")]
    answers = collections.defaultdict(set)
    for line in (train / "questions.jsonl").open(encoding="utf-8"):
        question = json.loads(line)
        answers[question["query"]].add(question["positive"])
    questions = sorted(answers)
    random.Random(SEED).shuffle(questions)
    index = Bm25([passage["text"] for passage in passages])
    groups = []
    for question in questions:
        found = [passages[i] for i in index.top(question, TRAIN_CANDIDATES)]
        if len(found) >= FINALISTS and any(p["id"] in answers[question] for p in found):
            groups.append((question, question, [(p["id"], p["text"]) for p in found]))
        if len(groups) == count:
            break
    drawn = questions.index(groups[-1][0]) + 1
    print(f"\nfit: {len(groups)} of {drawn} questions drawn have an answer in BM25's first "
          f"{TRAIN_CANDIDATES} of {len(passages)} passages")  # fmt: skip
    return groups, answers


def fit(options) -> float | None:
    groups, answers = train_groups(options.train, options.train_questions)
    extra = ["--max-chars", "400", *options.option]  # what hybrid scores
    scores = crossrank_logits(options.crossrank, options.model, groups, extra)
    gaps, changed = [], []
    for (question, _, documents), logits in zip(groups, scores):
        best = sorted(range(len(documents)), key=lambda i: -logits[i])[:FINALISTS]
        gaps.append(logits[best[TOP_K - 1]] - logits[best[TOP_K]])
        oracle = sorted(best, key=lambda i: documents[i][0] not in answers[question])
        changed.append(set(oracle[:TOP_K]) != set(best[:TOP_K]))
    gaps, changed = np.array(gaps), np.array(changed)
    print("\n| gap | questions | the best four change | 95 % interval |\n| --- | --- | --- | --- |")
    fitted = None
    for threshold in (0, *THRESHOLDS):
        decided = gaps >= threshold
        if not decided.any():
            break
        share = changed[decided].mean()
        bounds = binomtest(int(changed[decided].sum()), int(decided.sum())).proportion_ci()
        print(f"| {threshold} | {decided.sum()} | {100 * share:.1f} % "
              f"| {100 * bounds.low:.1f} to {100 * bounds.high:.1f} % |")  # fmt: skip
        if fitted is None and threshold > 0 and share < MAX_CHANGED:
            fitted = threshold
    print(f"fitted threshold: {fitted}")
    return fitted


def curve(gaps: np.ndarray, gains: np.ndarray, thresholds) -> tuple[list[float], list[float]]:
    """Calls saved in % and nDCG@4 lost, at each threshold."""
    skipped = [gaps >= threshold for threshold in thresholds]
    return [100 * s.mean() for s in skipped], [(gains * s).mean() for s in skipped]


def report_gaps(options, gaps, gains: dict[str, np.ndarray], fitted) -> None:
    titles = list(LABELS.values())
    print("\n| gap | calls saved | " + " | ".join(f"nDCG@4 lost, {t}" for t in titles) + " |")
    print("| --- " * (2 + len(titles)) + "|")
    for threshold in THRESHOLDS:
        saved, _ = curve(gaps, gaps, [threshold])
        lost = " | ".join(f"{curve(gaps, g, [threshold])[1][0]:.4f}" for g in gains.values())
        mark = " (fitted)" if threshold == fitted else ""
        print(f"| {threshold}{mark} | {saved[0]:.1f} % | {lost} |")

    plt.rcParams["svg.hashsalt"] = "crossrank"
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for (name, title), colour in zip(LABELS.items(), ("tab:blue", "tab:orange")):
        steps = [np.inf, *sorted(gaps, reverse=True)]
        axes.plot(*curve(gaps, gains[name], steps), color=colour, label=title)
        mean = gains[name].mean()
        axes.plot(
            [0, 100],
            [0, mean],
            color=colour,
            linestyle=":",
            label=f"{title}, calls left out at random",
        )
        if fitted is not None:
            axes.plot(*curve(gaps, gains[name], [fitted]), "o", color=colour, clip_on=False)
        if name == next(iter(LABELS)):
            for threshold in (0.05, 0.1, 0.25, 0.5, 1):
                [x], [y] = curve(gaps, gains[name], [threshold])
                axes.annotate(f"{threshold}", (x, y), (x, y + 0.012), ha="center", fontsize=8,
                              arrowprops={"arrowstyle": "-", "alpha": 0.4})  # fmt: skip
    axes.set(xlabel="judge calls saved, % of the queries", ylabel="nDCG@4 lost", xlim=(0, 100))
    axes.set_title(
        f"skip_if_gap on {options.data.name}; numbers: the gap; dot: {fitted}, as fitted"
    )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    options.svg.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.svg, metadata={"Date": None})


def check_cut_and_skip(options, replay, groups, outputs, gaps) -> None:
    """--top-k 4 gives the beginning of --top-k 10; --skip-if-gap does what the curve says."""
    name = next(iter(LABELS))
    few = ("--top-k", str(TOP_K), "--candidates", str(FINALISTS))
    for (query_id, query, documents), output, gap in zip(groups, outputs[name], gaps):
        cut = hybrid(options, replay, name, query, documents, *few)
        if ids(cut) != ids(output)[:TOP_K]:
            raise SystemExit(f"query {query_id}: --top-k {TOP_K} is not the beginning")
        flags = (*few, "--skip-if-gap", str(CHECKED))
        calls = replay.calls
        skipped = hybrid(options, replay, name, query, documents, *flags)
        is_skipped = skipped["outcome"] == "skipped_confident"
        best = [d for d, _ in documents[:TOP_K]] if is_skipped else ids(cut)
        asked = replay.calls > calls
        if is_skipped != (gap >= CHECKED) or asked == is_skipped or ids(skipped) != best:
            raise SystemExit(f"query {query_id}: gap {gap}, but {skipped['outcome']}")
    print(f"\n--top-k {TOP_K} is the beginning of --top-k {FINALISTS}, and --skip-if-gap "
          f"{CHECKED} skips what its gap says: {len(groups)} queries")  # fmt: skip


def main() -> None:
    parser = arguments(__doc__.split("\n")[0])
    parser.add_argument("--train", required=True, type=pathlib.Path)
    parser.add_argument("--train-questions", type=int, default=400)
    parser.add_argument("--svg", required=True, type=pathlib.Path)
    options = parser.parse_args()
    groups, qrels = read_set(options.data, options.run, options.top, options.limit_queries)
    labels = {name: read_labels(options.data / "llm_qrels" / f"{name}.txt") for name in LABELS}
    print_heading(options, groups)
    for name in LABELS:
        known = sum(d in labels[name][q] for q, _, documents in groups for d, _ in documents)
        print(f"{name}: {known} of these pairs have a label")

    with Replay(groups, labels) as replay:
        print("\nAll documents")
        outputs, results, base = compare(options, replay, groups, labels, qrels)
        print("\nDocuments with a label alone")
        labelled = [
            (q, query, [(d, t) for d, t in documents if all(d in labels[n][q] for n in LABELS)])
            for q, query, documents in groups
        ]
        compare(options, replay, labelled, labels, qrels)
        fitted = fit(options)
        gaps = []
        for output in outputs[next(iter(LABELS))]:
            logits = [result["logit"] for result in by_cross_encoder(output)]
            gaps.append(logits[TOP_K - 1] - logits[TOP_K])
        gaps = np.array(gaps, dtype=np.float32)
        gains = {name: results[name][4] - base[4] for name in LABELS}
        report_gaps(options, gaps, gains, fitted)
        finalists = finalists_of(groups, outputs[next(iter(LABELS))])
        check_cut_and_skip(options, replay, finalists, outputs, gaps)


if __name__ == "__main__":
    main()
