"""CrossEncoder: in the place of sentence_transformers.CrossEncoder. Documents with metadata are for
the rerankers."""

from __future__ import annotations

import copy
import json
import os
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import _core, _reference
from . import activation as activations
from ._calls import download_bar, in_thread, progress_bar
from ._core import CancelToken, ModelInfo
from ._options import (
    absolute,
    chunk_options,
    count,
    load_options,
    refuse,
    refuse_unknown,
    score_options,
    text,
)
from ._scores import Scores
from .errors import InputTypeError, ModelError
from .results import LabelledPair, ScoredPair, Span, Truncation

Pairs = Any  # a pair, or a list, tuple or numpy array of pairs


class CrossEncoder:
    """A cross-encoder on the CPU. It may be shared by threads, pickled, and used after a fork (the
    child then loads the model again).

    Args:
        model_name_or_path: a folder, a hub id (downloaded on first use) or "builtin". None takes
            the default: CROSSRANK_MODEL, else ms-marco-MiniLM-L-6-v2 where it is in the cache, else
            the builtin model, with a warning.
        max_length: tokens a pair; None = the model's own. Clamped to the model's position table.
        activation_fn: between a logit and a score; None = the model's own. "identity", "sigmoid",
            "tanh", an instance of torch.nn's Identity, Sigmoid or Tanh, or any callable on
            float32 logits of shape [pairs, labels].
        cache_folder: of the Hugging Face hub; None = SENTENCE_TRANSFORMERS_HOME, HF_HUB_CACHE, ...
        revision: branch, tag or commit of a hub model.
        local_files_only: never use the network.
        token: of the hub; None or True = HF_TOKEN or what `hf auth login` saved.
        precision: "fp32", "bf16" or "int8"; the last two are faster and move scores a little.
        threads: None = the CPUs that affinity and cgroup grant.
        isa: None = the best of `crossrank.available_isas()`.
        calibration: a file of `crossrank calibrate`, which says how logits become probabilities;
            None = crossrank_calibration.json in the model's folder, if there is one; False = none.
            `info.calibration` is what is used: (file, temperature, bias).
        prompts: {name: text} for `prompt_name`; None = those saved with the model.
        default_prompt_name: the prompt in front of every query when no other is asked for.
        num_labels: an error unless the model has as many.
        reference_arguments: what else sentence-transformers has (device, backend, ...). Accepted
            where it has no effect on scores, and refused otherwise: see docs/python.md.

    Raises:
        ModelNotFoundError: no such folder or hub model, or a file is missing.
        ModelError: the files are malformed or of an unsupported kind; this CPU lacks precision or
            isa.
        InvalidArgumentError: an argument is out of range or has no meaning here.
        NetworkError, FileError: the download, or a file, failed.
    """

    def __init__(
        self,
        model_name_or_path: str | os.PathLike[str] | None = None,
        *legacy: Any,
        max_length: int | None = None,
        activation_fn: Callable[[Any], Any] | str | None = None,
        cache_folder: str | os.PathLike[str] | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        token: bool | str | None = None,
        precision: str = "fp32",
        threads: int | None = None,
        isa: str | None = None,
        calibration: str | os.PathLike[str] | bool | None = None,
        prompts: dict[str, str] | None = None,
        default_prompt_name: str | None = None,
        num_labels: int | None = None,
        show_progress_bar: bool | None = None,
        **reference_arguments: Any,
    ) -> None:
        given = _reference.rename_init_arguments(legacy, reference_arguments)
        if model_name_or_path is None:
            model_name_or_path = given.pop("model_name_or_path", None)
        max_length = _reference.newest(max_length, given, "max_length")
        activation_fn = _reference.newest(activation_fn, given, "activation_fn")
        cache_folder = _reference.newest(cache_folder, given, "cache_folder")
        labels = _reference.expected_labels(
            _reference.newest(num_labels, given, "num_labels"), given.pop("config_kwargs", None)
        )
        saved_length = _reference.max_length_of(given.pop("processor_kwargs", None))
        _reference.check_ignored_init_arguments(given)
        refuse_unknown("CrossEncoder", given)

        options = load_options(
            precision=precision,
            isa=isa,
            threads=threads,
            max_length=max_length if max_length is not None else saved_length,
            revision=revision,
            cache_folder=cache_folder,
            local_files_only=local_files_only,
            token=token,
            calibration=calibration,
        )
        if activation_fn is not None:
            activations.native_activation(activation_fn)

        self._options = options
        self._name = _reference.hub_name(model_name_or_path)
        if not self._name:
            text("CROSSRANK_MODEL", os.environ.get("CROSSRANK_MODEL"))
        if os.path.isdir(self._name):
            self._name = absolute("model_name_or_path", self._name)
        self._prompts = None if prompts is None else _checked_prompts(prompts)
        text("default_prompt_name", default_prompt_name)
        self._default_prompt_name = default_prompt_name
        self._max_length: int | None = None
        self.activation_fn = activation_fn
        self._native = self._load(show_progress_bar)
        self._name = self._name or self.info.name  # the same model again, whatever the default is
        if self.info.note:
            warnings.warn(self.info.note, stacklevel=2)
        if labels is not None and labels != self.num_labels:
            refuse(f"num_labels is {labels}, but the model has {self.num_labels}")
        if default_prompt_name is not None and default_prompt_name not in self.prompts:
            refuse(
                f"default_prompt_name is {default_prompt_name!r}, but the prompts are "
                f"{list(self.prompts)}"
            )

    def _load(
        self, show_progress_bar: bool | None, options: _core.LoadOptions | None = None
    ) -> _core.CrossEncoder:
        with download_bar(show_progress_bar) as on_progress:
            return _core.CrossEncoder(
                self._name, options or self._options, CancelToken(), on_progress
            )

    @property
    def _loaded(self) -> _core.CrossEncoder:
        """The model, loaded anew in a child that a fork left without its threads."""
        if not self._native.usable:
            with _reloading:
                if not self._native.usable:
                    self._native = self._load(False)
        return self._native

    def predict(
        self,
        inputs: Pairs = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: Callable[[Any], Any] | str | None = None,
        apply_softmax: bool | None = False,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        truncation: str = "longest_first",
        max_length: int | None = None,
        max_chars: int = 0,
        device: Any = None,
        pool: Any = None,
        chunk_size: int | None = None,
        processing_kwargs: dict[str, Any] | None = None,
        _token: CancelToken | None = None,
        **deprecated: Any,
    ) -> Any:
        """Scores (query, document) pairs.

        A pair's score has the same bits whatever the other pairs, their order, batch_size and
        threads. The GIL is released; Ctrl-C stops the work.

        Args:
            inputs: one pair, a list or tuple of pairs, or a numpy array of str, [2] or [n, 2].
            batch_size: pairs a batch at most. It changes no score.
            show_progress_bar: None = only where logging is at INFO or DEBUG.
            activation_fn: for this call, as in the constructor.
            apply_softmax: over the labels, behind the activation; without effect on one label.
            convert_to_numpy: False gives lists of floats (sentence-transformers: of tensors).
            convert_to_tensor: a torch tensor; needs torch.
            prompt_name, prompt: in front of each query.
            truncation: "longest_first", "document_only", "error", "chunk_max",
                "chunk_top2" or "first".
            max_length: tokens a pair, for this call.
            max_chars: code points of each document that are scored; 0 = all.
            device, pool, chunk_size, processing_kwargs: as in sentence-transformers where they
                have a meaning here: see docs/python.md.

        Returns:
            float32 [n] for a model with one label, else [n, labels]; for one pair a numpy.float32
            or [labels]. An empty list gives an empty float64 array, as there.

        Raises:
            InputTypeError: a pair is not two str; its index is named.
            InvalidArgumentError: an option is out of range, or truncation forbids a cut.
            KeyboardInterrupt: Ctrl-C; the work has stopped.
        """
        given = _reference.rename_call_arguments("predict", deprecated)
        inputs = _reference.newest(inputs, given, "inputs")
        activation_fn = _reference.newest(activation_fn, given, "activation_fn")
        refuse_unknown("predict", given)
        _reference.check_device(device)
        _reference.check_pool(pool, chunk_size)
        length, policy = _reference.processing_options(processing_kwargs)
        options = self._score_options(
            batch_size,
            max_length if max_length is not None else length,
            max_chars,
            policy or truncation,
            prompt_name,
            prompt,
        )
        one, pairs = _listed(inputs)
        scores = self._scores(
            pairs, options, activation_fn, bool(apply_softmax), show_progress_bar, _token
        )
        if convert_to_tensor:
            out = scores.tensor()
        elif convert_to_numpy:
            out = scores.array()
        else:
            out = scores.floats()
        return out[0] if one else out

    def rank(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None = None,
        return_documents: bool = False,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: Callable[[Any], Any] | str | None = None,
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        truncation: str = "longest_first",
        max_length: int | None = None,
        max_chars: int = 0,
        device: Any = None,
        pool: Any = None,
        chunk_size: int | None = None,
        _token: CancelToken | None = None,
        **deprecated: Any,
    ) -> list[dict[str, Any]]:
        """Ranks documents for a query, by logit descending and then by place in `documents`.

        Args:
            query: the query.
            documents: texts. `CrossEncoderReRanker` takes documents with metadata.
            top_k: best documents to return; None and 0 = all.
            return_documents: add each document's text.
            batch_size, ...: as in `predict`.

        Returns:
            [{"corpus_id": index in documents, "score": float, "text": only if asked for}].

        Raises:
            ValueError: the model has more than one label, or top_k is negative.
            As `predict`.
        """
        given = _reference.rename_call_arguments("rank", deprecated)
        activation_fn = _reference.newest(activation_fn, given, "activation_fn")
        refuse_unknown("rank", given)
        _reference.check_device(device)
        _reference.check_pool(pool, chunk_size)
        self._check_one_label("ranking")
        options = self._score_options(
            batch_size, max_length, max_chars, truncation, prompt_name, prompt
        )
        kept = 0 if top_k is None else count("top_k", top_k)
        if not isinstance(query, str):
            raise InputTypeError(f"the query is of type {type(query).__name__}; it must be a str")
        if isinstance(documents, (str, bytes, Mapping)) or not hasattr(documents, "__iter__"):
            raise InputTypeError(
                f"documents is of type {type(documents).__name__}; it must be a list of str"
            )
        listed = list(documents)

        function = activation_fn if activation_fn is not None else self.activation_fn
        if function is not None and activations.native_activation(function) is None:
            # Not known to keep the order of logits: the order is that of its scores.
            pairs = [(query, document) for document in listed]
            scores = self._scores(pairs, options, function, False, show_progress_bar, _token)
            found = scores.ranked()[: kept or None]
        else:
            if function is not None:
                options.activation = activations.native_activation(function)
            with progress_bar(show_progress_bar, len(listed)) as on_progress:
                found = self._loaded.rank(
                    query, listed, kept, options, _token or CancelToken(), on_progress
                )
        if return_documents:
            return [{"corpus_id": i, "score": s, "text": listed[i]} for i, s in found]
        return [{"corpus_id": i, "score": s} for i, s in found]

    async def apredict(self, *args: Any, **kwargs: Any) -> Any:
        """`predict` in a thread of the event loop's. Cancelling the task stops the work."""
        return await in_thread(lambda token: self.predict(*args, _token=token, **kwargs))

    async def arank(self, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        """`rank` in a thread of the event loop's. Cancelling the task stops the work."""
        return await in_thread(lambda token: self.rank(*args, _token=token, **kwargs))

    async def ascore(self, *args: Any, **kwargs: Any) -> list[ScoredPair] | list[LabelledPair]:
        """`score` in a thread of the event loop's. Cancelling the task stops the work."""
        return await in_thread(lambda token: self.score(*args, _token=token, **kwargs))

    def score(
        self,
        pairs: Pairs,
        *,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        truncation: str = "longest_first",
        chunk_tokens: int = 256,
        chunk_overlap: int = 32,
        max_chunks: int = 32,
        max_length: int | None = None,
        max_chars: int = 0,
        _token: CancelToken | None = None,
    ) -> list[ScoredPair] | list[LabelledPair]:
        """Scores pairs and says of each what a careful caller wants to know: logit, probability,
        score, and what truncation left out. The command `crossrank score` gives the same.

        Args and errors: as `predict`. With truncation="chunk_max" the best of a document's chunks
        counts: whole sentences of at most `chunk_tokens` tokens, of which neighbours share at most
        `chunk_overlap`, and at most `max_chunks` of them. With "chunk_top2" the mean of the best
        two logits counts, with "first" the first chunk's.
        """
        options = self._score_options(
            batch_size, max_length, max_chars, truncation, prompt_name, prompt
        )
        options.chunk = chunk_options(chunk_tokens, chunk_overlap, max_chunks)
        one, listed = _listed(pairs)
        if one:
            refuse("score takes a list of pairs; put the pair in a list")
        options.activation = activations.only_native(self.activation_fn, "score, beside logits,")
        with progress_bar(show_progress_bar, len(listed)) as on_progress:
            found = self._loaded.score(listed, options, _token or CancelToken(), on_progress)
        if self.num_labels > 1:
            return [LabelledPair(ls, ps, ss, Truncation(*cut)) for ls, ps, ss, cut, _ in found]
        return [
            ScoredPair(ls[0], ps[0], ss[0], Truncation(*cut), Span(*span) if span else None)
            for ls, ps, ss, cut, span in found
        ]

    @property
    def info(self) -> ModelInfo:
        """Facts about the model: sizes, labels, precision, isa, threads."""
        return self._native.info

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the weights, 64 hex digits."""
        return self._loaded.weights_sha256()

    @property
    def num_labels(self) -> int:
        return self.info.num_labels

    @property
    def max_seq_length(self) -> int:
        """Tokens a pair. May be set, which loads the model again where more are asked for than it
        was loaded for; more than its position table is clamped."""
        return min(self._max_length or self.info.max_length, self.info.max_length)

    @max_seq_length.setter
    def max_seq_length(self, tokens: int) -> None:
        tokens = count("max_seq_length", tokens, 3)  # the special ones
        asked = self._options.max_length
        if tokens > self.info.max_length and (asked == 0 or tokens > asked):
            options = _core.LoadOptions(self._options)
            options.max_length = tokens
            self._native = self._load(False, options)
            self._options = options
        self._max_length = tokens

    @property
    def max_length(self) -> int:
        """The old name of `max_seq_length`."""
        return self.max_seq_length

    @max_length.setter
    def max_length(self, tokens: int) -> None:
        self.max_seq_length = tokens

    @property
    def device(self) -> str:
        return "cpu"

    def eval(self) -> CrossEncoder:
        """Itself: there is no training here."""
        return self

    def to(self, device: Any) -> CrossEncoder:
        """Itself; a device other than the CPU is refused."""
        _reference.check_device(device)
        return self

    @property
    def prompts(self) -> dict[str, str]:
        """{name: text} that `prompt_name` chooses from."""
        if self._prompts is None:
            self._prompts = _saved_prompts(self.info.source)
        return self._prompts

    def __repr__(self) -> str:
        info = self.info
        return (
            f"CrossEncoder({info.name!r}, precision={info.precision.name!r}, isa={info.isa!r}, "
            f"threads={info.threads}, max_length={self.max_seq_length}, labels={info.num_labels})"
        )

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if name != "_native"}
        state["_options"] = {name: getattr(self._options, name) for name in _PICKLED}
        state["_options"]["precision"] = self._options.precision.name
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        fields = dict(state["_options"])
        self._options = _core.LoadOptions()
        self._options.precision = _core.Precision[fields.pop("precision")]
        for name, value in fields.items():
            setattr(self._options, name, value)
        self._native = self._load(False)

    def __copy__(self) -> CrossEncoder:
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)  # what is compiled never changes, and is shared
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> CrossEncoder:
        other = memo[id(self)] = copy.copy(self)
        own = {n: v for n, v in self.__dict__.items() if n not in ("_native", "_options")}
        other.__dict__.update(copy.deepcopy(own, memo))
        return other

    def _score_options(
        self,
        batch_size: int,
        max_length: int | None,
        max_chars: int,
        truncation: str,
        prompt_name: str | None,
        prompt: str | None,
    ) -> _core.ScoreOptions:
        length = max_length if max_length is not None else self._max_length
        options = score_options(batch_size, length, max_chars, truncation)
        options.query_prompt = self._prompt(prompt_name, prompt)
        return options

    def _prompt(self, name: str | None, prompt: str | None) -> str | None:
        """What stands in front of each query; None = what was saved with the model."""
        if prompt is not None:
            if name is not None:
                warnings.warn("prompt_name is ignored in favour of prompt", stacklevel=4)
            return text("prompt", prompt)
        chosen = name if name is not None else self._default_prompt_name
        if chosen is None:
            return None
        text("prompt_name", chosen)
        if chosen not in self.prompts:
            refuse(f"prompt_name is {chosen!r}, but the prompts are {list(self.prompts)}")
        return _checked_prompt(chosen, self.prompts[chosen])

    def _check_one_label(self, what: str) -> None:
        """Raises ModelError unless the model has one label, which `what` needs."""
        if self.num_labels != 1:
            raise ModelError(
                f"{what} needs a model with one label; {self.info.name} has {self.num_labels}: "
                f"use predict",
                "UnsupportedModel",
            )

    def _scores(
        self,
        pairs: Sequence[Any],
        options: _core.ScoreOptions,
        activation_fn: Callable[[Any], Any] | str | None,
        softmax: bool,
        show_progress_bar: bool | None,
        token: CancelToken | None,
    ) -> Scores:
        function = activation_fn if activation_fn is not None else self.activation_fn
        custom = None
        if function is not None:
            options.activation = activations.native_activation(function)
            if options.activation is None:
                options.activation = _core.Activation.identity
                custom = function
        with progress_bar(show_progress_bar, len(pairs)) as on_progress:
            scores = self._loaded.predict(pairs, options, token or CancelToken(), on_progress)
        return Scores(scores, self.num_labels, custom, softmax)


#: Of forked children, each of which loads a model of the parent's once.
_reloading = threading.Lock()
os.register_at_fork(after_in_child=lambda: globals().update(_reloading=threading.Lock()))


#: Of LoadOptions, what a pickle has beside the precision: no token.
_PICKLED = (
    "isa",
    "threads",
    "max_length",
    "revision",
    "cache_dir",
    "local_files_only",
    "calibration",
)


def _saved_prompts(folder: str) -> dict[str, str]:
    """What sentence-transformers saved with the model; none where there is no such file. Raises
    ModelError."""
    file = Path(folder) / "config_sentence_transformers.json"
    try:
        content = file.read_text(encoding="utf-8")
    except OSError:
        return {}
    try:
        return _checked_prompts(json.loads(content).get("prompts") or {})
    except (AttributeError, TypeError, ValueError) as error:
        raise ModelError(f"{file}: its prompts cannot be read: {error}", "BadConfig") from error


def _checked_prompts(prompts: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(prompts, Mapping):
        raise TypeError(f"prompts is of type {type(prompts).__name__}; it must be a dict")
    return {name: _checked_prompt(name, prompt) for name, prompt in prompts.items()}


def _checked_prompt(name: str, prompt: str) -> str:
    if not isinstance(name, str) or not isinstance(prompt, str):
        raise TypeError(f"prompts[{name!r}] is of type {type(prompt).__name__}, not str")
    return text(f"prompts[{name!r}]", prompt)


def _listed(inputs: Any) -> tuple[bool, Sequence[Any]]:
    """(whether it is one pair, the pairs). As sentence-transformers tells them apart."""
    if isinstance(inputs, (list, tuple)):
        if len(inputs) > 0 and isinstance(inputs[0], Mapping):
            raise InputTypeError("pair 0 is a dict; it must be a list or tuple of two str")
        if len(inputs) > 0 and not isinstance(inputs[0], (list, tuple)):
            return True, [inputs]
        return False, inputs
    kind = getattr(getattr(inputs, "dtype", None), "kind", None)
    if kind in ("U", "O") and hasattr(inputs, "tolist"):
        if inputs.size == 0:
            return False, []
        return (True, [inputs.tolist()]) if inputs.ndim < 2 else (False, inputs.tolist())
    raise InputTypeError(
        f"inputs is of type {type(inputs).__name__}; it must be a pair of str, or a list, tuple or "
        f"numpy array of pairs"
    )
