"""crossrank.integrations.haystack inside Haystack: ranking, meta, YAML, its pipelines."""

import asyncio
import copy

import pytest
from adapter_support import (
    ENCODER,
    QUERY,
    TEXTS,
    expected,
    import_without,
    indices,
    seconds_of_whole_and_cancelled,
    stays_responsive,
)
from haystack import Document, Pipeline, component
from haystack.core.errors import DeserializationError
from haystack.utils import ComponentDevice, Device, Secret

from crossrank.integrations.haystack import CrossRankRanker

TRUSTED = ["crossrank.integrations.haystack"]


def corpus(texts=TEXTS, **fields):
    return [
        Document(id=f"h{i}", content=text, meta={"title": f"Title {i}", "year": 2000 + i}, **fields)
        for i, text in enumerate(texts)
    ]


def ids(documents):
    return [document.id for document in documents]


def ranked_ids(ranking):
    return [f"h{i}" for i in indices(ranking)]


def ranker(**options):
    return CrossRankRanker(model="builtin", reranker_kwargs={"threads": 1}, **options)


SHARED = ranker()


def run(documents, on=SHARED, **options):
    return on.run(query=QUERY, documents=documents, **options)["documents"]


def test_ranks_as_the_engine_with_probabilities():
    by_engine = expected().results
    found = run(corpus())
    assert ids(found) == [f"h{result.index}" for result in by_engine]
    assert [d.score for d in found] == [result.probability for result in by_engine]
    logits = run(corpus(), scale_score=False)
    assert [d.score for d in logits] == [result.logit for result in by_engine]
    assert ids(run(corpus(), ranker(scale_score=False))) == ids(found)


def test_keeps_scores_and_meta():
    by_engine = expected().results
    for score in (None, 0.75):
        previous = {} if score is None else {"crossrank_previous_score": score}
        for found, result in zip(run(corpus(score=score)), by_engine):
            assert found.meta == {
                **corpus()[result.index].meta,
                "crossrank_logit": result.logit,
                "crossrank_probability": result.probability,
                "crossrank_truncated": False,
                **previous,
            }


def test_changes_no_document_of_the_caller():
    documents = corpus(score=0.5, embedding=[0.5, 0.25])
    before = copy.deepcopy(documents)
    found = run(documents)
    asyncio.run(SHARED.run_async(query=QUERY, documents=documents))
    assert documents == before
    assert not {id(d) for d in documents} & {id(d) for d in found}
    assert not {id(d.meta) for d in documents} & {id(d.meta) for d in found}
    assert found[0].embedding == [0.5, 0.25]


def test_meta_fields_prefixes_and_suffixes():
    made = ranker(
        meta_fields_to_embed=["title", "absent", "year"],
        embedding_separator=" | ",
        query_prefix="Q: ",
        query_suffix="?",
        document_prefix="<",
        document_suffix=">",
    )
    texts = [f"<Title {i} | {2000 + i} | {text}>" for i, text in enumerate(TEXTS)]
    scores = ENCODER.predict([(f"Q: {QUERY}?", text) for text in texts])
    found = run(corpus(), made, scale_score=False)
    assert {d.id: d.score for d in found} == {f"h{i}": float(s) for i, s in enumerate(scores)}
    assert ids(found) == [f"h{i}" for i in sorted(range(5), key=lambda i: -scores[i])]


def test_a_document_without_content():
    documents = [Document(id="none", meta={"title": TEXTS[1]}), Document(id="no", content=TEXTS[0])]
    found = run(documents, ranker(meta_fields_to_embed=["title"]))
    assert ids(found) == ["none", "no"] and found[0].content is None


@pytest.mark.parametrize("top_k, count", [(1, 1), (5, 5), (99, 5), (None, 5)])
def test_top_k(top_k, count):
    assert len(run(corpus(), top_k=top_k)) == count


def test_top_k_must_be_positive():
    for top_k in (0, -1):
        with pytest.raises(ValueError, match="top_k"):
            ranker(top_k=top_k)
        with pytest.raises(ValueError, match="top_k"):
            run(corpus(), top_k=top_k)
    assert len(run(corpus(), ranker(top_k=2))) == 2


@pytest.mark.parametrize("scaled", [False, True])
def test_threshold_is_inclusive(scaled):
    scores = [d.score for d in run(corpus(), scale_score=scaled)]
    kept = run(corpus(), scale_score=scaled, score_threshold=scores[2])
    assert [d.score for d in kept] == scores[:3]
    made = ranker(score_threshold=scores[1], scale_score=scaled)
    assert len(run(corpus(), made)) == 2
    assert len(run(corpus(), made, score_threshold=scores[0])) == 1
    assert run(corpus(), made, score_threshold=1e9) == []


def test_empty_list():
    assert run([]) == []
    assert asyncio.run(SHARED.run_async(query=QUERY, documents=[])) == {"documents": []}


def test_duplicates_by_id_count_once():
    documents = [
        Document(id="a", content="Cats sleep.", score=0.1),
        Document(id="b", content="Trains.", meta={"which": "first"}),
        Document(id="a", content="Cats sleep.", score=0.9),
        Document(id="b", content="Trains.", meta={"which": "second"}),
        Document(id="a", content="Cats sleep.", score=None),
    ]
    found = run(documents)
    assert ids(found) == ["a", "b"]
    assert found[0].meta["crossrank_previous_score"] == 0.9
    assert found[1].meta["which"] == "first"


def test_async_gives_the_same():
    found = asyncio.run(SHARED.run_async(query=QUERY, documents=corpus(), top_k=2))
    assert found == SHARED.run(query=QUERY, documents=corpus(), top_k=2)


def test_async_does_not_block_and_cancelling_stops_the_work():
    documents = corpus([f"{i} " + "cats sleep " * 200 for i in range(10)])

    def start():
        return SHARED.run_async(query=QUERY, documents=documents)

    assert stays_responsive(start)
    whole, cancelled = seconds_of_whole_and_cancelled(start)
    assert cancelled < whole / 2


def test_warm_up_loads_once_and_the_constructor_not_at_all():
    made = CrossRankRanker(model="/nowhere/at/all")
    with pytest.raises(FileNotFoundError):
        made.warm_up()
    made = ranker()
    made.warm_up()
    first = made._reranker
    made.warm_up()
    asyncio.run(made.warm_up_async())
    run(corpus(), made)
    assert made._reranker is first


def test_device():
    cpu = ComponentDevice.from_single(Device.cpu())
    assert len(run(corpus(), ranker(device=cpu))) == 5
    with pytest.raises(ValueError, match="cuda"):
        ranker(device=ComponentDevice.from_single(Device.gpu(0))).warm_up()


def test_an_argument_has_one_name():
    for name in ("top_k", "max_chars", "min_probability", "activation_fn"):
        with pytest.raises(ValueError, match=f"reranker_kwargs has {name}"):
            CrossRankRanker(model="builtin", reranker_kwargs={name: 1})


def test_to_dict_and_from_dict():
    made = CrossRankRanker(
        model="builtin",
        device=ComponentDevice.from_single(Device.cpu()),
        token=Secret.from_env_var("SOME_TOKEN", strict=False),
        top_k=3,
        query_prefix="a",
        query_suffix="b",
        document_prefix="c",
        document_suffix="d",
        meta_fields_to_embed=["title"],
        embedding_separator=" ",
        scale_score=False,
        score_threshold=-5.0,
        trust_remote_code=True,
        model_kwargs={"dtype": "float32"},
        tokenizer_kwargs={"model_max_length": 100},
        config_kwargs={"num_labels": 1},
        backend="onnx",
        batch_size=4,
        max_length=99,
        truncation="document_only",
        reranker_kwargs={"threads": 1},
    )
    data = made.to_dict()
    before = copy.deepcopy(data)
    again = CrossRankRanker.from_dict(data)
    assert data == before
    assert again.to_dict() == before
    assert run(corpus(), again) == run(corpus(), made)


def test_saves_every_argument():
    import inspect

    arguments = set(inspect.signature(CrossRankRanker.__init__).parameters) - {"self"}
    assert set(SHARED.to_dict()["init_parameters"]) == arguments


@component
class FixedRetriever:
    """Finds the same documents for every query."""

    @component.output_types(documents=list[Document])
    def run(self, query: str):
        return {"documents": corpus()}


def pipeline():
    made = Pipeline()
    made.add_component("retriever", FixedRetriever())
    made.add_component("ranker", ranker(top_k=2, meta_fields_to_embed=["title"]))
    made.connect("retriever.documents", "ranker.documents")
    return made


def test_in_a_pipeline_dumped_to_yaml_and_loaded():
    asked = {"retriever": {"query": QUERY}, "ranker": {"query": QUERY, "score_threshold": 0.0}}
    made = pipeline()
    here = made.run(asked)["ranker"]["documents"]
    assert ids(here) == ids(run(corpus(), ranker(top_k=2, meta_fields_to_embed=["title"])))
    text = made.dumps()
    assert "crossrank.integrations.haystack.CrossRankRanker" in text
    loaded = Pipeline.loads(text, allowed_modules=[*TRUSTED, __name__])
    assert loaded.dumps() == text
    assert loaded.run(asked)["ranker"]["documents"] == here
    with pytest.raises(DeserializationError, match="allow"):
        Pipeline.loads(text, allowed_modules=[__name__])


def test_in_an_asynchronous_pipeline():
    asked = {"retriever": {"query": QUERY}, "ranker": {"query": QUERY}}
    found = asyncio.run(pipeline().run_async(asked))
    assert found == pipeline().run(asked)


def test_without_haystack_a_sentence_says_what_to_install():
    line = import_without("haystack", "crossrank.integrations.haystack")
    assert line == (
        "ImportError: crossrank.integrations.haystack needs Haystack: pip install haystack-ai"
    )
