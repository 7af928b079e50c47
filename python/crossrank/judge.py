"""LlmJudge and HybridReRanker: an LLM scores the finalists against a strict schema. How it is
asked, and what becomes of bad answers, is in docs/hybrid.md."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import _core
from ._calls import in_thread
from ._core import CancelToken
from ._options import choice, count, number, path, refuse, text, texts
from .documents import native_documents
from .rerankers import CrossEncoderReRanker, ranked
from .results import JudgeReport, RankedDocument, Ranking

#: Documents that the cross-encoder of a HybridReRanker keeps by default.
FIRST_STAGE_TOP_K = 10


@dataclass(frozen=True)
class JudgeRequest:
    """A request that a judge would send; secrets are redacted."""

    url: str
    headers: list[str]
    body: str  #: JSON.


class _Judging:
    """What LlmJudge and HybridReRanker share: calls, and a compiled object that is made again where
    the old one does not hold any more: in another process, or for a changed CrossEncoder."""

    def __init__(self) -> None:
        key = self._key()
        self._made = key, self._make(key)  # one attribute: threads see both or neither

    def _key(self) -> tuple[Any, ...]:
        """What the compiled object is made of beside constants; the process first."""
        return (os.getpid(),)

    def _make(self, key: tuple[Any, ...]) -> Any:
        raise NotImplementedError

    def _current(self) -> Any:
        key = self._key()
        made_for, native = self._made
        if made_for != key:
            if made_for[0] != key[0]:
                # Threads that are not here may have held its locks at the fork: never destroyed.
                _left_behind.append(native)
            native = self._make(key)
            self._made = key, native
        return native

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_made"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        _Judging.__init__(self)

    def rank(
        self,
        query: str,
        documents: Iterable[Any],
        *,
        context: str | None = None,
        deadline_ms: int = 0,
        traceparent: str | None = None,
    ) -> Ranking[RankedDocument]:
        """The best documents, best first, each with its verdict.

        A judge that fails is no error: the order is then the first stage's, and `.judge` says what
        happened (`.degraded` in short).

        Args:
            query: the query.
            documents: `Document`s of ours or LangChain's, dicts, or str; never changed.
            context: for the judge alone: a conversation, a user's profile.
            deadline_ms: what the caller has for all of it; the judge gets at most half. 0 = none.
            traceparent: W3C Trace Context, sent with the requests.

        Returns:
            A list of `RankedDocument`, whose `.judge` is the `JudgeReport`.

        Raises:
            JudgeFailedError: only with strict=True.
            As `CrossEncoder.predict`.
        """
        return self._rank(CancelToken(), query, documents, context, deadline_ms, traceparent)

    async def arank(
        self,
        query: str,
        documents: Iterable[Any],
        *,
        context: str | None = None,
        deadline_ms: int = 0,
        traceparent: str | None = None,
    ) -> Ranking[RankedDocument]:
        """`rank` in a thread of the event loop's. Cancelling the task stops scoring and judge."""
        return await in_thread(
            lambda token: self._rank(token, query, documents, context, deadline_ms, traceparent)
        )

    def dry_run(
        self, query: str, documents: Iterable[Any], *, context: str | None = None
    ) -> list[JudgeRequest]:
        """The requests that `rank` would begin with. Nothing is sent to the judge."""
        _, native = native_documents(documents, True)
        context = text("context", context)
        found = self._current().dry_run(query, native, context, 0, "", CancelToken())
        return [JudgeRequest(*exchange) for exchange in found]

    def _rank(
        self,
        token: CancelToken,
        query: str,
        documents: Iterable[Any],
        context: str | None,
        deadline_ms: int,
        traceparent: str | None,
    ) -> Ranking[RankedDocument]:
        listed, native = native_documents(documents, True)
        found, report = self._current().rank(
            query,
            native,
            text("context", context),
            count("deadline_ms", deadline_ms),
            text("traceparent", traceparent),
            token,
        )
        results, truncated, warnings = ranked(found, listed)
        return Ranking(results, results, truncated, warnings, JudgeReport(**report))


class LlmJudge(_Judging):
    """Scores documents with an LLM behind an OpenAI-compatible /chat/completions. It sees content,
    metadata and the caller's context, and no more of the text than it has room for.

    Args:
        top_k: documents that `rank` returns; 0 = all.
        url: what /chat/completions follows, "https://api.openai.com/v1"; None =
            CROSSRANK_JUDGE_URL.
        model: what the server calls it; None = CROSSRANK_JUDGE_MODEL.
        api_key_env: the variable that holds the key; None = CROSSRANK_JUDGE_API_KEY.
        api_key_file: or a file that holds it.
        timeout_ms: for all calls of one ranking.
        mode: "listwise", one call for all; or "pointwise", one for each.
        order_bias: "ignore", or "two_pass": twice, the second time in reverse order, and the mean.
        concurrency: calls at a time.
        params: members of the request's body, {"temperature": 0}; None removes one.
        headers: more of them, "Name: value"; never shown.
        proxy, ca_bundle: None = the environment's, the system's.
        context_tokens: the LLM's window.
        document_tokens: of each text at most; half as many of its metadata.
        answer_tokens: 0 = 64 and 96 for each candidate.
        skip_if_gap: no call where the logits at rank top_k and behind differ by as much
            (HybridReRanker).
        price_file: JSON, {"MODEL": {"input_per_million": ..., "output_per_million": ...}}.
        cache_entries: judged lists that are remembered.
        seed: for tests and dry runs: whoever knows it knows the fences around untrusted text.

    Raises:
        InvalidArgumentError: a url, model, key, header or parameter is missing or malformed.
        ModelNotFoundError: there is no such key or price file.
    """

    def __init__(
        self,
        top_k: int = 4,
        *,
        url: str | None = None,
        model: str | None = None,
        api_key_env: str | None = None,
        api_key_file: str | os.PathLike[str] | None = None,
        timeout_ms: int = 30_000,
        mode: str = "listwise",
        order_bias: str = "ignore",
        concurrency: int = 4,
        params: dict[str, Any] | None = None,
        headers: Iterable[str] = (),
        proxy: str | None = None,
        ca_bundle: str | os.PathLike[str] | None = None,
        context_tokens: int = 8192,
        document_tokens: int = 512,
        answer_tokens: int = 0,
        skip_if_gap: float | None = None,
        price_file: str | os.PathLike[str] | None = None,
        cache_entries: int = 256,
        seed: int | None = None,
    ) -> None:
        choice("mode", mode, _core.JudgeMode)
        choice("order_bias", order_bias, _core.OrderBias)
        self._settings: dict[str, Any] = {
            "top_k": count("top_k", top_k),
            "url": text("url", url),
            "model": text("model", model),
            "api_key_env": text("api_key_env", api_key_env),
            "api_key_file": path("api_key_file", api_key_file),
            "timeout_ms": count("timeout_ms", timeout_ms),
            "concurrency": count("concurrency", concurrency),
            "headers": texts("headers", headers),
            "proxy": text("proxy", proxy),
            "ca_bundle": path("ca_bundle", ca_bundle),
            "context_tokens": count("context_tokens", context_tokens),
            "document_tokens": count("document_tokens", document_tokens),
            "answer_tokens": count("answer_tokens", answer_tokens),
            "skip_if_gap": number("skip_if_gap", skip_if_gap),
            "price_file": path("price_file", price_file),
            "cache_entries": count("cache_entries", cache_entries),
            "seed": None if seed is None else count("seed", seed),
        }
        self._choices = (mode, order_bias)
        self._params = _json_members("params", params or {})
        super().__init__()

    def _options(self) -> _core.JudgeOptions:
        options = _core.JudgeOptions()
        for name, value in self._settings.items():
            setattr(options, name, value)
        mode, order_bias = self._choices
        options.mode = _core.JudgeMode[mode]
        options.order_bias = _core.OrderBias[order_bias]
        for name, value in self._params:
            options.add_param(name, value)
        return options

    def _make(self, key: tuple[Any, ...]) -> Any:
        return _core.LlmJudge(self._options())

    def __repr__(self) -> str:
        settings = self._settings  # never headers, proxy or key
        return (
            f"LlmJudge(top_k={settings['top_k']}, url={settings['url']!r}, "
            f"model={settings['model']!r}, mode={self._choices[0]!r})"
        )


#: The name that pipelines with an LLM as the last stage know it by.
ReRanker = LlmJudge


class HybridReRanker(_Judging):
    """A cross-encoder that filters, then a judge. A judge that fails costs the judge's order, never
    the answer.

    Args:
        top_k: documents that `rank` returns; 0 = all that the cross-encoder keeps.
        cross_encoder: the first stage; None = `CrossEncoderReRanker(top_k=10)`.
        judge: None = `LlmJudge(top_k)`, which CROSSRANK_JUDGE_URL, _MODEL and _API_KEY configure.
        strict: a degraded ranking is a `JudgeFailedError`.

    Raises:
        InvalidArgumentError: the first stage keeps fewer documents than top_k.
        As `CrossEncoderReRanker` and `LlmJudge`.
    """

    def __init__(
        self,
        top_k: int = 4,
        *,
        cross_encoder: CrossEncoderReRanker | None = None,
        judge: LlmJudge | None = None,
        strict: bool = False,
    ) -> None:
        self.top_k = count("top_k", top_k)
        for name, given, kind in (
            ("cross_encoder", cross_encoder, CrossEncoderReRanker),
            ("judge", judge, LlmJudge),
        ):
            if given is not None and not isinstance(given, kind):
                raise TypeError(f"{name} is of type {type(given).__name__}, not {kind.__name__}")
        if cross_encoder is None and self.top_k > FIRST_STAGE_TOP_K:  # before a model is loaded
            refuse(
                f"the cross-encoder keeps {FIRST_STAGE_TOP_K} documents, fewer than the {top_k} "
                f"that are to be returned: give cross_encoder=CrossEncoderReRanker(top_k={top_k})"
            )
        self.judge = judge if judge is not None else LlmJudge(top_k)
        self.cross_encoder = (
            cross_encoder
            if cross_encoder is not None
            else CrossEncoderReRanker(top_k=FIRST_STAGE_TOP_K)
        )
        self.strict = bool(strict)
        super().__init__()

    def _key(self) -> tuple[Any, ...]:
        first = self.cross_encoder
        options = first._options_for(None)
        of_encoder = (options.max_length, options.activation, options.query_prompt)
        encoder = first.cross_encoder._loaded
        return *super()._key(), encoder, first, of_encoder, self.judge, self.top_k, self.strict

    def _make(self, key: tuple[Any, ...]) -> Any:
        _, encoder, first, of_encoder, judge, top_k, strict = key
        options = _core.ReRankOptions(first._options)
        options.max_length, options.activation, options.query_prompt = of_encoder
        return _core.HybridReRanker(encoder, options, judge._options(), top_k, strict)

    def __repr__(self) -> str:
        return (
            f"HybridReRanker(top_k={self.top_k}, cross_encoder={self.cross_encoder!r}, "
            f"judge={self.judge!r}, strict={self.strict})"
        )


def _json_members(what: str, members: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each member's name and its value in JSON. Raises TypeError, InvalidArgumentError."""
    if not isinstance(members, Mapping) or not all(isinstance(name, str) for name in members):
        raise TypeError(f"{what} must be a dict with str keys")
    out = []
    for name, value in members.items():
        try:
            out.append((text(f"a name in {what}", name), json.dumps(value, allow_nan=False)))
        except (TypeError, ValueError, RecursionError) as error:
            refuse(f"{what}[{name!r}] is no JSON: {error}")
    return out


_left_behind: list[Any] = []
