"""What holds for all adapters: wrong arguments, secrets, reprs, threads, asyncio. What one of them
has of its own is in the other files."""

import asyncio
import json
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import haystack
import pytest
from adapter_support import ENCODER, QUERY, TEXTS, expected
from haystack.utils import Secret
from langchain_core.documents import Document
from langchain_core.load import dumpd, dumps
from llama_index.core.callbacks import CallbackManager, CBEventType
from llama_index.core.callbacks.llama_debug import LlamaDebugHandler
from llama_index.core.schema import ImageNode, NodeWithScore, QueryBundle, TextNode
from pydantic import SecretStr

import crossrank
from crossrank.integrations.haystack import CrossRankRanker
from crossrank.integrations.langchain import CrossRankCrossEncoder, CrossRankReranker
from crossrank.integrations.llama_index import CrossRankRerank
from crossrank.results import Ranking

NAN = float("nan")
SECRET = "hf_neverShown"


class LangChain:
    """How the tests call an adapter."""

    top = "top_n"

    @staticmethod
    def make(options=None, **arguments):
        options = {"threads": 1, **(options or {})}
        return CrossRankReranker(model="builtin", model_kwargs=options, **arguments)

    @staticmethod
    def documents(texts):
        return [Document(page_content=text) for text in texts]

    @staticmethod
    def rank(adapter, query, documents):
        return adapter.compress_documents(documents, query)

    @staticmethod
    async def arank(adapter, query, documents):
        return await adapter.acompress_documents(documents, query)

    @staticmethod
    def logits(found):
        return [document.metadata["crossrank_logit"] for document in found]


class LlamaIndex:
    top = "top_n"

    @staticmethod
    def make(options=None, **arguments):
        options = {"threads": 1, **(options or {})}
        return CrossRankRerank(model="builtin", cross_encoder_kwargs=options, **arguments)

    @staticmethod
    def documents(texts):
        return [NodeWithScore(node=TextNode(text=text)) for text in texts]

    @staticmethod
    def rank(adapter, query, documents):
        return adapter.postprocess_nodes(documents, QueryBundle(query))

    @staticmethod
    async def arank(adapter, query, documents):
        return await adapter.apostprocess_nodes(documents, QueryBundle(query))

    @staticmethod
    def logits(found):
        return [node.metadata["crossrank_logit"] for node in found]


class Haystack:
    top = "top_k"

    @staticmethod
    def make(options=None, **arguments):
        options = {"threads": 1, **(options or {})}
        return CrossRankRanker(model="builtin", reranker_kwargs=options, **arguments)

    @staticmethod
    def documents(texts):
        return [haystack.Document(content=text) for text in texts]

    @staticmethod
    def rank(adapter, query, documents):
        return adapter.run(query=query, documents=documents)["documents"]

    @staticmethod
    async def arank(adapter, query, documents):
        return (await adapter.run_async(query=query, documents=documents))["documents"]

    @staticmethod
    def logits(found):
        return [document.meta["crossrank_logit"] for document in found]


pytestmark = pytest.mark.filterwarnings("error")
every = pytest.mark.parametrize("of", [LangChain, LlamaIndex, Haystack])
BY_ENGINE = expected().results  # before a test changes what ranks
SHARED = {of: of.make() for of in (LangChain, LlamaIndex, Haystack)}


# -- The order.


def check_order(of):
    """Compares an adapter, which keeps all documents, with the engine's ranking of them."""
    found = of.rank(of.make(**{of.top: len(TEXTS)}), QUERY, of.documents(TEXTS))
    assert of.logits(found) == [result.logit for result in BY_ENGINE]


@every
def test_ranks_as_the_engine(of):
    check_order(of)


@every
def test_another_order_would_be_seen(of, monkeypatch):
    rank = crossrank.CrossEncoderReRanker._rank

    def reversed_rank(*arguments):
        found = rank(*arguments)
        return Ranking(found[::-1], found.results[::-1], 0, [])

    monkeypatch.setattr(crossrank.CrossEncoderReRanker, "_rank", reversed_rank)
    with pytest.raises(AssertionError):
        check_order(of)


# -- Arguments.


@every
@pytest.mark.parametrize("top", [-1, True, False, NAN, 2.5, "2"], ids=repr)
def test_a_number_of_documents_is_a_natural_number(of, top):
    wrong = (TypeError, ValueError)
    with pytest.raises(wrong, match=f"{of.top} is (-1|of type (bool|float|str)); it must be a"):
        of.make(**{of.top: top})
    made = of.make()
    with pytest.raises(wrong, match=f"{of.top} is "):
        if of is Haystack:
            made.run(query=QUERY, documents=[], top_k=top)
        else:
            made.top_n = top


@pytest.mark.parametrize("threshold", [NAN, "0.5", True], ids=repr)
def test_haystacks_threshold_is_a_number(threshold):
    wrong = (TypeError, ValueError)
    with pytest.raises(wrong, match="score_threshold is (not a number|of type)"):
        Haystack.make(score_threshold=threshold)
    with pytest.raises(wrong, match="score_threshold is (not a number|of type)"):
        Haystack.make().run(query=QUERY, documents=[], score_threshold=threshold)


def test_other_thresholds_are_no_nan():
    with pytest.raises(ValueError, match="min_logit is not a number"):
        LangChain.make(min_logit=NAN)
    with pytest.raises(ValueError, match="min_logit is not a number"):
        LlamaIndex.make({"min_logit": NAN})


@every
def test_an_empty_query_is_scored(of):
    found = of.rank(of.make(), "", of.documents(TEXTS[:1]))
    assert of.logits(found) == [ENCODER.score([("", TEXTS[0])])[0].logit]


@every
@pytest.mark.parametrize("query", [None, 3])
def test_a_query_is_a_str(of, query):
    with pytest.raises(crossrank.InputTypeError, match="the query is of type"):
        of.rank(of.make(), query, of.documents(TEXTS))


def test_a_document_without_text():
    """Haystack's content may be None, and an image has no text. Others only by force."""
    empty = ENCODER.score([(QUERY, "")])[0].logit
    for of, document in (
        (Haystack, haystack.Document(content=None)),
        (LlamaIndex, NodeWithScore(node=ImageNode())),
    ):
        assert of.logits(of.rank(SHARED[of], QUERY, [document])) == [empty]
    node = NodeWithScore.model_construct(node=TextNode.model_construct(text=None, metadata={}))
    for of, document in (
        (LangChain, Document.model_construct(page_content=None, metadata={})),
        (LlamaIndex, node),
    ):
        with pytest.raises(crossrank.InputTypeError, match="document 0 is of type NoneType"):
            of.rank(SHARED[of], QUERY, [document])


# -- Secrets and reprs.


@pytest.fixture
def tokens(monkeypatch):
    """The tokens that models were loaded with."""
    seen = []
    load = crossrank.CrossEncoder._load

    def noting(self, *arguments):
        seen.append(self._options.token)
        return load(self, *arguments)

    monkeypatch.setattr(crossrank.CrossEncoder, "_load", noting)
    return seen


@pytest.mark.parametrize("token", [SECRET, SecretStr(SECRET)], ids=["str", "SecretStr"])
def test_pydantics_adapters_use_a_token_and_keep_none(token, tokens):
    options = {"threads": 1, "token": token}
    made = [
        CrossRankReranker(model="builtin", model_kwargs=options),
        CrossRankCrossEncoder(model_name="builtin", model_kwargs=options),
        CrossRankRerank(model="builtin", cross_encoder_kwargs=options),
    ]
    assert tokens == [SECRET] * 3
    assert options == {"threads": 1, "token": token}
    for one in made:
        told = [repr(one), str(one), repr(one.model_dump()), one.model_dump_json(), dumps(one)]
        told += [repr(dumpd(one)), repr(vars(one)), repr(pickle.dumps(one))]
        assert not [text for text in told if SECRET in text or "**" in text]
        again = type(one)(**{k: v for k, v in one.model_dump().items() if k != "class_name"})
        assert repr(again) == repr(one)
    assert SECRET not in made[2].to_json() + repr(made[2].to_dict())
    assert CrossRankRerank.from_json(made[2].to_json()).model_dump() == made[2].model_dump()
    assert set(tokens[3:]) == {""}


@pytest.mark.parametrize(
    "make",
    [
        lambda: CrossRankReranker(model="builtin", token=SECRET),
        lambda: CrossRankReranker(model="builtin", model_kwargs=SECRET),
        lambda: CrossRankReranker(model=ENCODER, model_kwargs={"token": SECRET}),
        lambda: CrossRankCrossEncoder(model_name="builtin", token=SECRET),
        lambda: CrossRankCrossEncoder(model_name=ENCODER, model_kwargs={"token": SECRET}),
        lambda: CrossRankRerank(model="builtin", token=SECRET),
        lambda: CrossRankRerank(model=ENCODER, cross_encoder_kwargs={"token": SECRET}),
        lambda: CrossRankRanker(model="builtin", token=SECRET),
        lambda: CrossRankRanker(model="builtin", model_kwargs={"token": SECRET}),
        lambda: CrossRankRanker(model="builtin", tokenizer_kwargs={"token": SECRET}),
        lambda: CrossRankRanker(model="builtin", config_kwargs={"token": SECRET}),
        lambda: CrossRankRanker(model="builtin", reranker_kwargs={"token": SECRET}),
    ],
)
def test_no_message_holds_a_token(make):
    with pytest.raises((TypeError, ValueError), match="token|model_kwargs") as caught:
        make()
    assert SECRET not in str(caught.value)


def test_haystacks_token_is_a_secret(tokens, monkeypatch):
    made = Haystack.make(token=Secret.from_token(SECRET))
    made.warm_up()
    assert SECRET not in repr(made)
    with pytest.raises(ValueError, match="Cannot serialize"):
        made.to_dict()
    monkeypatch.setenv("SOME_TOKEN", SECRET)
    made = Haystack.make(token=Secret.from_env_var("SOME_TOKEN"))
    made.warm_up()
    assert SECRET not in repr(made) + json.dumps(made.to_dict())
    assert tokens == [SECRET] * 2


def test_reprs_are_brief():
    made = CrossRankReranker(model="builtin", min_logit=0.0, model_kwargs={"precision": "int8"})
    assert repr(made) == (
        "CrossRankReranker(model='builtin', min_logit=0.0, model_kwargs={'precision': 'int8'})"
    )
    assert repr(CrossRankReranker(model=ENCODER, top_n=2)) == (
        f"CrossRankReranker(model={ENCODER!r}, top_n=2)"
    )
    made = CrossRankCrossEncoder(model_name="builtin", model_kwargs={"threads": 1})
    assert repr(made) == "CrossRankCrossEncoder(model_name='builtin', model_kwargs={'threads': 1})"
    made = CrossRankRerank(model="builtin", top_n=0, callback_manager=CallbackManager())
    assert repr(made) == "CrossRankRerank(model='builtin', top_n=0)"
    lines = repr(CrossRankRanker(model="builtin", score_threshold=0.0)).splitlines()
    assert lines[0] == "CrossRankRanker(model='builtin', score_threshold=0.0)"
    assert lines[1] == "Inputs:" and "  - query: str" in lines  # as Haystack shows a component


# -- Threads and asyncio.


@every
def test_a_first_use_by_many_threads_loads_once(of, tokens):
    made = of.make()
    start = threading.Barrier(8)

    def use(_):
        start.wait()
        return of.logits(of.rank(made, QUERY, of.documents(TEXTS)))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(use, range(8)))
    assert found == [found[0]] * 8 and found[0][0] == expected().results[0].logit
    assert len(tokens) == 1


@every
def test_a_first_use_by_many_tasks_loads_once(of, tokens):
    made = of.make()

    async def use():
        return await asyncio.gather(*(of.arank(made, QUERY, of.documents(TEXTS)) for _ in range(8)))

    assert len({tuple(of.logits(found)) for found in asyncio.run(use())}) == 1
    assert len(tokens) == 1


def test_documents_are_read_in_the_thread_that_scores():
    """The frameworks' own code makes texts of them, which takes time for many."""
    read_by = []

    class Noting(TextNode):
        def get_content(self, *arguments, **options):
            read_by.append(threading.get_ident())
            return super().get_content(*arguments, **options)

    class Value:
        def __str__(self):
            read_by.append(threading.get_ident())
            return "1969"

    node = NodeWithScore(node=Noting(text="Cats."))
    asyncio.run(LlamaIndex.arank(SHARED[LlamaIndex], QUERY, [node]))
    made = Haystack.make(meta_fields_to_embed=["year"])
    document = haystack.Document(content="Cats.", meta={"year": Value()}, id="a")
    asyncio.run(Haystack.arank(made, QUERY, [document]))
    assert len(read_by) == 2 and threading.get_ident() not in read_by


def test_haystack_loads_beside_the_event_loop_and_goes_on_after_a_cancellation(monkeypatch):
    loaded_by = []
    load = CrossRankRanker._load

    def slow(self):
        loaded_by.append(threading.get_ident())
        time.sleep(0.5)
        return load(self)

    monkeypatch.setattr(CrossRankRanker, "_load", slow)
    made = Haystack.make()

    async def main():
        begin = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(Haystack.arank(made, QUERY, Haystack.documents(TEXTS)), 0.05)
        waited = time.monotonic() - begin
        return waited, await Haystack.arank(made, QUERY, Haystack.documents(TEXTS))

    waited, found = asyncio.run(main())
    assert waited < 0.4
    assert len(found) == 5
    assert len(loaded_by) == 1 and loaded_by != [threading.get_ident()]


def test_a_cancelled_call_ends_the_events_of_llama_index():
    debug = LlamaDebugHandler(print_trace_on_end=False)
    made = LlamaIndex.make(callback_manager=CallbackManager([debug]))
    documents = LlamaIndex.documents([f"{i} " + "cats sleep " * 200 for i in range(20)])

    async def main():
        task = asyncio.ensure_future(LlamaIndex.arank(made, QUERY, documents))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert len(debug.get_event_pairs(CBEventType.RERANKING)) == 1
