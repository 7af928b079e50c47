"""LangChain: a document compressor that keeps the scores, and a cross-encoder for LangChain's own.
It retrieves nothing and calls no chat model of LangChain's."""

# Where the framework is not installed, its types are unknown to mypy.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .._options import count
from ..cross_encoder import CrossEncoder
from ..errors import ModelError
from ..results import Ranking
from ._shared import (
    DEFAULT_MODEL,
    PREVIOUS_SCORE,
    Reranker,
    arank,
    brief,
    is_reranker,
    rank,
    reranker_of,
    result_metadata,
    take_token,
    top_k_of,
    with_result,
)

try:
    from langchain_core.callbacks import Callbacks
    from langchain_core.cross_encoders import BaseCrossEncoder
    from langchain_core.documents import BaseDocumentCompressor, Document
    from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator
except ImportError as error:
    raise ImportError(
        "crossrank.integrations.langchain needs LangChain: pip install langchain-core"
    ) from error

__all__ = ["CrossRankCrossEncoder", "CrossRankReranker"]

SCORE = "relevance_score"  # the key of LangChain's other rerankers
_SCORING = (
    "max_length",
    "max_chars",
    "batch_size",
    "metadata_fields",
    "metadata_template",
    "min_logit",
    "min_probability",
    "truncation",
)


class CrossRankReranker(BaseDocumentCompressor):  # type: ignore[misc,unused-ignore]
    """Reranks what a retriever found: the `base_compressor` of a `ContextualCompressionRetriever`.

    The documents that come back are copies with the same id. Their metadata has `relevance_score`,
    what `CrossEncoder.predict` returns, and `crossrank_logit`, `crossrank_probability` and
    `crossrank_truncated`; after a HybridReRanker also `crossrank_stage`, `crossrank_relevance`,
    `crossrank_reason`, `crossrank_degraded` and `crossrank_outcome`. A `relevance_score` that was
    there is kept as `crossrank_previous_score`.

    Only top_n may be assigned later.

    Args:
        model: a folder, a hub id, "builtin", a loaded `CrossEncoder`, or a `CrossEncoderReRanker`
            or `HybridReRanker`, which come with options of their own: none of those below, except
            top_n, can then be given.
        top_n: documents to return; 0 = all. Left out, a reranker returns what it was made for; a
            HybridReRanker always does.
        max_length: tokens a pair, clamped to the model's own limit.
        max_chars: code points of page_content that are scored; 0 = all, as LangChain's
            CrossEncoderReranker does.
        batch_size: pairs a batch at most; changes no score.
        metadata_fields: put in front of the text, each on its own line.
        metadata_template: instead, for example "{title}. {page_content}".
        min_logit, min_probability: documents below are left out; inclusive.
        truncation: "longest_first", "document_only", "error", "chunk_max",
            "chunk_top2" or "first".
        model_kwargs: other keyword arguments of `CrossEncoderReRanker`, those of `CrossEncoder`
            among them: precision, threads, cache_folder, chunk_tokens, ... A token among them, a
            str or a SecretStr, is used once and kept in no field: it is neither shown nor saved.

    Raises:
        pydantic.ValidationError, which is a ValueError: an option is out of range, a name is
            unknown.
        TypeError: model is of another type, top_n is no int, or options are given with a reranker.
        As `CrossEncoderReRanker`.
    """

    model: Any = Field(default=DEFAULT_MODEL, frozen=True)
    top_n: int = 3
    max_length: int = Field(default=512, frozen=True)
    max_chars: int = Field(default=0, frozen=True)
    batch_size: int = Field(default=16, frozen=True)
    metadata_fields: tuple[str, ...] = Field(default=(), frozen=True)
    metadata_template: str = Field(default="", frozen=True)
    min_logit: float | None = Field(default=None, frozen=True)
    min_probability: float | None = Field(default=None, frozen=True)
    truncation: str = Field(default="longest_first", frozen=True)
    model_kwargs: dict[str, Any] = Field(default_factory=dict, frozen=True)

    # "model" is a name of LangChain's that pydantic would otherwise warn of.
    model_config = ConfigDict(
        arbitrary_types_allowed=True,
        extra="forbid",
        hide_input_in_errors=True,  # it may hold a token
        protected_namespaces=(),
        validate_assignment=True,
    )

    _reranker: Reranker = PrivateAttr()

    @field_validator("top_n", mode="before")  # type: ignore[untyped-decorator,unused-ignore]
    @classmethod
    def _whole(cls, value: Any) -> int:
        return count("top_n", value)

    def model_post_init(self, context: Any, /) -> None:
        """Loads the model: what is wrong with it is an error of the constructor's."""
        known = {"model", *_SCORING, "top_n", "top_k", "model_name"}
        for name in known & self.model_kwargs.keys():
            raise TypeError(f"model_kwargs has {name}: give it as an argument of its own")
        # Defaults of ours are not asked for: a reranker's own then count.
        given = self.model_fields_set if is_reranker(self.model) else set(_SCORING)
        options = {name: getattr(self, name) for name in _SCORING if name in given}
        options |= take_token(self.model_kwargs)
        self._reranker = reranker_of(self.model, {**options, **self.model_kwargs})
        if is_reranker(self.model):
            asked = self.top_n if "top_n" in self.model_fields_set else None
            self.top_n = top_k_of(self._reranker, "top_n", asked)

    def __repr_args__(self) -> Iterable[tuple[Any, Any]]:
        return brief(self, super().__repr_args__())

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        """The best documents, best first, as copies with scores.

        Args:
            documents: what was retrieved; they are not changed. An empty list gives an empty one.
            query: the query.
            callbacks: LangChain passes them; nothing here reports to them.

        Raises:
            InvalidArgumentError: top_n was assigned, and is not a HybridReRanker's top_k.
            As `CrossEncoderReRanker.rank` or `HybridReRanker.rank`.
        """
        top_k = top_k_of(self._reranker, "top_n", self.top_n)
        return _copies(rank(self._reranker, query, documents, top_k))

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        """`compress_documents` in a thread. Cancelling the task stops the scoring, and what a judge
        was asked."""
        top_k = top_k_of(self._reranker, "top_n", self.top_n)
        return _copies(await arank(self._reranker, query, documents, top_k))


class CrossRankCrossEncoder(BaseModel, BaseCrossEncoder):  # type: ignore[misc,unused-ignore]
    """Scores pairs for LangChain's own `CrossEncoderReranker(model=...)`, in the place of
    `HuggingFaceCrossEncoder`. Scores are lost there; `CrossRankReranker` keeps them.

    Args:
        model_name: a folder, a hub id, "builtin" or a loaded `CrossEncoder`.
        model_kwargs: keyword arguments of `CrossEncoder`: precision, threads, cache_folder, ... A
            token is kept in no field, as in `CrossRankReranker`.

    Raises:
        TypeError: model_kwargs are given with a loaded CrossEncoder.
        InvalidArgumentError: the model has more than two labels.
        As `CrossEncoder`.
    """

    model_name: Any = Field(default=DEFAULT_MODEL, frozen=True)
    model_kwargs: dict[str, Any] = Field(default_factory=dict, frozen=True)

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
        extra="forbid",
        hide_input_in_errors=True,
        protected_namespaces=(),
    )

    _encoder: CrossEncoder = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Loads the model."""
        token = take_token(self.model_kwargs)
        if not isinstance(self.model_name, CrossEncoder):
            self._encoder = CrossEncoder(self.model_name, **self.model_kwargs, **token)
        elif self.model_kwargs or token:
            raise TypeError("model_kwargs cannot be given with a loaded CrossEncoder")
        else:
            self._encoder = self.model_name
        if self._encoder.num_labels > 2:
            raise ModelError(
                f"{self._encoder.info.name} has {self._encoder.num_labels} labels; which of them "
                f"is relevance is not known",
                "UnsupportedModel",
            )

    def __repr_args__(self) -> Iterable[tuple[Any, Any]]:
        return brief(self, super().__repr_args__())

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        """What `CrossEncoder.predict` returns for each pair; of two labels the second, as
        HuggingFaceCrossEncoder has it.

        Raises:
            As `CrossEncoder.predict`.
        """
        scores = self._encoder.predict(list(text_pairs), convert_to_numpy=False)
        if self._encoder.num_labels == 1:
            return list(scores)
        return [labels[1] for labels in scores]


def _copies(ranking: Ranking[Any]) -> list[Document]:
    copies = []
    for result in ranking.results:
        found: Document = result.document
        known = {SCORE: result.score, **result_metadata(ranking, result)}
        if SCORE in found.metadata:
            known[PREVIOUS_SCORE] = found.metadata[SCORE]
        # A copy by pydantic keeps id, type and whatever a subclass has.
        copies.append(found.model_copy(update={"metadata": with_result(found.metadata, known)}))
    return copies
