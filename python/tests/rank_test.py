"""CrossEncoder.rank and the rerankers over documents."""

import asyncio
import copy
import datetime
import pickle
import sys
import types
import uuid

import numpy as np
import pytest
from conftest import DOCUMENTS, QUERY, golden

import crossrank
from crossrank import CrossEncoderReRanker, Document, _core
from crossrank.rerankers import fields_of


def test_rank(builtin):
    scores = builtin.predict([(QUERY, document) for document in DOCUMENTS])
    ranked = builtin.rank(QUERY, DOCUMENTS)
    assert ranked == [{"corpus_id": int(i), "score": float(scores[i])} for i in np.argsort(-scores)]
    assert builtin.rank(QUERY, DOCUMENTS, top_k=2, return_documents=True) == [
        {**entry, "text": DOCUMENTS[entry["corpus_id"]]} for entry in ranked[:2]
    ]
    assert builtin.rank(QUERY, tuple(DOCUMENTS), top_k=0) == ranked
    assert builtin.rank(QUERY, np.array(DOCUMENTS), top_k=100) == ranked
    assert asyncio.run(builtin.arank(QUERY, DOCUMENTS)) == ranked
    assert builtin.rank(QUERY, []) == []


def test_ties_keep_the_order_of_the_input(tiny):
    ranked = tiny.rank("q", ["same", "same", "other", "same"])
    same = [entry["corpus_id"] for entry in ranked if entry["corpus_id"] != 2]
    assert same == [0, 1, 3]


def test_rank_is_by_logits_where_probabilities_are_saturated(tiny):
    documents = [f"moon {i}" for i in range(2000)]
    by_logit = [entry["corpus_id"] for entry in tiny.rank("q", documents)]
    squashed = tiny.rank("q", documents, activation_fn="sigmoid")
    ties = [(a, b) for a, b in zip(squashed, squashed[1:]) if a["score"] == b["score"]]
    assert any(a["corpus_id"] > b["corpus_id"] for a, b in ties)  # a sort of these would tell
    assert [entry["corpus_id"] for entry in squashed] == by_logit


def test_rank_by_a_function_of_the_callers(tiny):
    documents = ["one", "two words", "three words here"]
    turned = tiny.rank("q", documents, activation_fn=lambda x: -x)
    plain = tiny.rank("q", documents)
    assert [e["corpus_id"] for e in turned] == [e["corpus_id"] for e in plain][::-1]
    assert turned[0]["score"] == -plain[-1]["score"]


@pytest.mark.parametrize(
    "query, documents, options, error, words",
    [
        ("q", ["a"], {"top_k": -1}, ValueError, "top_k"),
        ("q", "abc", {}, TypeError, "documents is of type str"),
        ("q", {"a": 1}, {}, TypeError, "documents is of type dict"),
        ("q", None, {}, TypeError, "documents is of type NoneType"),
        ("q", ["a"], {"top_k": ""}, TypeError, "top_k is of type str"),
        (None, [], {"activation_fn": np.negative}, TypeError, "query"),
        ("q", ["a"], {"activation_fn": lambda x: x * np.nan}, ValueError, "NaN"),
        ("q", ["a", None], {}, TypeError, "document 1 is of type NoneType"),
        (None, ["a"], {}, TypeError, "query"),
        ("q", ["a"], {"unknown": 1}, TypeError, "unknown"),
    ],
)
def test_ranks_that_cannot_be(tiny, query, documents, options, error, words):
    with pytest.raises(error, match=words):
        tiny.rank(query, documents, **options)


def test_ranking_needs_one_label(labels3):
    with pytest.raises(crossrank.ModelError, match="3") as caught:
        labels3.rank("q", ["a"])
    assert caught.value.code == "UnsupportedModel"
    with pytest.raises(crossrank.ModelError, match="3"):
        CrossEncoderReRanker(labels3)


class ForeignDocument:
    """As LangChain's: what counts are the two attributes."""

    def __init__(self, page_content, metadata):
        self.page_content = page_content
        self.metadata = metadata


def test_documents_of_all_kinds(builtin):
    documents = [
        DOCUMENTS[0],
        {"page_content": DOCUMENTS[1], "metadata": {"source": "a"}, "id": 7},
        {"text": DOCUMENTS[2]},
        Document(DOCUMENTS[3], {"source": "b"}, id="d"),
        ForeignDocument("Lyon lies on the Rhone.", {"source": "c"}),
    ]
    before = copy.deepcopy(documents[:4])
    ranking = CrossEncoderReRanker(builtin).rank(QUERY, documents)
    assert len(ranking) == 4 and ranking[0] == (documents[1], ranking.results[0].score)
    for (document, score), result in zip(ranking, ranking.results):
        assert document is documents[result.index] and score == result.logit == result.score
    assert [result.rank for result in ranking.results] == [1, 2, 3, 4]
    first = ranking.results[0]
    assert (first.id, first.stage, first.judge) == ("7", "cross_encoder", None)
    assert first.page_content == DOCUMENTS[1] and first.metadata == {"source": "a"}
    assert ranking.judge is None and not ranking.degraded and ranking.truncated_documents == 0
    assert documents[:4] == before


def test_the_first_400_characters_are_scored(builtin):
    head = "é" * 400
    reranker = CrossEncoderReRanker(builtin, top_k=0)
    ranking = reranker.rank(QUERY, [head + DOCUMENTS[1], head])
    assert ranking[0][1] == ranking[1][1]
    assert ranking.results[0].truncation.chars_cut == len(DOCUMENTS[1])
    assert ranking.truncated_documents == 1
    assert ranking[0][0].endswith(DOCUMENTS[1])  # the caller's own, whole
    whole = CrossEncoderReRanker(builtin, max_chars=0).rank(QUERY, [head + DOCUMENTS[1], head])
    assert whole[0][1] > whole[1][1]


def test_metadata_in_the_scored_text(builtin):
    document = Document(
        "It is large.",
        {
            "title": "Paris",
            "year": 2024,
            "open": True,
            "tags": ["city", "capital"],
            "none": None,
            "day": datetime.date(2024, 5, 1),
            "key": uuid.UUID(int=1),
            "share": np.float32(0.5),
            "big": 10**30,
        },
    )
    by_fields = CrossEncoderReRanker(builtin, metadata_fields=["title", "none", "year"])
    assert by_fields.scored_text(document) == "Paris\n2024\nIt is large."
    template = "{title} {year} {open} {tags} {none} {day} {key} {share} {big} {{{page_content}}}"
    by_template = CrossEncoderReRanker(builtin, metadata_template=template)
    assert by_template.scored_text(document) == (
        "Paris 2024 true city, capital  2024-05-01 00000000-0000-0000-0000-000000000001 0.5 "
        "1000000000000000000000000000000 {It is large.}"
    )
    documents = [Document("It is large.", {"title": "Berlin"}), document]
    assert by_fields.rank(QUERY, documents)[0][0] is document
    warned = CrossEncoderReRanker(builtin, metadata_fields=["titel"]).rank(QUERY, documents)
    assert any("titel" in warning for warning in warned.warnings)


@pytest.mark.parametrize(
    "value, text",
    [
        ({"pear", "apple", "fig"}, "apple, fig, pear"),
        (frozenset({10, 9}), "10, 9"),
        (np.int64(7), "7"),
        (np.bool_(True), "true"),
        (np.str_("a"), "a"),
        (np.longdouble("0.5"), "0.5"),
        (np.datetime64("2024-05-01T00:00:00.000000001"), "2024-05-01T00:00:00.000000001"),
        (np.timedelta64(3, "h"), "3 hours"),
        (np.array([1, 2]), "[1 2]"),
        (types.SimpleNamespace(item=0, dtype="f", ndim="two"), "namespace("),
    ],
)
def test_metadata_values(builtin, value, text):
    reranker = CrossEncoderReRanker(builtin, metadata_template="{v}|{page_content}")
    assert reranker.scored_text(Document("a", {"v": value})).startswith(text)


def test_metadata_while_another_thread_imports_numpy(builtin, monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", types.ModuleType("numpy"))
    reranker = CrossEncoderReRanker(builtin, metadata_template="{v}|{page_content}")
    document = Document("a", {"v": datetime.date(2024, 5, 1)})
    assert reranker.scored_text(document) == "2024-05-01|a"


def test_metadata_without_end(builtin):
    shared = []
    for _ in range(60):
        shared = [shared, shared]
    reranker = CrossEncoderReRanker(builtin, metadata_fields=["v"])
    with pytest.raises(crossrank.InputTypeError, match="100000 values"):
        reranker.rank("q", [Document("a", {"v": shared})])


def test_metadata_of_many_bytes(builtin):
    shared = "x" * 2**20
    reranker = CrossEncoderReRanker(builtin, metadata_fields=["v"])
    with pytest.raises(crossrank.InputTypeError, match="more than 16 MB of text"):
        reranker.rank("q", [Document("a", {"v": [shared] * 200})])
    with pytest.raises(crossrank.InputTypeError, match="more than 16 MB of text"):
        CrossEncoderReRanker(builtin, metadata_template="{v}{page_content}").rank(
            "q", [Document("a", {"other": {"é" * 2**23: 1, "v": "y" * 2}})]
        )
    reranker.rank("q", [Document("a", {"v": [shared] * 15})] * 2)  # of each document


def test_metadata_that_is_not_asked_for_is_not_read(builtin):
    class Closed:
        def __str__(self):
            raise RuntimeError("the store is closed")

    document = Document("a", {"v": "b", "other": Closed(), "more": ["x" * 2**20] * 200})
    reranker = CrossEncoderReRanker(builtin, metadata_fields=["v"])
    assert reranker.scored_text(document) == "b\na"
    assert len(reranker.rank("q", [document])) == 1
    with pytest.raises(RuntimeError, match="the store is closed"):
        CrossEncoderReRanker(builtin, metadata_fields=["other"]).rank("q", [document])


def test_what_an_error_in_a_document_was(builtin):
    class Broken:
        @property
        def page_content(self):
            raise AttributeError("the store is closed")

    with pytest.raises(crossrank.InputTypeError) as caught:
        CrossEncoderReRanker(builtin).rank("q", [Broken()])
    assert "the store is closed" in str(caught.value.__cause__)


@pytest.mark.parametrize("name", ["metadata", "id"])
def test_an_error_in_an_attribute_is_none_that_is_absent(builtin, name):
    class Broken:
        page_content = "a"

    class Lazy:
        def __getattr__(self, name):
            if name == "page_content":
                return "a"
            raise AttributeError(name)

    def closed(self):
        raise AttributeError("the store is closed")

    setattr(Broken, name, property(closed))
    reranker = CrossEncoderReRanker(builtin, metadata_template="{v}{page_content}")
    with pytest.raises(crossrank.InputTypeError, match=f"{name} .* Broken.*the store is closed"):
        reranker.rank("q", [Broken()])
    [result] = reranker.rank("q", [Lazy()]).results
    assert (result.id, result.metadata) == (None, {})


def test_max_chars_beside_policies_that_forbid_or_search(builtin):
    long = "é" * 401
    strict = CrossEncoderReRanker(builtin, truncation="error")
    strict.rank("q", ["é" * 400])
    with pytest.raises(crossrank.InvalidArgumentError, match="pair 1 .* has 401 characters"):
        strict.rank("q", ["short", long])
    CrossEncoderReRanker(builtin, truncation="error", max_chars=0).rank("q", [long])
    chunks = CrossEncoderReRanker(builtin, truncation="chunk_max")
    [warning] = chunks.rank("q", [long, "short"]).warnings
    assert "first 400 characters of 1 document:" in warning
    assert (
        CrossEncoderReRanker(builtin, truncation="chunk_max", max_chars=0)
        .rank("q", [long])
        .warnings
        == []
    )


def test_metadata_that_holds_itself(builtin):
    metadata = {}
    metadata["self"] = metadata
    with pytest.raises(ValueError, match="nested"):
        CrossEncoderReRanker(builtin, metadata_fields=["self"]).rank("q", [Document("a", metadata)])
    CrossEncoderReRanker(builtin).rank("q", [Document("a", metadata)])  # not looked at


def test_metadata_that_changes_while_it_is_read(builtin):
    class Key:
        def __init__(self, metadata):
            self.metadata = metadata

        def __str__(self):
            self.metadata.clear()
            return "k"

    metadata = {}
    metadata[Key(metadata)] = ["value"] * 100
    reranker = CrossEncoderReRanker(builtin, metadata_fields=["k"])
    assert reranker.scored_text(Document("a", metadata)).startswith("value, value")


def test_thresholds_and_top_k(builtin):
    assert len(CrossEncoderReRanker(builtin, min_probability=0.5).rank(QUERY, DOCUMENTS)) == 1
    best = builtin.predict((QUERY, DOCUMENTS[1]))
    at_the_best = CrossEncoderReRanker(builtin, min_logit=float(best)).rank(QUERY, DOCUMENTS)
    assert len(at_the_best) == 1  # inclusive
    assert len(CrossEncoderReRanker(builtin, top_k=0).rank(QUERY, DOCUMENTS * 3)) == 12
    assert len(CrossEncoderReRanker(builtin).rank(QUERY, DOCUMENTS * 3, top_k=7)) == 7
    assert CrossEncoderReRanker(builtin).rank(QUERY, []) == []
    with pytest.raises(ValueError, match="max_length"):
        CrossEncoderReRanker(builtin, max_length=2).rank(QUERY, DOCUMENTS)


@pytest.mark.parametrize(
    "options, error",
    [
        ({"top_k": -1}, ValueError),
        ({"max_chars": -1}, ValueError),
        ({"batch_size": 0}, ValueError),
        ({"metadata_fields": "title"}, TypeError),
        ({"metadata_fields": ["a"], "metadata_template": "{page_content}"}, ValueError),
        ({"metadata_template": "{title}"}, ValueError),
        ({"metadata_template": "{page_content"}, ValueError),
        ({"min_probability": 2}, ValueError),
        ({"min_logit": "high"}, TypeError),
        ({"min_logit": True}, TypeError),
        ({"min_probability": False}, TypeError),
        ({"metadata_fields": None}, TypeError),
        ({"metadata_fields": 3}, TypeError),
        ({"truncation": "never"}, ValueError),
        ({"precision": "int8"}, TypeError),
    ],
)
def test_rerankers_that_cannot_be(builtin, options, error):
    words = {"metadata_template": "template", "precision": "'precision'"}
    with pytest.raises(error, match="|".join(words.get(name, name) for name in options)):
        CrossEncoderReRanker(builtin, **options)


def test_a_threshold_of_another_name(builtin):
    for model in (builtin, "builtin"):
        with pytest.raises(TypeError) as caught:
            CrossEncoderReRanker(model, min_score=0.5)
        assert str(caught.value) == (
            "CrossEncoderReRanker got an unexpected argument 'min_score'; did you mean min_logit "
            "or min_probability?"
        )


def test_a_truncation_shows_whether_it_was_one(builtin):
    [found] = CrossEncoderReRanker(builtin, max_chars=3).rank("q", ["moon"]).results
    assert repr(found.truncation).startswith("Truncation(truncated=True, tokens_total=")
    assert repr(found.truncation).endswith("chars_cut=1, query_truncated=False, "
                                           "document_truncated=False)")  # fmt: skip


@pytest.mark.parametrize(
    "documents",
    ["one text", {"page_content": "a"}, [3], [{"content": "a"}], [Document(None)],
     [{"text": "a", "metadata": [1]}]],
)  # fmt: skip
def test_documents_that_are_none(builtin, documents):
    reranker = CrossEncoderReRanker(builtin, metadata_fields=["a"])
    with pytest.raises(crossrank.InputTypeError):
        reranker.rank("q", documents)


def test_what_the_cross_encoder_was_given(builtin):
    squashed = crossrank.CrossEncoder("builtin", activation_fn="sigmoid")
    ranking = CrossEncoderReRanker(squashed).rank(QUERY, DOCUMENTS)
    assert ranking[0][1] == ranking.results[0].probability != ranking.results[0].logit
    assert [r.index for r in ranking.results] == [
        r.index for r in CrossEncoderReRanker(builtin).rank(QUERY, DOCUMENTS).results
    ]
    prompted = crossrank.CrossEncoder(
        "builtin", prompts={"ask": "question: "}, default_prompt_name="ask"
    )
    expected = CrossEncoderReRanker(builtin).rank("question: " + QUERY, DOCUMENTS)
    assert CrossEncoderReRanker(prompted).rank(QUERY, DOCUMENTS) == expected
    turned = crossrank.CrossEncoder("builtin", activation_fn=lambda x: -x)
    with pytest.raises(ValueError, match="activation_fn"):
        CrossEncoderReRanker(turned)


class Named(crossrank.CrossEncoder):
    """A subclass with a constructor and an attribute of its own."""

    def __init__(self, nickname):
        super().__init__(golden("scores_identity"), prompts={"a": "b"}, token="secret")
        self.nickname = nickname


def test_copies_keep_class_and_attributes():
    named = Named("Bob")
    named.max_seq_length = 16
    expected = named.predict(("q", "a b c"))
    assert b"secret" not in pickle.dumps(named)
    for other in (pickle.loads(pickle.dumps(named)), copy.copy(named), copy.deepcopy(named)):
        assert (type(other), other.nickname, other.max_seq_length) == (Named, "Bob", 16)
        assert other.predict(("q", "a b c")) == expected
    copied = copy.deepcopy(named)
    copied.prompts["c"] = "d"
    copied.max_seq_length = 8
    assert (named.prompts, named.max_seq_length) == ({"a": "b"}, 16)
    reranker = CrossEncoderReRanker(named)
    assert type(copy.deepcopy(reranker).cross_encoder) is Named


def test_a_subclass_whose_activation_is_its_own_method():
    class Scaled(crossrank.CrossEncoder):
        def scale(self, logits):
            return logits * 2

    scaled = Scaled(golden("scores_identity"))
    scaled.activation_fn = scaled.scale
    copied = copy.deepcopy(scaled)
    assert copied.predict(("q", "a")) == scaled.predict(("q", "a"))
    assert copied.activation_fn.__self__ is copied


def test_every_option_is_pickled(builtin):
    options = {
        name for name, value in vars(_core.ReRankOptions).items() if isinstance(value, property)
    }
    of_a_call = {"activation", "query_prompt"}
    assert set(fields_of(_core.ReRankOptions())) == options - of_a_call


def test_what_is_pickled_ranks_the_same(builtin):
    reranker = CrossEncoderReRanker(
        "builtin", top_k=2, metadata_template="{title}: {page_content}", min_logit=-20
    )
    documents = [Document(text, {"title": str(i)}) for i, text in enumerate(DOCUMENTS)]
    again = pickle.loads(pickle.dumps(reranker))
    assert again.rank(QUERY, documents) == reranker.rank(QUERY, documents)
    encoder = crossrank.CrossEncoder(golden("scores_identity"), max_length=12, threads=1)
    copied = copy.deepcopy(encoder)
    assert copied.max_seq_length == 12 and copied.info.threads == 1
    assert copied.rank("q", DOCUMENTS) == encoder.rank("q", DOCUMENTS)


def test_a_ranking_is_pickled(builtin):
    ranking = CrossEncoderReRanker(builtin).rank(QUERY, DOCUMENTS)
    again = pickle.loads(pickle.dumps(ranking))
    assert again == ranking and again.results == ranking.results
