"""Measures by pytrec_eval-terrier and ir-measures, for generate.py and parity.py. Tests nothing.

Names are crossrank's. Files are read as crossrank reads them where the packages' own readers stop:
a document that is there twice counts as its last line says.
"""

import ctypes

import ir_measures
import pytrec_eval

# crossrank's name -> what pytrec_eval is asked for, and the key of its answer.
TREC_MEASURES = {
    "nDCG": ("ndcg", "ndcg"),
    "nDCG@10": ("ndcg_cut.10", "ndcg_cut_10"),
    "MRR": ("recip_rank", "recip_rank"),
    "MAP": ("map", "map"),
    "MAP@10": ("map_cut.10", "map_cut_10"),
    "P@5": ("P.5", "P_5"),
    "P@10": ("P.10", "P_10"),
    "R@10": ("recall.10", "recall_10"),
    "R@100": ("recall.100", "recall_100"),
    "success@1": ("success.1", "success_1"),
    "success@10": ("success.10", "success_10"),
}
ALL_MEASURES = [*TREC_MEASURES, "MRR@10", "nDCG_exp@10", "judged@10"]


def read_lines(path, columns):
    with open(path, encoding="utf-8-sig") as file:
        for line in file:
            if line.strip():
                fields = line.split()
                assert len(fields) == columns, line
                yield fields


def read_qrels(path):
    qrels = {}
    for query, _, document, grade in read_lines(path, 4):
        qrels.setdefault(query, {})[document] = int(grade)
    return qrels


def read_run(path):
    run = {}
    for query, _, document, _, score, _ in read_lines(path, 6):
        run.setdefault(query, {})[document] = float(score)
    return run


def trec_order(documents):
    """Ids in trec_eval's order: by float32 score, best first, ties by id, the last first."""
    return sorted(
        documents,
        key=lambda d: (ctypes.c_float(documents[d]).value, d.encode()),
        reverse=True,
    )


def top(run, depth):
    return {q: {d: docs[d] for d in trec_order(docs)[:depth]} for q, docs in run.items()}


def by_pytrec_eval(qrels, run, level=1):
    """query -> measure -> value, of the queries that both have."""
    asked = {name for name, _ in TREC_MEASURES.values()}
    found = pytrec_eval.RelevanceEvaluator(qrels, asked, relevance_level=level).evaluate(run)
    values = {
        query: {name: row[key] for name, (_, key) in TREC_MEASURES.items()}
        for query, row in found.items()
    }
    first_ten = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}, relevance_level=level)
    for query, row in first_ten.evaluate(top(run, 10)).items():
        values[query]["MRR@10"] = row["recip_rank"]
    gains = {q: {d: 2 ** max(g, 0) - 1 for d, g in docs.items()} for q, docs in qrels.items()}
    exponential = pytrec_eval.RelevanceEvaluator(gains, {"ndcg_cut.10"})
    for query, row in exponential.evaluate(run).items():
        values[query]["nDCG_exp@10"] = row["ndcg_cut_10"]
    return values


def by_ir_measures(qrels, run, level=1):
    """The same by ir-measures. It breaks ties in judged@10 and MRR@10 by the id, the first first,
    and elsewhere as trec_eval does; it is given scores without ties, in trec_eval's order."""
    strict = {q: {d: float(-i) for i, d in enumerate(trec_order(docs))} for q, docs in run.items()}
    grades = {g for docs in qrels.values() for g in docs.values() if g > 0}
    gains = {g: 2**g - 1 for g in grades}
    names = {
        "nDCG": ir_measures.nDCG,
        "nDCG@10": ir_measures.nDCG @ 10,
        "MRR": ir_measures.RR(rel=level),
        "MRR@10": ir_measures.RR(rel=level) @ 10,
        "MAP": ir_measures.AP(rel=level),
        "MAP@10": ir_measures.AP(rel=level) @ 10,
        "P@5": ir_measures.P(rel=level) @ 5,
        "P@10": ir_measures.P(rel=level) @ 10,
        "R@10": ir_measures.R(rel=level) @ 10,
        "R@100": ir_measures.R(rel=level) @ 100,
        "success@1": ir_measures.Success(rel=level) @ 1,
        "success@10": ir_measures.Success(rel=level) @ 10,
        "nDCG_exp@10": ir_measures.nDCG(gains=gains) @ 10,
        "judged@10": ir_measures.Judged @ 10,
    }
    values = {}
    # Asked together, nDCG@10 with gains may take the place of the one without: a set decides.
    for part in ({"nDCG_exp@10"}, set(names) - {"nDCG_exp@10"}):
        asked = {names[name]: name for name in part}
        for metric in ir_measures.iter_calc(list(asked), qrels, strict):
            # It gives 0 for the queries that the run lacks: trec_eval -c.
            if metric.query_id in run:
                values.setdefault(metric.query_id, {})[asked[metric.measure]] = metric.value
    return values
