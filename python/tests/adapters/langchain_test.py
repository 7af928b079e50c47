"""crossrank.integrations.langchain inside LangChain: ranking, metadata, async, its retriever."""

import asyncio
import copy
import pickle

import pytest
from adapter_support import (
    ENCODER,
    GRADED,
    MODELS,
    QUERY,
    TEXTS,
    expected,
    hybrid,
    import_without,
    indices,
    seconds_of_whole_and_cancelled,
    stays_responsive,
)
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_classic.retrievers.document_compressors import CrossEncoderReranker
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

import crossrank
from crossrank.integrations.langchain import CrossRankCrossEncoder, CrossRankReranker


def corpus(texts=TEXTS):
    return [
        Document(
            page_content=text, id=f"d{i}", metadata={"title": f"Title {i}", "tags": ["a", {"b": i}]}
        )
        for i, text in enumerate(texts)
    ]


class FixedRetriever(BaseRetriever):
    """Finds the same documents for every query."""

    documents: list

    def _get_relevant_documents(self, query, *, run_manager):
        return self.documents


def ids(documents):
    return [document.id for document in documents]


def ranked_ids(ranking):
    return [f"d{i}" for i in indices(ranking)]


def test_ranks_as_the_engine_and_returns_three():
    found = CrossRankReranker(model=ENCODER).compress_documents(corpus(), QUERY)
    assert ids(found) == ranked_ids(expected(top_k=3))


@pytest.mark.parametrize("model", ["builtin", ENCODER, crossrank.CrossEncoderReRanker(ENCODER)])
def test_takes_names_and_models(model):
    found = CrossRankReranker(model=model, top_n=2).compress_documents(corpus(), QUERY)
    assert ids(found) == ranked_ids(expected(top_k=2))


def test_keeps_all_scores_and_what_was_there():
    best = expected().results[0]
    found = CrossRankReranker(model=ENCODER).compress_documents(corpus(), QUERY)[0]
    assert found.metadata == {
        **corpus()[best.index].metadata,
        "relevance_score": best.score,
        "crossrank_logit": best.logit,
        "crossrank_probability": best.probability,
        "crossrank_truncated": False,
    }
    assert all(type(v) in (str, list, float, bool) for v in found.metadata.values())


def test_changes_no_document_of_the_caller():
    documents = corpus()
    documents[1].metadata["relevance_score"] = 0.25
    before = copy.deepcopy(documents)
    reranker = CrossRankReranker(model=ENCODER, top_n=0)
    found = reranker.compress_documents(documents, QUERY)
    asyncio.run(reranker.acompress_documents(documents, QUERY))
    assert documents == before
    assert not {id(d) for d in documents} & {id(d) for d in found}
    assert not {id(d.metadata) for d in documents} & {id(d.metadata) for d in found}


def test_keeps_a_score_that_was_there_and_drops_an_old_verdict():
    document = Document(
        page_content="Cats.",
        metadata={"relevance_score": 0.25, "crossrank_reason": "old", "crossrank_mine": 1},
    )
    (found,) = CrossRankReranker(model=ENCODER).compress_documents([document], QUERY)
    assert found.metadata["crossrank_previous_score"] == 0.25
    assert found.metadata["crossrank_mine"] == 1
    assert "crossrank_reason" not in found.metadata
    (again,) = CrossRankReranker(model=ENCODER).compress_documents([found], QUERY)
    assert again.metadata["crossrank_previous_score"] == found.metadata["relevance_score"]


def test_keeps_subclasses():
    class Page(Document):
        number: int = 7

    page = Page(page_content="Cats.", number=9)
    (found,) = CrossRankReranker(model=ENCODER).compress_documents([page], QUERY)
    assert type(found) is Page and found.number == 9


def test_scores_all_of_a_text_unless_told_otherwise():
    texts = ["Trains. " * 70 + TEXTS[1], TEXTS[0]]
    whole = CrossRankReranker(model=ENCODER).compress_documents(corpus(texts), QUERY)
    cut = CrossRankReranker(model=ENCODER, max_chars=400).compress_documents(corpus(texts), QUERY)
    for found, chars in ((whole, 0), (cut, 400)):
        by_engine = expected(texts, max_chars=chars).results
        assert [d.metadata["crossrank_logit"] for d in found] == [r.logit for r in by_engine]
    truncated = {d.id: d.metadata["crossrank_truncated"] for d in cut}
    assert truncated == {"d0": True, "d1": False}
    assert not any(d.metadata["crossrank_truncated"] for d in whole)


@pytest.mark.parametrize(
    "options",
    [
        {"metadata_fields": ["title"]},
        {"metadata_template": "{title}: {page_content}"},
        {"min_probability": 0.3},
        {"min_logit": 0.0},
        {"max_length": 12},
        {"truncation": "document_only", "max_length": 16},
        {"model_kwargs": {"chunk_tokens": 8, "chunk_overlap": 2}, "truncation": "chunk_max"},
    ],
)
def test_passes_options_through(options):
    found = CrossRankReranker(model=ENCODER, top_n=0, **options).compress_documents(corpus(), QUERY)
    plain = {**options, **options.get("model_kwargs", {})}
    plain.pop("model_kwargs", None)
    by_engine = expected(corpus(), **plain)
    assert ids(found) == ranked_ids(by_engine)
    assert [d.metadata["relevance_score"] for d in found] == [s for _, s in by_engine]


def test_warns_of_a_field_that_no_document_has():
    reranker = CrossRankReranker(model=ENCODER, metadata_fields=["nowhere"])
    with pytest.warns(UserWarning, match="nowhere"):
        reranker.compress_documents(corpus(), QUERY)


@pytest.mark.parametrize("top_n, count", [(1, 1), (5, 5), (99, 5), (0, 5)])
def test_top_n(top_n, count):
    reranker = CrossRankReranker(model=ENCODER, top_n=top_n)
    assert len(reranker.compress_documents(corpus(), QUERY)) == count


def test_top_n_may_be_assigned_and_nothing_else():
    reranker = CrossRankReranker(model=ENCODER)
    reranker.top_n = 1
    assert len(reranker.compress_documents(corpus(), QUERY)) == 1
    with pytest.raises(ValueError, match="frozen"):
        reranker.max_chars = 5
    with pytest.raises(ValueError, match="top_n is -1; it must be at least 0"):
        reranker.top_n = -1


def test_a_reranker_keeps_its_own_options():
    own = crossrank.CrossEncoderReRanker(ENCODER, 4, max_chars=5)
    found = CrossRankReranker(model=own).compress_documents(corpus(), QUERY)
    assert len(found) == 4 and all(d.metadata["crossrank_truncated"] for d in found)
    with pytest.raises(TypeError, match="max_chars cannot be given with a CrossEncoderReRanker"):
        CrossRankReranker(model=own, max_chars=0)


def test_empty_list():
    reranker = CrossRankReranker(model=ENCODER)
    assert reranker.compress_documents([], QUERY) == []
    assert asyncio.run(reranker.acompress_documents([], QUERY)) == []


def test_duplicates_stay_in_their_order():
    documents = [Document(page_content="Cats sleep.", id=str(i)) for i in range(4)]
    found = CrossRankReranker(model=ENCODER, top_n=0).compress_documents(documents, QUERY)
    assert ids(found) == ["0", "1", "2", "3"]


def test_async_gives_the_same():
    reranker = CrossRankReranker(model=ENCODER, top_n=4)
    found = asyncio.run(reranker.acompress_documents(corpus(), QUERY))
    assert found == reranker.compress_documents(corpus(), QUERY)


def test_async_does_not_block_and_cancelling_stops_the_work():
    reranker = CrossRankReranker(model=ENCODER)
    documents = corpus([f"{i} " + "cats sleep " * 200 for i in range(10)])

    def start():
        return reranker.acompress_documents(documents, QUERY)

    assert stays_responsive(start)
    whole, cancelled = seconds_of_whole_and_cancelled(start)
    assert cancelled < whole / 2


@pytest.mark.parametrize("asynchronous", [False, True])
def test_in_a_contextual_compression_retriever(asynchronous):
    retriever = ContextualCompressionRetriever(
        base_compressor=CrossRankReranker(model=ENCODER, top_n=2),
        base_retriever=FixedRetriever(documents=corpus()),
    )
    found = asyncio.run(retriever.ainvoke(QUERY)) if asynchronous else retriever.invoke(QUERY)
    assert ids(found) == ranked_ids(expected(top_k=2))
    assert "relevance_score" in found[0].metadata
    empty = ContextualCompressionRetriever(
        base_compressor=retriever.base_compressor, base_retriever=FixedRetriever(documents=[])
    )
    assert empty.invoke(QUERY) == []


@pytest.mark.parametrize("asynchronous", [False, True])
def test_hybrid(asynchronous):
    with hybrid() as (model, server):
        reranker = CrossRankReranker(model=model)
        documents = corpus(GRADED)
        before = copy.deepcopy(documents)
        if asynchronous:
            found = asyncio.run(reranker.acompress_documents(documents, QUERY))
        else:
            found = reranker.compress_documents(documents, QUERY)
        assert len(server.requests) == 1
    assert documents == before
    assert ids(found) == ["d2", "d4"]  # the best grades
    assert [d.metadata["crossrank_relevance"] for d in found] == [9, 6]
    logit = {r.index: r.logit for r in expected(GRADED).results}[2]
    assert found[0].metadata == {
        **corpus()[2].metadata,
        "relevance_score": logit,
        "crossrank_logit": logit,
        "crossrank_probability": pytest.approx(found[0].metadata["crossrank_probability"]),
        "crossrank_truncated": False,
        "crossrank_stage": "judge",
        "crossrank_relevance": 9,
        "crossrank_reason": "It says 9.",
        "crossrank_degraded": False,
        "crossrank_outcome": "judged",
    }


def test_hybrid_whose_judge_refuses_is_the_first_stages_order():
    with hybrid("refusal") as (model, _):
        found = CrossRankReranker(model=model).compress_documents(corpus(GRADED), QUERY)
    assert ids(found) == ranked_ids(expected(GRADED, top_k=2))
    for document in found:
        assert document.metadata["crossrank_degraded"] is True
        assert document.metadata["crossrank_outcome"] == "refused"
        assert document.metadata["crossrank_relevance"] is None
        assert document.metadata["crossrank_stage"] != "judge"


def test_hybrid_returns_what_it_was_made_for():
    with hybrid(top_k=2) as (model, _):
        assert CrossRankReranker(model=model, top_n=2).top_n == 2
        with pytest.raises(ValueError, match="HybridReRanker has top_k=2"):
            CrossRankReranker(model=model, top_n=3)


def test_pickle_and_copy():
    reranker = CrossRankReranker(model="builtin", top_n=2, metadata_fields=["title"])
    here = reranker.compress_documents(corpus(), QUERY)
    for other in (pickle.loads(pickle.dumps(reranker)), copy.deepcopy(reranker)):
        assert other.compress_documents(corpus(), QUERY) == here
    assert CrossRankReranker(**reranker.model_dump()).compress_documents(corpus(), QUERY) == here


def test_wrong_arguments():
    with pytest.raises(ValueError, match="top_m"):
        CrossRankReranker(model=ENCODER, top_m=3)
    with pytest.raises(TypeError, match="model is of type int"):
        CrossRankReranker(model=3)
    with pytest.raises(TypeError, match="model_kwargs has max_chars"):
        CrossRankReranker(model=ENCODER, model_kwargs={"max_chars": 3})
    with pytest.raises(FileNotFoundError):
        CrossRankReranker(model="/nowhere/at/all")
    with pytest.raises(ValueError, match="activation_fn"):
        CrossRankReranker(model="builtin", model_kwargs={"activation_fn": lambda x: -x})
    with pytest.raises(ValueError, match="one label"):
        CrossRankReranker(model=str(MODELS / "labels3"))


def test_cross_encoder_in_langchains_own_reranker():
    own = CrossEncoderReranker(model=CrossRankCrossEncoder(model_name="builtin"), top_n=2)
    assert ids(own.compress_documents(corpus(), QUERY)) == ranked_ids(expected(top_k=2))


def test_cross_encoder_scores():
    model = CrossRankCrossEncoder(model_name=ENCODER)
    scores = model.score([(QUERY, text) for text in TEXTS])
    assert scores == [float(s) for s in ENCODER.predict([(QUERY, text) for text in TEXTS])]
    assert all(type(score) is float for score in scores)
    assert model.score([]) == []
    with pytest.raises(ValueError, match="3 labels"):
        CrossRankCrossEncoder(model_name=str(MODELS / "labels3"))
    with pytest.raises(TypeError, match="loaded CrossEncoder"):
        CrossRankCrossEncoder(model_name=ENCODER, model_kwargs={"threads": 1})


def test_of_two_labels_the_second_is_relevance():
    model = CrossRankCrossEncoder(model_name=str(MODELS / "electra_equal"))
    pairs = [(QUERY, text) for text in TEXTS]
    both = crossrank.CrossEncoder(str(MODELS / "electra_equal")).predict(pairs)
    assert model.score(pairs) == both[:, 1].tolist()


def test_without_langchain_a_sentence_says_what_to_install():
    line = import_without("langchain_core", "crossrank.integrations.langchain")
    assert line == (
        "ImportError: crossrank.integrations.langchain needs LangChain: pip install langchain-core"
    )
