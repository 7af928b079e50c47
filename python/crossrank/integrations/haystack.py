"""Haystack: a ranker component in the place of SentenceTransformersSimilarityRanker. It retrieves
nothing and asks no LLM."""

# Where the framework is not installed, its types are unknown to mypy.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
import inspect
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from numbers import Real
from typing import Any

from .._options import count, refuse, texts
from ..errors import InputTypeError
from ..rerankers import CrossEncoderReRanker
from ..results import Ranking
from ._shared import DEFAULT_MODEL, PREVIOUS_SCORE, arank, rank, result_metadata, with_result

try:
    from haystack import Document, component, default_from_dict, default_to_dict
    from haystack.utils import ComponentDevice, Secret
except ImportError as error:
    raise ImportError(
        "crossrank.integrations.haystack needs Haystack: pip install haystack-ai"
    ) from error

__all__ = ["CrossRankRanker"]


@component
class CrossRankRanker:
    """Ranks documents by their relevance to a query.

    The documents that come back are copies with the same id. `score` is the probability, or with
    scale_score=False the logit. Their meta has `crossrank_logit`, `crossrank_probability`,
    `crossrank_truncated`, and where they came with a score, `crossrank_previous_score`. Documents
    with the same id count once: the one with the highest score, or the first.

    It is loaded from YAML only where Haystack is told to trust it:
    `Pipeline.loads(text, allowed_modules=["crossrank.integrations.haystack"])`.

    Args:
        model: a folder, a hub id or "builtin".
        device: None or the CPU.
        token: of the hub. A Secret, not a str, which would be saved with the pipeline.
        top_k: documents to return.
        query_prefix, query_suffix, document_prefix, document_suffix: around what is scored.
        meta_fields_to_embed: their values stand in front of the content.
        embedding_separator: between those and the content.
        scale_score: probabilities instead of logits. The order is that of the logits either way.
        score_threshold: documents with a lower score are left out; inclusive.
        trust_remote_code, backend: without effect; nothing of a repository is ever run.
        model_kwargs, tokenizer_kwargs, config_kwargs: as `CrossEncoder`'s model_kwargs,
            processor_kwargs and config_kwargs: what has no meaning here is refused.
        batch_size: pairs a batch at most; changes no score.
        max_length: tokens a pair, clamped to the model's own limit.
        truncation: "longest_first", "document_only", "error", "chunk_max",
            "chunk_top2" or "first".
        reranker_kwargs: other keyword arguments of `CrossEncoderReRanker`, those of `CrossEncoder`
            among them: precision, threads, revision, chunk_tokens, ...

    Raises:
        ValueError: top_k is not positive, score_threshold is NaN, or one of the *_kwargs has what
            is an argument of its own.
        TypeError: top_k, score_threshold or token is of another type.
        What is wrong with the model is raised by `warm_up` or the first `run`.
    """

    def __init__(
        self,
        *,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        device: ComponentDevice | None = None,
        token: Secret | None = Secret.from_env_var(  # noqa: B008  # immutable, as in Haystack's own
            ["HF_API_TOKEN", "HF_TOKEN"], strict=False
        ),
        top_k: int = 10,
        query_prefix: str = "",
        query_suffix: str = "",
        document_prefix: str = "",
        document_suffix: str = "",
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        scale_score: bool = True,
        score_threshold: float | None = None,
        trust_remote_code: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        tokenizer_kwargs: dict[str, Any] | None = None,
        config_kwargs: dict[str, Any] | None = None,
        backend: str = "torch",
        batch_size: int = 16,
        max_length: int = 512,
        truncation: str = "longest_first",
        reranker_kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.model = os.fspath(model)
        self.device = device
        if token is not None and not isinstance(token, Secret):
            raise TypeError(
                f"token is of type {type(token).__name__}; it must be a Secret: "
                f'Secret.from_env_var("NAME"), or Secret.from_token(...)'
            )
        self.token = token
        self.top_k = count("top_k", top_k, 1)
        self.query_prefix = query_prefix
        self.query_suffix = query_suffix
        self.document_prefix = document_prefix
        self.document_suffix = document_suffix
        self.meta_fields_to_embed = texts("meta_fields_to_embed", meta_fields_to_embed or [])
        self.embedding_separator = embedding_separator
        self.scale_score = scale_score
        self.score_threshold = _threshold(score_threshold)
        self.trust_remote_code = trust_remote_code
        self.model_kwargs = model_kwargs
        self.tokenizer_kwargs = tokenizer_kwargs
        self.config_kwargs = config_kwargs
        self.backend = backend
        self.batch_size = batch_size
        self.max_length = max_length
        self.truncation = truncation
        self.reranker_kwargs = reranker_kwargs
        for name, instead in _HAS_ANOTHER_NAME.items():
            if name in (reranker_kwargs or {}):
                refuse(f"reranker_kwargs has {name}: give {instead}")
        for name in ("model_kwargs", "tokenizer_kwargs", "config_kwargs"):
            if "token" in (getattr(self, name) or {}):
                refuse(f"{name} has token: give {_HAS_ANOTHER_NAME['token']}")
        self._reranker: CrossEncoderReRanker | None = None

    def warm_up(self) -> None:
        """Loads the model, once, whoever else calls.

        Raises:
            As `CrossEncoderReRanker`.
        """
        if self._reranker is None:
            with _loading:
                if self._reranker is None:
                    self._reranker = self._load()

    async def warm_up_async(self) -> None:
        """`warm_up` in a thread."""
        if self._reranker is None:
            await asyncio.to_thread(self.warm_up)

    def to_dict(self) -> dict[str, Any]:
        """The component as plain data; a token by the name of its variable alone."""
        data: dict[str, Any] = default_to_dict(
            self, **{name: getattr(self, name) for name in _DEFAULTS}
        )
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> CrossRankRanker:
        """The component of `to_dict`'s data, which is not changed."""
        made: CrossRankRanker = default_from_dict(cls, data)
        return made

    @component.output_types(documents=list[Document])  # type: ignore[untyped-decorator,unused-ignore]
    def run(
        self,
        *,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        scale_score: bool | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, list[Document]]:
        """Ranks documents.

        Args:
            query: the query.
            documents: they are not changed. An empty list gives an empty one.
            top_k, scale_score, score_threshold: for this call; None = the component's.

        Returns:
            {"documents": the best, best first, as copies with scores}.

        Raises:
            InvalidArgumentError: top_k is not positive, score_threshold is NaN.
            TypeError: top_k, score_threshold or query is of another type.
            As `warm_up` and `CrossEncoderReRanker.rank`.
        """
        kept, least = self._kept(top_k), self._least(score_threshold)
        self.warm_up()
        assert self._reranker is not None
        unique = _without_duplicates(documents)
        ranking = rank(self._reranker, self._query(query), self._texts(unique), kept)
        return {"documents": self._copies(ranking, unique, scale_score, least)}

    @component.output_types(documents=list[Document])  # type: ignore[untyped-decorator,unused-ignore]
    async def run_async(
        self,
        *,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        scale_score: bool | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, list[Document]]:
        """`run` in a thread. Cancelling the task stops the scoring."""
        kept, least = self._kept(top_k), self._least(score_threshold)
        await self.warm_up_async()
        assert self._reranker is not None
        unique = _without_duplicates(documents)
        ranking = await arank(self._reranker, self._query(query), self._texts(unique), kept)
        return {"documents": self._copies(ranking, unique, scale_score, least)}

    def _load(self) -> CrossEncoderReRanker:
        return CrossEncoderReRanker(
            self.model,
            0,
            self.max_length,
            max_chars=0,  # all of the content, as in Haystack's own
            batch_size=self.batch_size,
            truncation=self.truncation,
            token=self.token.resolve_value() if self.token else None,
            device=self.device.to_torch_str() if self.device else None,
            backend=self.backend,
            trust_remote_code=self.trust_remote_code,
            model_kwargs=self.model_kwargs,
            processor_kwargs=self.tokenizer_kwargs,
            config_kwargs=self.config_kwargs,
            **(self.reranker_kwargs or {}),
        )

    def _kept(self, top_k: int | None) -> int:
        return self.top_k if top_k is None else count("top_k", top_k, 1)

    def _least(self, score_threshold: float | None) -> float | None:
        return self.score_threshold if score_threshold is None else _threshold(score_threshold)

    def _query(self, query: str) -> str:
        if not isinstance(query, str):
            raise InputTypeError(f"the query is of type {type(query).__name__}; it must be a str")
        return self.query_prefix + query + self.query_suffix

    def _texts(self, documents: list[Document]) -> Iterator[str]:
        for found in documents:
            parts = [*self._values(found), found.content or ""]
            yield self.document_prefix + self.embedding_separator.join(parts) + self.document_suffix

    def _values(self, document: Document) -> list[str]:
        values = (document.meta.get(name) for name in self.meta_fields_to_embed)
        return [str(value) for value in values if value is not None]

    def _copies(
        self,
        ranking: Ranking[Any],
        documents: list[Document],
        scale_score: bool | None,
        least: float | None,
    ) -> list[Document]:
        scaled = self.scale_score if scale_score is None else scale_score
        copies = []
        for result in ranking.results:
            score = result.probability if scaled else result.logit
            if least is not None and score < least:
                continue
            found, known = documents[result.index], result_metadata(ranking, result)
            if found.score is not None:
                known[PREVIOUS_SCORE] = found.score
            copies.append(replace(found, score=score, meta=with_result(found.meta, known)))
        return copies


#: The constructor's arguments, each of which is also an attribute.
_DEFAULTS = {
    name: argument.default
    for name, argument in inspect.signature(CrossRankRanker.__init__).parameters.items()
    if name != "self"
}

#: Keyword arguments of CrossEncoderReRanker that Haystack calls otherwise, or that are ours to set.
_HAS_ANOTHER_NAME = {
    "model_name": "model",
    "top_k": "top_k as an argument of its own",
    "max_length": "max_length as an argument of its own",
    "batch_size": "batch_size as an argument of its own",
    "truncation": "truncation as an argument of its own",
    "token": "token as an argument of its own",
    "device": "device as an argument of its own",
    "metadata_fields": "meta_fields_to_embed",
    "metadata_template": "meta_fields_to_embed",
    "min_logit": "score_threshold, with scale_score=False",
    "min_probability": "score_threshold",
    "max_chars": "contents that a DocumentSplitter has made shorter",
    "activation_fn": "scale_score",
    "model_kwargs": "model_kwargs as an argument of its own",
    "processor_kwargs": "tokenizer_kwargs",
    "config_kwargs": "config_kwargs as an argument of its own",
    "backend": "backend as an argument of its own",
    "trust_remote_code": "trust_remote_code as an argument of its own",
}


#: Of all components: a lock of its own could be neither copied nor pickled with one.
_loading = threading.Lock()
os.register_at_fork(after_in_child=lambda: globals().update(_loading=threading.Lock()))


def _brief(ranker: CrossRankRanker) -> str:
    """The component with what is not the default, and the sockets that Haystack shows of each."""
    given = {name: getattr(ranker, name) for name in _DEFAULTS if name != "token"}
    shown = ", ".join(
        f"{name}={value!r}"
        for name, value in given.items()
        if name == "model" or value not in (_DEFAULTS[name], [])
    )
    return f"CrossRankRanker({shown})\n" + _sockets(ranker).partition("\n")[2]


# Behind the decorator, which gives every component a __repr__ without arguments.
_sockets = CrossRankRanker.__repr__
CrossRankRanker.__repr__ = _brief  # type: ignore[assignment,method-assign,unused-ignore]


def _threshold(value: float | None) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(
            f"score_threshold is of type {type(value).__name__}; it must be a number or None"
        )
    if value != value:
        refuse("score_threshold is not a number")
    return float(value)


def _without_duplicates(documents: list[Document]) -> list[Document]:
    """The documents in their order, of those with one id the one with the highest score; a score
    that is not there is below all others, and of equals the first stays."""
    best: dict[str, Document] = {}
    for found in documents:
        known = best.get(found.id)
        if known is None or _score(found) > _score(known):
            best[found.id] = found
    return list(best.values())


def _score(document: Document) -> float:
    return float("-inf") if document.score is None else document.score
