"""CrossEncoderReRanker: documents with metadata, ranked by a cross-encoder alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from . import _core
from ._calls import in_thread, progress_bar
from ._core import CancelToken
from ._options import choice, chunk_options, count, number, text, texts
from .activation import only_native
from .cross_encoder import CrossEncoder
from .documents import native_documents
from .results import RankedDocument, Ranking, ranked_document

DEFAULT_MODEL = "cross-encoder/ms-marco-MiniLM-L-6-v2"


class CrossEncoderReRanker:
    """Ranks documents by page_content (its first 400 characters) and, if asked, metadata. It may be
    shared by threads and pickled.

    Args:
        model_name: a folder, a hub id, "builtin", or a loaded `CrossEncoder`.
        top_k: documents that `rank` returns; 0 = all.
        max_length: tokens a pair, clamped to the model's own limit.
        max_chars: code points of page_content that are scored; 0 = all.
        batch_size: pairs a batch at most; changes no score.
        metadata_fields: put in front of the text, each value that is not empty on its own line.
        metadata_template: instead, for example "{title}. {page_content}"; {{ and }} for braces.
        max_metadata_chars: code points of each metadata value; 0 = all.
        min_logit, min_probability: documents below are left out; inclusive.
        truncation, chunk_tokens, chunk_overlap, max_chunks: as in `CrossEncoder.score`.
        batch_tokens: tokens a batch; changes speed and memory, never a score.
        load_options: as `CrossEncoder`'s keyword arguments (precision, threads, ...).

    Raises:
        InvalidArgumentError: an option is out of range, or metadata_fields and metadata_template
            are both given.
        ModelError: the model has more than one label.
        As `CrossEncoder`.
    """

    def __init__(
        self,
        model_name: str | os.PathLike[str] | CrossEncoder = DEFAULT_MODEL,
        top_k: int = 4,
        max_length: int = 512,
        *,
        max_chars: int = 400,
        batch_size: int = 16,
        metadata_fields: Iterable[str] = (),
        metadata_template: str = "",
        max_metadata_chars: int = 100,
        min_logit: float | None = None,
        min_probability: float | None = None,
        truncation: str = "longest_first",
        chunk_tokens: int = 256,
        chunk_overlap: int = 32,
        max_chunks: int = 32,
        batch_tokens: int = 512,
        **load_options: Any,
    ) -> None:
        options = _core.ReRankOptions()
        options.top_k = count("top_k", top_k)
        options.max_length = count("max_length", max_length)
        options.max_chars = count("max_chars", max_chars)
        options.batch_size = count("batch_size", batch_size, 1)
        options.batch_tokens = count("batch_tokens", batch_tokens)
        options.metadata_fields = texts("metadata_fields", metadata_fields)
        options.metadata_template = text("metadata_template", metadata_template)
        options.max_metadata_chars = count("max_metadata_chars", max_metadata_chars)
        options.min_logit = number("min_logit", min_logit)
        options.min_probability = number("min_probability", min_probability)
        options.truncation = choice("truncation", truncation, _core.Truncation)
        options.chunk = chunk_options(chunk_tokens, chunk_overlap, max_chunks)
        self._options = options
        if "min_score" in load_options:  # as thresholds are called elsewhere
            raise TypeError(
                "CrossEncoderReRanker got an unexpected argument 'min_score'; did you mean "
                "min_logit or min_probability?"
            )
        if isinstance(model_name, CrossEncoder):
            for name in load_options:
                raise TypeError(
                    f"CrossEncoderReRanker got an unexpected keyword argument {name!r} (options of "
                    f"loading have no effect on a loaded CrossEncoder)"
                )
            self.cross_encoder = model_name
        else:
            self.cross_encoder = CrossEncoder(model_name, **load_options)
        _core.check_rerank_options(self.cross_encoder._loaded, self._options_for(None))

    @property
    def top_k(self) -> int:
        return self._options.top_k

    def rank(
        self,
        query: str,
        documents: Iterable[Any],
        *,
        top_k: int | None = None,
        show_progress_bar: bool | None = False,
    ) -> Ranking[tuple[Any, float]]:
        """The best documents with their scores, best first.

        Args:
            query: the query.
            documents: `Document`s of ours or LangChain's, dicts, or str. They are not changed, and
                the very objects come back. An empty list gives an empty ranking.
            top_k: for this call; None = the object's.

        Returns:
            A list of (document, score) whose `.results` has ids, logits, probabilities and what
            was cut of each, and whose `.warnings` should be read once.

        Raises:
            InputTypeError: the query or a document is none.
            As `CrossEncoder.predict`.
        """
        return self._rank(CancelToken(), query, documents, top_k, show_progress_bar)

    async def arank(
        self, query: str, documents: Iterable[Any], *, top_k: int | None = None
    ) -> Ranking[tuple[Any, float]]:
        """`rank` in a thread of the event loop's. Cancelling the task stops the work."""
        return await in_thread(lambda token: self._rank(token, query, documents, top_k, False))

    def scored_text(self, document: Any) -> str:
        """The text that is scored for a document: page_content, cut, in the metadata template."""
        _, native = native_documents([document], self._with_metadata)
        return _core.scored_text(self.cross_encoder._loaded, self._options, native[0])

    @property
    def _with_metadata(self) -> bool:
        return bool(self._options.metadata_fields or self._options.metadata_template)

    def _options_for(self, top_k: int | None) -> _core.ReRankOptions:
        """Options of a call: with what the CrossEncoder was given for its scores."""
        options = _core.ReRankOptions(self._options)
        if top_k is not None:
            options.top_k = count("top_k", top_k)
        limit = self.cross_encoder.max_seq_length
        options.max_length = min(options.max_length or limit, limit)
        options.activation = only_native(
            self.cross_encoder.activation_fn, "a reranker, which ranks by logits,"
        )
        options.query_prompt = self.cross_encoder._prompt(None, None)
        return options

    def _rank(
        self,
        token: CancelToken,
        query: str,
        documents: Iterable[Any],
        top_k: int | None,
        show_progress_bar: bool | None,
    ) -> Ranking[tuple[Any, float]]:
        listed, native = native_documents(documents, self._with_metadata)
        with progress_bar(show_progress_bar, len(listed), "document") as on_progress:
            found = _core.rerank(
                self.cross_encoder._loaded,
                self._options_for(top_k),
                query,
                native,
                token,
                on_progress,
            )
        results, truncated, warnings = ranked(found, listed)
        return Ranking([(r.document, r.score) for r in results], results, truncated, warnings)

    def __repr__(self) -> str:
        options = self._options
        return (
            f"CrossEncoderReRanker({self.cross_encoder.info.name!r}, top_k={options.top_k}, "
            f"max_length={options.max_length}, max_chars={options.max_chars}, "
            f"truncation={options.truncation.name!r})"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_options": fields_of(self._options)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._options = options_from(state["_options"])


def ranked(
    native: _core.NativeRanking, documents: Sequence[Any]
) -> tuple[list[RankedDocument], int, list[str]]:
    """A ranking of the compiled part with the caller's documents."""
    results, truncated, warnings = native
    return [ranked_document(found, documents) for found in results], truncated, warnings


_FIELDS = (
    "top_k",
    "max_length",
    "max_chars",
    "batch_size",
    "batch_tokens",
    "metadata_fields",
    "metadata_template",
    "max_metadata_chars",
    "min_logit",
    "min_probability",
)


def fields_of(options: _core.ReRankOptions) -> dict[str, Any]:
    """Options as what can be pickled."""
    fields = {name: getattr(options, name) for name in _FIELDS}
    fields["truncation"] = options.truncation.name
    chunk = options.chunk
    fields["chunk"] = (chunk.tokens, chunk.overlap, chunk.max_chunks)
    return fields


def options_from(fields: dict[str, Any]) -> _core.ReRankOptions:
    options = _core.ReRankOptions()
    for name in _FIELDS:
        setattr(options, name, fields[name])
    options.truncation = _core.Truncation[fields["truncation"]]
    options.chunk = chunk_options(*fields["chunk"])
    return options
