"""LlamaIndex: a node postprocessor in the place of SentenceTransformerRerank. It retrieves nothing
and asks no LLM of LlamaIndex's."""

# Where the framework is not installed, its types are unknown to mypy.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from .._options import count
from ..documents import Document
from ..judge import HybridReRanker
from ..results import Ranking
from ._shared import (
    DEFAULT_MODEL,
    OUR_KEYS,
    Reranker,
    arank,
    brief,
    is_reranker,
    model_name_of,
    rank,
    reranker_of,
    result_metadata,
    take_token,
    top_k_of,
    with_result,
)

try:
    from llama_index.core.bridge.pydantic import (
        ConfigDict,
        Field,
        PrivateAttr,
        field_validator,
    )
    from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
    from llama_index.core.instrumentation import (  # type: ignore[attr-defined,unused-ignore]
        get_dispatcher,
    )
    from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
except ImportError as error:
    raise ImportError(
        "crossrank.integrations.llama_index needs LlamaIndex: pip install llama-index-core"
    ) from error

__all__ = ["CrossRankRerank"]

RETRIEVAL_SCORE = "retrieval_score"  # the key of SentenceTransformerRerank
_WRITTEN = (RETRIEVAL_SCORE, *OUR_KEYS)

dispatcher = get_dispatcher(__name__)


class CrossRankRerank(BaseNodePostprocessor):  # type: ignore[misc,unused-ignore]
    """Reranks what a retriever found: one of a query engine's `node_postprocessors`.

    The nodes that come back are copies with the same id. `score` is what `CrossEncoder.predict`
    returns. The node's metadata has `crossrank_logit`, `crossrank_probability`,
    `crossrank_truncated`, and after a HybridReRanker `crossrank_stage`, `crossrank_relevance`,
    `crossrank_reason`, `crossrank_degraded` and `crossrank_outcome`. They are excluded from what
    LLMs and embeddings are shown, so a prompt is the same with them.

    Only top_n may be assigned later. Arguments have names: versions of SentenceTransformerRerank
    differ in their order.

    Args:
        top_n: nodes to return; 0 = all. None = 2, or what a reranker was made for; a
            HybridReRanker always returns that many.
        model: a folder, a hub id, "builtin", a loaded `CrossEncoder`, or a `CrossEncoderReRanker`
            or `HybridReRanker`, which come with options of their own. The default differs from
            SentenceTransformerRerank's, which is not a model of relevance.
        device: None or "cpu".
        keep_retrieval_score: put the score that a node came with into its metadata, as
            `retrieval_score`; not shown to LLMs and embeddings either.
        trust_remote_code: without effect; nothing of a repository is ever run.
        cache_folder: of the Hugging Face hub.
        cross_encoder_kwargs: keyword arguments of `CrossEncoderReRanker` (max_length, max_chars,
            min_probability, truncation, ...), those of `CrossEncoder` among them (precision,
            threads, revision, ...). max_chars is 0 here, all of the text, unless given. A token
            among them, a str or a SecretStr, is used once and kept in no field: it is neither shown
            nor saved.
        metadata_mode: which metadata stands in the scored text. None = MetadataMode.EMBED as in
            SentenceTransformerRerank; with a HybridReRanker MetadataMode.NONE, because its judge
            is shown the metadata that the node does not exclude for LLMs.
        callback_manager: LlamaIndex's.

    Raises:
        pydantic.ValidationError, which is a ValueError: top_n is negative, a name is unknown.
        ValueError: "device" or "model" stands in cross_encoder_kwargs.
        TypeError: model is of another type, top_n is no int, or options are given with a reranker.
        As `CrossEncoderReRanker`.
    """

    model: Any = Field(default=DEFAULT_MODEL, frozen=True)
    top_n: int = 2
    device: str | None = Field(default=None, frozen=True)
    keep_retrieval_score: bool = Field(default=False, frozen=True)
    trust_remote_code: bool = Field(default=False, frozen=True)
    cache_folder: str | None = Field(default=None, frozen=True)
    cross_encoder_kwargs: dict[str, Any] = Field(default_factory=dict, frozen=True)
    metadata_mode: MetadataMode = Field(default=MetadataMode.EMBED, frozen=True)

    model_config = ConfigDict(validate_assignment=True)

    _reranker: Reranker = PrivateAttr()

    @field_validator("top_n", mode="before")  # type: ignore[untyped-decorator,unused-ignore]
    @classmethod
    def _whole(cls, value: Any) -> int:
        return count("top_n", value)

    def __init__(
        self,
        *,
        top_n: int | None = None,
        model: Any = DEFAULT_MODEL,
        device: str | None = None,
        keep_retrieval_score: bool | None = False,
        trust_remote_code: bool = False,
        cache_folder: str | os.PathLike[str] | None = None,
        cross_encoder_kwargs: dict[str, Any] | None = None,
        metadata_mode: MetadataMode | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        options = dict(cross_encoder_kwargs or {})
        for name in ("device", "model", "model_name", "top_k"):
            if name in options:
                raise ValueError(
                    f"cross_encoder_kwargs has {name}: give it as an argument of its own "
                    f"(top_k is top_n here)"
                )
        given = {**take_token(options), **options}
        if cache_folder is not None:
            given["cache_folder"] = os.fspath(cache_folder)
        if device is not None:
            given["device"] = device
        if isinstance(model, (str, os.PathLike)):
            model = os.fspath(model)
        if not is_reranker(model):
            given.setdefault("max_chars", 0)
        reranker = reranker_of(model, given)
        if metadata_mode is None:
            hybrid = isinstance(reranker, HybridReRanker)
            metadata_mode = MetadataMode.NONE if hybrid else MetadataMode.EMBED
        if top_n is None and not is_reranker(model):
            top_n = 2
        fields: dict[str, Any] = {
            "model": model,
            "top_n": top_k_of(reranker, "top_n", top_n),
            "device": device,
            "keep_retrieval_score": bool(keep_retrieval_score),
            "trust_remote_code": trust_remote_code,
            "cache_folder": None if cache_folder is None else os.fspath(cache_folder),
            "cross_encoder_kwargs": options,
            "metadata_mode": metadata_mode,
            "callback_manager": callback_manager or CallbackManager(),
        }
        super().__init__(**fields)
        self._reranker = reranker

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex serialises it."""
        return "CrossRankRerank"

    def __repr_args__(self) -> Iterable[tuple[Any, Any]]:
        return brief(self, super().__repr_args__())

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        with self._with_events(nodes, query_bundle) as (query, returned):
            if nodes:
                top_k = top_k_of(self._reranker, "top_n", self.top_n)
                ranking = rank(self._reranker, query, self._documents(nodes), top_k)
                returned += self._copies(ranking, nodes)
        return returned

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        """In a thread. Cancelling the task stops the scoring, and what a judge was asked."""
        with self._with_events(nodes, query_bundle) as (query, returned):
            if nodes:
                top_k = top_k_of(self._reranker, "top_n", self.top_n)
                ranking = await arank(self._reranker, query, self._documents(nodes), top_k)
                returned += self._copies(ranking, nodes)
        return returned

    @contextmanager
    def _with_events(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None
    ) -> Iterator[tuple[str, list[NodeWithScore]]]:
        """The query and a list to fill, between the events that LlamaIndex's observers know. An
        empty list of nodes is told to the dispatcher alone, as SentenceTransformerRerank does."""
        if query_bundle is None:
            raise ValueError("Missing query bundle in extra info.")
        query, name = query_bundle.query_str, model_name_of(self._reranker)
        returned: list[NodeWithScore] = []
        dispatcher.event(
            ReRankStartEvent(query=query_bundle, nodes=nodes, top_n=self.top_n, model_name=name)
        )
        if not nodes:
            yield query, returned
        else:
            payload: dict[str, Any] = {
                EventPayload.NODES: nodes,
                EventPayload.MODEL_NAME: name,
                EventPayload.QUERY_STR: query,
                EventPayload.TOP_K: self.top_n,
            }
            with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:
                yield query, returned
                event.on_end(payload={EventPayload.NODES: returned})
        dispatcher.event(ReRankEndEvent(nodes=returned))

    def _documents(self, nodes: list[NodeWithScore]) -> Iterator[Document]:
        for found in nodes:
            node = found.node
            metadata = node.metadata
            if isinstance(self._reranker, HybridReRanker):
                # Its judge is an LLM: what a node hides from LLMs stays hidden.
                hidden = {*node.excluded_llm_metadata_keys, *_WRITTEN}
                metadata = {k: v for k, v in metadata.items() if k not in hidden}
            text = node.get_content(metadata_mode=self.metadata_mode)
            yield Document(text, metadata, node.node_id)

    def _copies(self, ranking: Ranking[Any], nodes: list[NodeWithScore]) -> list[NodeWithScore]:
        copies = []
        for result in ranking.results:
            found = nodes[result.index]
            node, known = found.node, result_metadata(ranking, result)
            if self.keep_retrieval_score:
                known[RETRIEVAL_SCORE] = found.score
            update: dict[str, Any] = {"metadata": with_result(node.metadata, known)}
            for keys in ("excluded_llm_metadata_keys", "excluded_embed_metadata_keys"):
                excluded = getattr(node, keys)
                update[keys] = [*excluded, *(key for key in known if key not in excluded)]
            copies.append(
                found.model_copy(
                    update={"node": node.model_copy(update=update), "score": result.score}
                )
            )
        return copies
