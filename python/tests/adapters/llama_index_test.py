"""crossrank.integrations.llama_index inside LlamaIndex: ranking, nodes, events, a query
engine."""

import asyncio
import copy
import json
import pickle

import pytest
from adapter_support import (
    ENCODER,
    GRADED,
    QUERY,
    TEXTS,
    expected,
    hybrid,
    import_without,
    indices,
    seconds_of_whole_and_cancelled,
    stays_responsive,
)
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.callbacks.llama_debug import LlamaDebugHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.llms.mock import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode

import crossrank
from crossrank.integrations.llama_index import CrossRankRerank

SCORES = [0.9, 0.8, 0.7, None, 0.5]


def corpus(texts=TEXTS):
    return [
        NodeWithScore(
            node=TextNode(
                id_=f"n{i}",
                text=text,
                metadata={"title": f"Title {i}", "path": f"/secret/{i}", "owner": f"owner{i}"},
                excluded_embed_metadata_keys=["path"],
                excluded_llm_metadata_keys=["owner"],
            ),
            score=score,
        )
        for i, (text, score) in enumerate(zip(texts, SCORES))
    ]


def ids(nodes):
    return [node.node_id for node in nodes]


def ranked_ids(ranking):
    return [f"n{i}" for i in indices(ranking)]


def in_mode(mode, texts=TEXTS):
    return [node.get_content(metadata_mode=mode) for node in corpus(texts)]


class FixedRetriever(BaseRetriever):
    """Finds the same nodes for every query."""

    def _retrieve(self, query_bundle):
        return corpus()


def test_ranks_as_the_engine_and_returns_two():
    found = CrossRankRerank(model=ENCODER).postprocess_nodes(corpus(), query_str=QUERY)
    by_engine = expected(in_mode(MetadataMode.EMBED), top_k=2)
    assert ids(found) == ranked_ids(by_engine)
    assert [node.score for node in found] == [score for _, score in by_engine]
    assert all(type(node.score) is float for node in found)


@pytest.mark.parametrize("mode", list(MetadataMode))
def test_metadata_modes(mode):
    rerank = CrossRankRerank(model=ENCODER, top_n=0, metadata_mode=mode)
    found = rerank.postprocess_nodes(corpus(), query_str=QUERY)
    by_engine = expected(in_mode(mode))
    assert ids(found) == ranked_ids(by_engine)
    assert [node.score for node in found] == [score for _, score in by_engine]


def test_the_modes_of_this_corpus_differ():
    assert len({tuple(in_mode(mode)) for mode in MetadataMode}) == len(MetadataMode)


def test_keeps_scores_in_metadata_that_no_prompt_shows():
    rerank = CrossRankRerank(model=ENCODER, keep_retrieval_score=True, top_n=0)
    found = rerank.postprocess_nodes(corpus(), query_str=QUERY)
    for node, result in zip(found, expected(in_mode(MetadataMode.EMBED)).results):
        before = corpus()[result.index]
        assert node.metadata == {
            **before.metadata,
            "crossrank_logit": result.logit,
            "crossrank_probability": result.probability,
            "crossrank_truncated": False,
            "retrieval_score": SCORES[result.index],
        }
        for mode in (MetadataMode.EMBED, MetadataMode.LLM, MetadataMode.NONE):
            assert node.get_content(metadata_mode=mode) == before.get_content(metadata_mode=mode)


def test_keeps_the_retrieval_score_only_when_asked():
    (found,) = CrossRankRerank(model=ENCODER, top_n=1).postprocess_nodes(corpus(), query_str=QUERY)
    assert "retrieval_score" not in found.metadata


@pytest.mark.parametrize("keep", [False, True])
def test_changes_no_node_of_the_caller(keep):
    nodes = corpus()
    before = copy.deepcopy(nodes)
    rerank = CrossRankRerank(model=ENCODER, top_n=0, keep_retrieval_score=keep)
    found = rerank.postprocess_nodes(nodes, query_str=QUERY)
    asyncio.run(rerank.apostprocess_nodes(nodes, query_str=QUERY))
    assert [n.to_dict() for n in nodes] == [n.to_dict() for n in before]
    assert not {id(n) for n in nodes} & {id(n) for n in found}
    assert not {id(n.node) for n in nodes} & {id(n.node) for n in found}


def test_reranking_again_gives_the_same_scores():
    rerank = CrossRankRerank(model=ENCODER, top_n=0)
    once = rerank.postprocess_nodes(corpus(), query_str=QUERY)
    again = rerank.postprocess_nodes(once, query_str=QUERY)
    assert [n.to_dict() for n in again] == [n.to_dict() for n in once]


@pytest.mark.parametrize("top_n, count", [(1, 1), (5, 5), (99, 5), (0, 5)])
def test_top_n(top_n, count):
    rerank = CrossRankRerank(model=ENCODER, top_n=top_n)
    assert len(rerank.postprocess_nodes(corpus(), query_str=QUERY)) == count


def test_top_n_may_be_assigned():
    rerank = CrossRankRerank(model=ENCODER)
    rerank.top_n = 1
    assert len(rerank.postprocess_nodes(corpus(), query_str=QUERY)) == 1


def test_options():
    kwargs = {"max_chars": 20, "min_probability": 0.05, "max_length": 20}
    rerank = CrossRankRerank(model=ENCODER, top_n=0, cross_encoder_kwargs=kwargs)
    found = rerank.postprocess_nodes(corpus(), query_str=QUERY)
    by_engine = expected(in_mode(MetadataMode.EMBED), **kwargs)
    assert ids(found) == ranked_ids(by_engine)
    assert [node.score for node in found] == [score for _, score in by_engine]


def test_arguments_of_sentence_transformer_rerank():
    rerank = CrossRankRerank(
        model="builtin",
        top_n=3,
        device="cpu",
        keep_retrieval_score=True,
        trust_remote_code=True,
        cache_folder="/tmp",
        cross_encoder_kwargs={"max_length": 256, "local_files_only": True},
    )
    assert len(rerank.postprocess_nodes(corpus(), query_str=QUERY)) == 3
    with pytest.raises(ValueError, match="cuda"):
        CrossRankRerank(model="builtin", device="cuda")
    with pytest.raises(ValueError, match="cross_encoder_kwargs has device"):
        CrossRankRerank(model="builtin", cross_encoder_kwargs={"device": "cpu"})
    with pytest.raises(ValueError, match="top_n is -1; it must be at least 0"):
        CrossRankRerank(model="builtin", top_n=-1)


def test_empty_list_and_missing_query():
    rerank = CrossRankRerank(model=ENCODER)
    assert rerank.postprocess_nodes([], query_str=QUERY) == []
    assert asyncio.run(rerank.apostprocess_nodes([], query_str=QUERY)) == []
    with pytest.raises(ValueError, match="Missing query bundle"):
        rerank.postprocess_nodes(corpus())


def test_duplicates_stay_in_their_order():
    nodes = [NodeWithScore(node=TextNode(id_="same", text="Cats."), score=s) for s in (1, 2, 3)]
    rerank = CrossRankRerank(model=ENCODER, top_n=0, keep_retrieval_score=True)
    found = rerank.postprocess_nodes(nodes, query_str=QUERY)
    assert [n.metadata["retrieval_score"] for n in found] == [1, 2, 3]


def test_async_gives_the_same():
    rerank = CrossRankRerank(model=ENCODER)
    found = asyncio.run(rerank.apostprocess_nodes(corpus(), query_str=QUERY))
    again = rerank.postprocess_nodes(corpus(), query_str=QUERY)
    assert [n.to_dict() for n in found] == [n.to_dict() for n in again]


def test_async_does_not_block_and_cancelling_stops_the_work():
    rerank = CrossRankRerank(model=ENCODER)
    long = [
        NodeWithScore(node=TextNode(text=f"{i} " + "cats sleep " * 200), score=1.0)
        for i in range(10)
    ]

    def start():
        return rerank.apostprocess_nodes(long, query_str=QUERY)

    assert stays_responsive(start)
    whole, cancelled = seconds_of_whole_and_cancelled(start)
    assert cancelled < whole / 2


@pytest.mark.parametrize("asynchronous", [False, True])
def test_in_a_query_engine(asynchronous):
    engine = RetrieverQueryEngine(
        retriever=FixedRetriever(),
        response_synthesizer=get_response_synthesizer(llm=MockLLM()),
        node_postprocessors=[CrossRankRerank(model=ENCODER)],
    )
    response = asyncio.run(engine.aquery(QUERY)) if asynchronous else engine.query(QUERY)
    by_engine = expected(in_mode(MetadataMode.EMBED), top_k=2)
    assert ids(response.source_nodes) == ranked_ids(by_engine)
    assert TEXTS[indices(by_engine)[0]] in str(response)
    assert "crossrank_" not in str(response)  # MockLLM answers with its prompt


class Recorder(BaseEventHandler):
    """Keeps what the dispatcher tells."""

    seen: list = []

    def handle(self, event, **kwargs):
        if isinstance(event, (ReRankStartEvent, ReRankEndEvent)):
            self.seen.append(event)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_events(asynchronous):
    debug, recorder = LlamaDebugHandler(print_trace_on_end=False), Recorder()
    recorder.seen = []
    rerank = CrossRankRerank(model=ENCODER, callback_manager=CallbackManager([debug]))
    dispatcher = get_dispatcher("crossrank.integrations.llama_index")
    dispatcher.add_event_handler(recorder)
    try:
        if asynchronous:
            found = asyncio.run(rerank.apostprocess_nodes(corpus(), QueryBundle(QUERY)))
        else:
            found = rerank.postprocess_nodes(corpus(), QueryBundle(QUERY))
    finally:
        dispatcher.event_handlers.remove(recorder)
    start, end = recorder.seen
    assert start.query.query_str == QUERY and start.top_n == 2 and len(start.nodes) == 5
    assert start.model_name == ENCODER.info.name
    assert ids(end.nodes) == ids(found)
    ((before, after),) = debug.get_event_pairs(CBEventType.RERANKING)
    assert before.payload[EventPayload.QUERY_STR] == QUERY
    assert before.payload[EventPayload.TOP_K] == 2
    assert len(before.payload[EventPayload.NODES]) == 5
    assert ids(after.payload[EventPayload.NODES]) == ids(found)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_hybrid(asynchronous):
    nodes = corpus(GRADED)
    before = [node.to_dict() for node in nodes]
    with hybrid() as (model, server):
        rerank = CrossRankRerank(model=model)
        if asynchronous:
            found = asyncio.run(rerank.apostprocess_nodes(nodes, query_str=QUERY))
        else:
            found = rerank.postprocess_nodes(nodes, query_str=QUERY)
        shown = server.requests[0].user
    assert [node.to_dict() for node in nodes] == before
    assert ids(found) == ["n2", "n4"]
    assert [n.metadata["crossrank_relevance"] for n in found] == [9, 6]
    assert {n.metadata["crossrank_stage"] for n in found} == {"judge"}
    assert found[0].metadata["crossrank_reason"] == "It says 9."
    assert found[0].metadata["crossrank_degraded"] is False
    assert "crossrank_" not in found[0].get_content(metadata_mode=MetadataMode.LLM)
    # What a node hides from LLMs stays hidden from the judge; the rest is shown once.
    assert "Title 2" in shown and shown.count("Title 2") == 1
    assert "owner" not in shown


def test_hybrid_whose_judge_refuses_is_the_first_stages_order():
    with hybrid("refusal") as (model, _):
        found = CrossRankRerank(model=model).postprocess_nodes(corpus(GRADED), query_str=QUERY)
        with pytest.raises(ValueError, match="HybridReRanker has top_k=2"):
            CrossRankRerank(model=model, top_n=3)
    assert ids(found) == ranked_ids(expected(GRADED, top_k=2))
    assert {n.metadata["crossrank_degraded"] for n in found} == {True}


def test_serialisation():
    rerank = CrossRankRerank(
        model="builtin",
        top_n=3,
        keep_retrieval_score=True,
        metadata_mode=MetadataMode.LLM,
        cross_encoder_kwargs={"max_chars": 30},
    )
    here = [n.to_dict() for n in rerank.postprocess_nodes(corpus(), query_str=QUERY)]
    for other in (
        CrossRankRerank.from_dict(rerank.to_dict()),
        CrossRankRerank.from_json(rerank.to_json()),
        pickle.loads(pickle.dumps(rerank)),
        copy.deepcopy(rerank),
    ):
        assert [n.to_dict() for n in other.postprocess_nodes(corpus(), query_str=QUERY)] == here
    assert json.loads(rerank.to_json())["class_name"] == "CrossRankRerank"


def test_pickling_keeps_a_reranker_as_it_is():
    own = crossrank.CrossEncoderReRanker(ENCODER, 4, max_chars=5)
    rerank = pickle.loads(pickle.dumps(CrossRankRerank(model=own)))
    found = rerank.postprocess_nodes(corpus(), query_str=QUERY)
    assert len(found) == 4 and all(n.metadata["crossrank_truncated"] for n in found)


def test_without_llama_index_a_sentence_says_what_to_install():
    line = import_without("llama_index", "crossrank.integrations.llama_index")
    assert line == (
        "ImportError: crossrank.integrations.llama_index needs LlamaIndex: "
        "pip install llama-index-core"
    )
