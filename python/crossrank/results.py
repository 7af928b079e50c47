"""What scoring and ranking return: plain immutable data. Nothing here computes a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .documents import content_of, id_of, metadata_of

if TYPE_CHECKING:
    from ._core import _Ranked

T = TypeVar("T")


@dataclass(frozen=True)
class Truncation:
    """What was left out of a pair before it was scored."""

    tokens_total: int  #: Tokens of the whole pair, the special ones included.
    tokens_used: int  #: Tokens the model saw (with chunks: of the best one).
    chars_cut: int  #: Code points of the document that max_chars cut off.
    query_truncated: bool  #: Tokens of the query were dropped.
    document_truncated: bool  #: Tokens of the document were dropped.

    @property
    def truncated(self) -> bool:
        """Whether some of the pair was not scored."""
        return self.query_truncated or self.document_truncated or self.chars_cut > 0

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value}" for name, value in vars(self).items())
        return f"Truncation(truncated={self.truncated}, {fields})"


@dataclass(frozen=True)
class Span:
    """The window [begin, end) of the scored text that gave its score (with chunks)."""

    begin_byte: int
    end_byte: int
    begin_char: int
    end_char: int


@dataclass(frozen=True)
class ScoredPair:
    """One scored pair of a model with one label."""

    logit: float  #: The model's raw output.
    probability: float  #: sigmoid(logit), or by the calibration.
    score: float  #: The model's own activation of the logit: what `predict` returns.
    truncation: Truncation
    span: Span | None = None


@dataclass(frozen=True)
class LabelledPair:
    """One scored pair of a model with several labels; each list has one value a label."""

    logits: list[float]
    probabilities: list[float]  #: softmax(logits).
    scores: list[float]  #: The model's own activation of the logits.
    truncation: Truncation


@dataclass(frozen=True)
class Verdict:
    """What the judge says of one document."""

    relevance: float  #: 0 to 10.
    reason: str  #: At most 200 characters, the LLM's words.
    disagreement: float | None  #: Between the two passes of order_bias="two_pass".
    chars_cut: int  #: Code points of page_content that the judge did not see.


@dataclass(frozen=True)
class JudgeReport:
    """How a ranking was judged, and at what price."""

    outcome: str  #: judged, repaired, partial, refused, timeout, malformed, provider_error, ...
    degraded: bool  #: A call was due, and a returned position is not judged.
    message: str  #: What went wrong, a sentence; "" when nothing did.
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None  #: In the price file's currency; None when unknown.
    response_format: str  #: json_schema, json_object or text; "" without an answer.
    prompt_version: str
    model: str
    disagreement: float | None
    cut_documents: int  #: Candidates that the judge saw in part.
    query_chars_cut: int
    context_chars_cut: int
    cached: bool
    elapsed_seconds: float


@dataclass(frozen=True)
class RankedDocument:
    """A document's place in a ranking. `document` is the caller's own object."""

    document: Any
    rank: int  #: From 1.
    index: int  #: In the list that was ranked.
    id: str | None  #: The document's, where it has one.
    logit: float  #: NaN where no cross-encoder was asked.
    probability: float
    score: float
    truncation: Truncation
    span: Span | None  #: In page_content; only where truncation makes chunks.
    stage: str  #: cross_encoder, judge, or backfill: ranked behind those that were judged.
    judge: Verdict | None  #: Only with stage "judge".
    first_stage_rank: int  #: Before the judge.

    @property
    def page_content(self) -> str:
        return content_of(self.document)

    @property
    def metadata(self) -> Any:
        return metadata_of(self.document)


class Ranking(list[T], Generic[T]):
    """The list that a reranker returns, best first, with what a careful caller wants to know.

    Attributes:
        results: a `RankedDocument` for each element.
        truncated_documents: how many of all input documents were not scored whole.
        warnings: sentences, for example that no document has a metadata field that was asked for.
        judge: the `JudgeReport` of a ranking that a judge had a say in, else None.
    """

    def __init__(
        self,
        elements: Sequence[T],
        results: Sequence[RankedDocument],
        truncated_documents: int,
        warnings: Sequence[str],
        judge: JudgeReport | None = None,
    ) -> None:
        super().__init__(elements)
        self.results = list(results)
        self.truncated_documents = truncated_documents
        self.warnings = list(warnings)
        self.judge = judge

    @property
    def degraded(self) -> bool:
        """Whether a judge was due and a returned position is not judged."""
        return self.judge is not None and self.judge.degraded


def ranked_document(native: _Ranked, documents: Sequence[Any]) -> RankedDocument:
    """The class for one result of the compiled part."""
    rank, index, logit, probability, score, cut, span, stage, verdict, first = native
    return RankedDocument(
        document=documents[index],
        rank=rank,
        index=index,
        id=id_of(documents[index]),
        logit=logit,
        probability=probability,
        score=score,
        truncation=Truncation(*cut),
        span=Span(*span) if span is not None else None,
        stage=stage,
        judge=Verdict(*verdict) if verdict is not None else None,
        first_stage_rank=first,
    )
