"""What the adapters share: which reranker an argument means, what is shown of it, what goes into
metadata. It knows no framework."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Union

from .._options import count, refuse
from ..cross_encoder import CrossEncoder
from ..judge import HybridReRanker
from ..rerankers import DEFAULT_MODEL, CrossEncoderReRanker
from ..results import RankedDocument, Ranking

__all__ = [
    "DEFAULT_MODEL",
    "OUR_KEYS",
    "PREVIOUS_SCORE",
    "Reranker",
    "arank",
    "brief",
    "is_reranker",
    "model_name_of",
    "rank",
    "reranker_of",
    "result_metadata",
    "take_token",
    "top_k_of",
    "with_result",
]

Reranker = Union[CrossEncoderReRanker, HybridReRanker]

#: Where a score that a document came with is kept.
PREVIOUS_SCORE = "crossrank_previous_score"
_OF_EVERY_RESULT = ("crossrank_logit", "crossrank_probability", "crossrank_truncated")
_OF_A_JUDGE = (
    "crossrank_stage",
    "crossrank_relevance",
    "crossrank_reason",
    "crossrank_degraded",
    "crossrank_outcome",
)
#: All keys that an adapter writes, apart from the framework's own.
OUR_KEYS = (PREVIOUS_SCORE, *_OF_EVERY_RESULT, *_OF_A_JUDGE)


def is_reranker(model: Any) -> bool:
    """Whether model has options of its own, and is more than a model."""
    return isinstance(model, (CrossEncoderReRanker, HybridReRanker))


def reranker_of(model: Any, options: Mapping[str, Any]) -> Reranker:
    """The reranker that `model` is or names.

    Args:
        model: a folder, a hub id, "builtin", a CrossEncoder, a CrossEncoderReRanker or a
            HybridReRanker.
        options: keyword arguments of CrossEncoderReRanker; a reranker has its own.

    Raises:
        TypeError: model is none of these, or options are given with a reranker.
        As CrossEncoderReRanker.
    """
    if isinstance(model, (CrossEncoderReRanker, HybridReRanker)):
        if options:
            raise TypeError(
                f"{', '.join(options)} cannot be given with a {type(model).__name__}: give it to "
                f"the {type(model).__name__}"
            )
        return model
    if isinstance(model, (str, os.PathLike, CrossEncoder)):
        return CrossEncoderReRanker(model, **options)
    raise TypeError(
        f"model is of type {type(model).__name__}; it must be a name, a CrossEncoder, a "
        f"CrossEncoderReRanker or a HybridReRanker"
    )


def take_token(options: dict[str, Any]) -> dict[str, Any]:
    """Takes the hub's token out of options that an adapter keeps, shows and saves. Returns it as a
    keyword argument, none where there is none."""
    token = options.pop("token", None)
    if hasattr(token, "get_secret_value"):  # pydantic's SecretStr
        token = token.get_secret_value()
    return {} if token is None else {"token": token}


def brief(model: Any, arguments: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Of the arguments that pydantic would show of an adapter what ranks, and those that are not
    the default."""
    fields = type(model).model_fields
    return [
        (name, value)
        for name, value in arguments
        if name in ("model", "model_name")
        or (field := fields.get(name)) is None  # computed, in a subclass
        or not field.exclude
        and value != field.get_default(call_default_factory=True)
    ]


def top_k_of(reranker: Reranker, name: str, asked: int | None) -> int:
    """How many documents a reranker is to return, `asked` by the argument `name`. None is what it
    was made with.

    Raises:
        InvalidArgumentError: asked is not what a HybridReRanker was made with; its judge's answers
            are for that many.
    """
    if asked is None:
        return reranker.top_k
    if isinstance(reranker, HybridReRanker) and asked != reranker.top_k:
        refuse(
            f"{name} is {asked}, but the HybridReRanker has top_k={reranker.top_k}: leave {name} "
            f"out"
        )
    return count(name, asked)


def rank(reranker: Reranker, query: str, documents: Iterable[Any], top_k: int) -> Ranking[Any]:
    """A ranking by either kind. What it warns of is passed on; Python shows a sentence once."""
    if isinstance(reranker, HybridReRanker):
        return _with_warnings(reranker.rank(query, documents))
    return _with_warnings(reranker.rank(query, documents, top_k=top_k))


async def arank(
    reranker: Reranker, query: str, documents: Iterable[Any], top_k: int
) -> Ranking[Any]:
    """`rank` in a thread, where documents are also read. Cancelling the task stops the work."""
    if isinstance(reranker, HybridReRanker):
        return _with_warnings(await reranker.arank(query, documents))
    return _with_warnings(await reranker.arank(query, documents, top_k=top_k))


def _with_warnings(ranking: Ranking[Any]) -> Ranking[Any]:
    for sentence in ranking.warnings:
        warnings.warn(sentence, stacklevel=4)
    return ranking


def model_name_of(reranker: Reranker) -> str:
    """What the model calls itself, for events."""
    if isinstance(reranker, HybridReRanker):
        reranker = reranker.cross_encoder
    return reranker.cross_encoder.info.name


def result_metadata(ranking: Ranking[Any], result: RankedDocument) -> dict[str, Any]:
    """What is known of one result beside its score, under flat names: vector stores and filters
    take scalars. Verdicts are there, maybe None, only where a judge had a say."""
    known: dict[str, Any] = {
        "crossrank_logit": result.logit,
        "crossrank_probability": result.probability,
        "crossrank_truncated": result.truncation.truncated,
    }
    if ranking.judge is not None:
        known["crossrank_stage"] = result.stage
        known["crossrank_relevance"] = result.judge.relevance if result.judge else None
        known["crossrank_reason"] = result.judge.reason if result.judge else None
        known["crossrank_degraded"] = ranking.judge.degraded
        known["crossrank_outcome"] = ranking.judge.outcome
    return known


def with_result(metadata: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of metadata with `known`, and without what an earlier reranking left: a verdict of
    then beside a logit of now would be read as one result."""
    kept = {key: value for key, value in metadata.items() if key not in OUR_KEYS}
    return {**kept, **known}
