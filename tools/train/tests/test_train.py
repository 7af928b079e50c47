"""Runs the pipeline on a small set with a small model; says nothing about quality."""

import argparse
import collections
import json
import os
import pathlib
import subprocess

import average
import bert
import export
import heldout
import lists
import mpnet
import numpy as np
import prepare
import pytest
import teacher
import texts
import torch
import train
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

SEED = 1


@pytest.fixture(scope="module")
def prepared(data, model, tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("prepared")
    weights = bert.read_weights(model)
    other = {name: weight.flip(0) for name, weight in weights.items()}
    teachers = [teacher.bert_teacher("one", weights), teacher.bert_teacher("other", other)]
    prepare.prepare(data, folder, SEED, teachers)
    return folder


def mined(data, vectors):
    made = texts.build(data, SEED)
    query_vectors, unit_vectors = vectors(len(made.queries), 2), vectors(len(made.units), 3)
    found = prepare.mine(made, query_vectors, unit_vectors, prepare.Bm25(made.units))
    return made, query_vectors @ unit_vectors.T, found


def test_held_out_groups_are_in_no_list(data, vectors):
    out, kept = texts.held_out_rows(texts.read_rows(data, "questions.jsonl"))
    held_passages = {row["positive"] for row in out}
    assert {row["source"] for row in out} == {"covidqa", "squad_dev"}  # a source, and groups
    assert not {row["group"] for row in out} & {row["group"] for row in kept}
    made, _, found = mined(data, vectors)
    assert {query.kind for query in made.queries} == {"question", "claim", "keywords"}
    used = {made.unit_passage[unit] for unit in np.unique(found) if unit >= 0}
    assert used and not used & held_passages
    asked = [one for asked in heldout.sets(heldout.Pool(data), 100, 50).values() for one in asked]
    answers = {i for one in asked for i in one.answers}
    assert answers and answers <= held_passages
    assert {i for one in asked for i in one.candidates} - held_passages  # others beside them
    trained = {texts.normal(row["query"]) for row in kept}
    assert not trained & {texts.normal(one.query) for one in asked}


def test_half_of_the_candidates_are_those_of_the_finder(data):
    pool = heldout.Pool(data)

    def near(queries):  # likes the last passages best
        return np.tile(np.linspace(0, 1, len(pool.ids), dtype=np.float32), (len(queries), 1))

    last = set(pool.ids[-4:].tolist())
    lexical, both = heldout.sets(pool, 5, 8), heldout.sets(pool, 5, 8, near)
    for name in lexical:
        first = {one.query: one for one in lexical[name]}
        for one in both[name]:
            assert len(one.candidates) == len(set(one.candidates)) == 8
            assert len(last & set(one.candidates)) == 4
            assert one.bm25 == sorted(one.bm25, reverse=True)
            if one.query in first:
                assert set(first[one.query].candidates[:4]) <= set(one.candidates)


def test_a_title_that_is_held_out_is_held_out_everywhere():
    row = {"source": "squad_dev", "group": "g", "positive": 1, "negatives": [], "title": "T"}
    held = dict(row, source="covidqa", group="h", positive=2)
    assert texts.held_out_rows([row, held]) == ([held], [])


def test_positives_of_a_question_are_not_its_negatives(data, vectors):
    made, _, found = mined(data, vectors)
    first = [q for q in range(len(made.queries)) if len(set(made.queries[q].barred)) > 1]
    asked = [q for q in first if "history" in made.queries[q].text.lower()]
    assert asked
    for number, query in enumerate(made.queries):
        if query.kind == "keywords":  # unlabelled
            continue
        answers = {made.unit_passage[unit] for unit in [*query.positives, *query.barred]}
        others = found[number][1:]
        assert not answers & {made.unit_passage[unit] for unit in others if unit >= 0}


def test_candidates_near_to_the_positive_are_not_negatives(data, vectors):
    made, cosine, found = mined(data, vectors)
    excluded = 0
    for number, query in enumerate(made.queries):
        if query.kind == "keywords":
            continue
        positive = found[number, 0]
        bound = prepare.FALSE_NEGATIVE * cosine[number, positive]
        negatives = found[number][1 + prepare.SURE :]
        assert (cosine[number][negatives[negatives >= 0]] <= bound).all()
        excluded += (cosine[number] > bound).sum()
    assert excluded > 100


def test_sure_negatives_stay_though_the_teacher_likes_them(data, vectors):
    made, cosine, found = mined(data, vectors)
    better = 0
    for number, query in enumerate(made.queries):
        sure = found[number][1 : 1 + prepare.SURE]
        sure = sure[sure >= 0]
        assert set(sure.tolist()) <= set(query.sure)
        better += (cosine[number][sure] > cosine[number, found[number, 0]]).sum()
    assert better > 10


def test_vectors_are_computed_once(tmp_path):
    asked = []

    def embed(texts):
        asked.extend(texts)
        return np.array([[len(text), 1] for text in texts], np.float32)

    one = teacher.Teacher("one", embed)
    assert one.vectors(["ab", "c", "ab"], tmp_path).tolist() == [[2, 1], [1, 1], [2, 1]]
    assert one.vectors(["def", "c"], tmp_path).tolist() == [[3, 1], [1, 1]]
    assert sorted(asked) == ["ab", "c", "def"]
    assert teacher.Teacher("other", embed).vectors(["c"], tmp_path).tolist() == [[1, 1]]
    assert asked.count("c") == 2  # a cache of its own


def test_other_weights_than_mpnet_s_are_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"other")
    with pytest.raises(SystemExit, match="other weights"):
        mpnet.check(tmp_path / "model.safetensors")


def test_windows_hold_the_text_and_units_of_a_passage_are_disjoint(data):
    made = texts.build(data, SEED)
    passages = texts.read_passages(data)
    parts = collections.defaultdict(list)
    for unit, block in enumerate(made.blocks()):
        parts[block].append(unit)
    assert any(len(found) > 1 for found in parts.values())
    shortened = 0
    for found in parts.values():
        assert len({made.unit_passage[unit] for unit in found}) == 1
        assert (found[0] < made.mined) == (found[-1] < made.mined)
        text, whole = (
            " ".join(made.units[u] for u in found),
            passages[made.unit_passage[found[0]]],
        )
        if found[0] < made.mined:
            assert text == whole
        else:
            shortened += 1
            missing = set(texts.sentences(whole)) - set(texts.sentences(text))
            assert len(missing) == 1
    assert shortened


def test_blocks_are_the_versions_of_a_passage():
    made = texts.TrainingSet(["one", "two", "one, shortened", "other"], [7, 7, 7, 8], 2, [])
    assert made.blocks().tolist() == [0, 0, 1, 2]


def test_bm25_is_that_of_the_formula():
    index = prepare.Bm25(["red fox", "red red hen house", "blue"])
    asked = index.query_matrix(["the red hen?"])
    scores = (asked @ index.matrix.T).toarray()[0]
    idf = {"red": np.log1p(1.5 / 2.5), "hen": np.log1p(2.5 / 1.5)}
    lengths, mean, k1, b = (2, 4, 1), 7 / 3, 0.9, 0.4
    norm = [k1 * (1 - b + b * length / mean) for length in lengths]
    wanted = [
        idf["red"] * 1.9 / (1 + norm[0]),
        idf["red"] * 2 * 1.9 / (2 + norm[1]) + idf["hen"] * 1.9 / (1 + norm[1]),
        0,
    ]
    np.testing.assert_allclose(scores, wanted, rtol=1e-6)


def test_a_list_has_one_positive_and_a_target_that_sums_to_one(prepared):
    made = lists.Lists(prepared, SEED)
    step = made.step(3)
    assert len(step.pairs) == lists.LISTS * lists.PASSAGES
    np.testing.assert_allclose(step.target.sum(1), 1, rtol=1e-6)
    assert (step.target[~step.present] == 0).all()
    labelled = step.target[step.is_label]
    assert (labelled[:, 0] >= lists.LABEL_SHARE["question"]).all()


@pytest.mark.parametrize("shown", lists.SHOWN)
def test_documents_are_whole_blocks_of_no_other_answer(prepared, monkeypatch, shown):
    monkeypatch.setattr(lists, "SHOWN", {shown: 1.0})
    made = lists.Lists(prepared, SEED)
    several = longer = 0
    for query in range(len(made.kind)):
        documents = made.documents(query, np.random.default_rng(query))
        anchors = made.candidates[query]
        blocks = [sorted({made.block[unit] for unit in one}) for one in documents]
        assert documents[0] and made.block[anchors[0]] in blocks[0]
        assert made.candidates[query][0] in documents[0]
        assert all(made.block[anchors[0]] not in other for other in blocks[1:])
        known = {made.block[unit] for unit in anchors if unit >= 0}
        for one, own in zip(documents, blocks):
            assert set(own) <= known
            assert len(own) <= (2 if shown == "two texts" else 1)
            assert made.length(one) <= lists.TOKENS.get(shown, 256)
            longer += len(one) > len(own)
            several += len(own) > 1
        assert len({made.block[one[0]] for one in documents}) == len(documents) or several
    assert (longer > 0) == (shown != "window")
    assert (several > 0) == (shown == "two texts")


def test_what_does_not_fit_beside_a_unit_is_left_out(prepared):
    made = lists.Lists(prepared, SEED)
    unit = next(
        u
        for u in range(1, len(made.block) - 1)
        if (made.block[u - 1 : u + 2] == made.block[u]).all()
    )
    sizes = [len(made.unit_tokens[unit + step]) for step in (-1, 0, 1)]
    assert made.around(unit, sizes[1] - 1) == []
    assert made.around(unit, sizes[1]) == [unit]
    assert made.around(unit, sum(sizes[1:])) == [unit, unit + 1]
    assert made.around(unit, sum(sizes)) == [unit - 1, unit, unit + 1]


def test_a_document_is_worth_its_best_unit_and_the_words_of_all(prepared, data):
    made = lists.Lists(prepared, SEED)
    built = texts.build(data, SEED)
    index = prepare.Bm25(built.units)
    query = 5
    asked = index.query_matrix([built.queries[query].text])
    every = index.coverage((asked @ index.matrix.T).toarray(), asked)[0]
    first, second = np.argsort(-every)[:2].tolist()  # both have words of the query
    rows = index.matrix[[first, second]].toarray()
    rows = np.vstack([rows, rows.max(0)])
    coverage = index.coverage(asked @ rows.T, asked)[0]
    cosine = np.average(
        [
            units[[first, second]].astype(np.float32) @ queries[query].astype(np.float32)
            for units, queries in zip(made.unit_vectors, made.query_vectors)
        ],
        0,
        lists.TEACHERS,
    )
    wanted = np.append(cosine, cosine.max()) / lists.TEMPERATURE + lists.COVERAGE * coverage
    found = made.scores(query, [[first], [second], [first, second]])
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    assert coverage[2] < coverage[0] + coverage[1]


def test_every_query_is_drawn_once_an_epoch_or_as_often_as_said(prepared):
    made = lists.Lists(prepared, SEED)
    times = np.bincount(made.epoch(0), minlength=len(made.kind))
    assert (times[made.kind != "question"] == 1).all()
    share = times[made.kind == "question"].mean()
    assert abs(share - lists.SOURCE_DRAWS["squad_dev"]) < 0.15


def test_logits_are_those_of_transformers(model):
    """bfloat16 products against float32."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    reference = AutoModelForSequenceClassification.from_pretrained(model).eval()
    pairs = [("What is a falcon?", "A bird."), ("size", "It is five metres long. " * 20)]
    with torch.no_grad():
        wanted = [
            reference(**tokenizer(*pair, return_tensors="pt")).logits.item() for pair in pairs
        ]
    tokens = [teacher.tokenize(list(pair), 500) for pair in pairs]
    with torch.no_grad():
        logits = bert.logits(bert.read_weights(model), tokens)
    np.testing.assert_allclose(logits.numpy(), wanted, atol=0.03)


def options_of(data, prepared, model, run, **changed) -> argparse.Namespace:
    chosen = {"steps": 6, "minutes": 5.0, "rate": 1e-3, "validate_every": 3, "seed": SEED}
    return argparse.Namespace(
        data=data, prepared=prepared, start=model, run=run, **(chosen | changed)
    )


def weights_of(run: pathlib.Path):
    state = torch.load(run / "checkpoint.pt")
    return state["step"], state["weights"], state["average"]


def test_a_killed_run_ends_in_the_same_weights(data, prepared, model, tmp_path, monkeypatch):
    train.train(options_of(data, prepared, model, tmp_path / "whole"))
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", 0)
    take = train.Run.take

    def killed(self, step, rate):
        if self.step == 4:
            raise KeyboardInterrupt
        return take(self, step, rate)

    monkeypatch.setattr(train.Run, "take", killed)
    options = options_of(data, prepared, model, tmp_path / "cut")
    with pytest.raises(KeyboardInterrupt):
        train.train(options)
    assert weights_of(tmp_path / "cut")[0] == 4
    monkeypatch.setattr(train.Run, "take", take)
    train.train(options)
    whole, cut = weights_of(tmp_path / "whole"), weights_of(tmp_path / "cut")
    assert whole[0] == cut[0] == 6
    for one, other in zip(whole[1:], cut[1:]):
        assert all(torch.equal(one[name], other[name]) for name in one)
    last = load_file(tmp_path / "cut/last.safetensors")
    assert all(torch.equal(last[name], weight) for name, weight in whole[1].items())
    started = bert.read_weights(model)
    assert any(not torch.equal(started[name], whole[1][name]) for name in started)
    log = [json.loads(line) for line in (tmp_path / "cut/log.jsonl").read_text().splitlines()]
    assert [row["from_step"] for row in log if "from_step" in row] == [0, 4]


def test_other_lists_than_before_are_named(data, prepared, model, tmp_path, monkeypatch, capsys):
    train.train(options_of(data, prepared, model, tmp_path, steps=1))
    train.train(options_of(data, prepared, model, tmp_path, steps=2))
    assert "others" not in capsys.readouterr().out
    monkeypatch.setattr(lists, "COVERAGE", lists.COVERAGE + 1)
    train.train(options_of(data, prepared, model, tmp_path, steps=3))
    assert "the lists are others than those of the first 2 steps" in capsys.readouterr().out
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len({row["lists"] for row in log if "lists" in row}) == 2


def test_a_slice_ends_after_its_minutes(data, prepared, model, tmp_path):
    train.train(options_of(data, prepared, model, tmp_path, minutes=0.0))
    assert weights_of(tmp_path)[0] == 0


def test_agreement_is_the_mean_correlation_within_questions():
    target = {"one": [np.array([1.0, 2, 3]), np.array([0.0, 1, 0])]}
    assert heldout.agreement(
        {"one": [np.array([5.0, 7, 9]), np.array([2.0, 4, 2])]}, target
    ) == pytest.approx(1)
    assert heldout.agreement(
        {"one": [np.array([9.0, 7, 5]), np.array([2.0, 4, 2])]}, target
    ) == pytest.approx(0)


def test_a_mean_of_weights(tmp_path):
    files = [tmp_path / "one.safetensors", tmp_path / "other.safetensors"]
    save_file({"w": torch.tensor([1.0, 2.0]).half()}, files[0])
    save_file({"w": torch.tensor([3.0, 8.0])}, files[1])
    made = average.mean(files)["w"]
    assert made.dtype == torch.float32 and made.tolist() == [2.0, 5.0]
    save_file({"w": torch.tensor([[3.0, 8.0]])}, files[1])
    with pytest.raises(SystemExit, match="other.safetensors"):
        average.mean(files)


def test_calibration_finds_the_line():
    chance = np.random.default_rng(4)
    logits = chance.normal(size=20000) * 3
    labels = chance.random(20000) < 1 / (1 + np.exp(-(0.5 * logits - 2)))
    line = export.fit(logits, labels)
    np.testing.assert_allclose(line, [0.5, -2], atol=0.1)
    assert export.calibration_error(line, logits, labels) < 0.02
    assert export.calibration_error((1.0, 0.0), logits, labels) > 0.1


def test_an_exported_folder_gives_the_calibrated_logits(model, tmp_path):
    from sentence_transformers import CrossEncoder

    weights = export.calibrated(bert.read_weights(model), (0.5, -2.0))
    export.write_folder(weights, model, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in model.iterdir()}
    half = load_file(tmp_path / "model.safetensors")
    assert {weight.dtype for weight in half.values()} == {torch.float16}
    pairs = [["What is a falcon?", "A bird."], ["size", "It is five metres long. " * 20]]
    known = dict(device="cpu", model_kwargs={"dtype": torch.float32})
    before, after = (CrossEncoder(str(path), **known).predict(pairs) for path in (model, tmp_path))
    np.testing.assert_allclose(after, 0.5 * before - 2, atol=2e-3)
    if binary := os.environ.get("CROSSRANK"):
        np.testing.assert_allclose(scored(binary, tmp_path, pairs), after, atol=1e-4)


def scored(binary: str, model: pathlib.Path, pairs) -> list[float]:
    lines = "".join(json.dumps({"query": q, "document": d}) + "\n" for q, d in pairs)
    command = [binary, "score", "--model", str(model), "--format", "jsonl", "--quiet", "-"]
    done = subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line)["logit"] for line in done.stdout.splitlines()]
