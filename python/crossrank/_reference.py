"""Arguments that sentence-transformers has and this engine does not: renamed ones, ignored ones,
and those that would change a score and are refused. docs/python.md has the same as a table."""

from __future__ import annotations

import os
import warnings
from typing import Any

from ._options import count, path, refuse, refuse_unknown
from .errors import ModelNotFoundError

#: Positional arguments behind the model, until version 5.3.
LEGACY_POSITIONS = ("num_labels", "max_length", "activation_fn", "device")
_INIT_RENAMED = {
    "model_name": "model_name_or_path",
    "automodel_args": "model_kwargs",
    "tokenizer_args": "processor_kwargs",
    "tokenizer_kwargs": "processor_kwargs",
    "config_args": "config_kwargs",
    "cache_dir": "cache_folder",
    "default_activation_function": "activation_fn",
}
_CALL_RENAMED = {"sentences": "inputs", "activation_fct": "activation_fn"}
_BACKENDS = ("torch", "onnx", "openvino")
#: Of transformers' keyword arguments, those that change speed or memory there and no score here.
_HARMLESS_MODEL_KWARGS = {
    "attn_implementation",
    "device_map",
    "export",
    "low_cpu_mem_usage",
    "provider",
    "trust_remote_code",
    "use_safetensors",
}
_FLOAT32 = ("None", "auto", "float32", "torch.float32")


def deprecated(message: str) -> None:
    warnings.warn(message, DeprecationWarning, stacklevel=4)


def _rename(where: str, names: dict[str, str], given: dict[str, Any]) -> dict[str, Any]:
    out = {}
    for name, value in given.items():
        new = names.get(name, name)
        if new != name:
            deprecated(f"{where}'s `{name}` was renamed: use `{new}`")
            if new in given:
                continue
        out[new] = value
    return out


def newest(value: Any, given: dict[str, Any], name: str) -> Any:
    """`value`, or where it is None what an old name gave: as there, the new one wins."""
    old = given.pop(name, None)
    return old if value is None else value


def rename_init_arguments(legacy: tuple[Any, ...], given: dict[str, Any]) -> dict[str, Any]:
    """Old positions and names of CrossEncoder's arguments under today's names."""
    if len(legacy) > len(LEGACY_POSITIONS):
        raise TypeError(
            f"CrossEncoder takes at most {1 + len(LEGACY_POSITIONS)} positional arguments, "
            f"{1 + len(legacy)} were given"
        )
    positional = {}
    for name, value in zip(LEGACY_POSITIONS, legacy):
        deprecated(f"CrossEncoder's `{name}` by position is deprecated: use {name}={value!r}")
        positional[name] = value
    out = {**positional, **_rename("CrossEncoder", _INIT_RENAMED, given)}
    if "classifier_dropout" in out:
        deprecated("CrossEncoder's `classifier_dropout` has no effect on inference")
        del out["classifier_dropout"]
    return out


def rename_call_arguments(method: str, given: dict[str, Any]) -> dict[str, Any]:
    """Old names of predict's and rank's arguments under today's, without those that do nothing."""
    out = _rename(method, _CALL_RENAMED, given)
    without_effect = ["num_workers"]
    if method == "rank":
        without_effect += ["apply_softmax", "convert_to_numpy", "convert_to_tensor"]
    for name in without_effect:
        if name in out:
            deprecated(f"{method}'s `{name}` has no effect")
            del out[name]
    return out


def check_device(device: Any) -> None:
    """None, "cpu" and lists of it: the engine has threads of its own."""
    devices = device if isinstance(device, (list, tuple)) else [device]
    for one in devices:
        if one is not None and str(one).partition(":")[0] != "cpu":
            refuse(f'device is "{one}", but crossrank runs on the CPU: leave device out')


def check_pool(pool: Any, chunk_size: Any) -> None:
    if pool is not None:
        refuse(
            "pool is a pool of sentence-transformers' processes; leave it out: one object uses all "
            "CPUs (threads=...) and may be shared by threads"
        )
    if chunk_size is not None:
        count("chunk_size", chunk_size, 1)


def check_ignored_init_arguments(given: dict[str, Any]) -> None:
    """Arguments of CrossEncoder that are accepted and have no effect, or are refused."""
    check_device(given.pop("device", None))
    backend = given.pop("backend", "torch")
    if backend not in _BACKENDS:
        refuse(f"backend is {backend!r}; it has no effect here, and is one of {_BACKENDS}")
    given.pop("trust_remote_code", None)  # nothing of a repository is ever run
    given.pop("model_card_data", None)
    given.pop("keep_in_fp32_modules", None)  # all of it is float32, or precision says otherwise
    if given.pop("modules", None) is not None:
        refuse("modules are PyTorch's; save the model to a folder and load that")
    _check_model_kwargs(given.pop("model_kwargs", None) or {})


def _check_model_kwargs(given: dict[str, Any]) -> None:
    for name, value in given.items():
        if name in ("torch_dtype", "dtype"):
            if str(value) not in _FLOAT32:
                refuse(
                    f"model_kwargs has {name}={value}: use precision='bf16' or 'int8' instead; "
                    f"without it scores are computed in float32"
                )
        elif name == "file_name":
            refuse(
                f"model_kwargs has file_name={value!r}, but only safetensors files are read: leave "
                f"it out, and use precision='int8' for int8"
            )
        elif name not in _HARMLESS_MODEL_KWARGS:
            refuse(f"model_kwargs has {name}, which has no meaning here")


def max_length_of(given: dict[str, Any] | None) -> int | None:
    """processor_kwargs' model_max_length; others are refused unless they only concern padding."""
    found = None
    for name, value in (given or {}).items():
        if name == "model_max_length":
            found = value
        elif name == "padding_side" and value != "right":
            refuse(f"processor_kwargs has padding_side={value!r}: there is no padding here")
        elif name not in ("use_fast", "padding", "padding_side", "trust_remote_code"):
            refuse(f"processor_kwargs has {name}, which has no meaning here")
    return found


def expected_labels(num_labels: int | None, config_kwargs: dict[str, Any] | None) -> int | None:
    """How many labels the model must have; config_kwargs' other keys are refused."""
    for name, value in (config_kwargs or {}).items():
        if name == "num_labels":
            num_labels = value
        elif name not in ("classifier_dropout", "trust_remote_code"):
            refuse(f"config_kwargs has {name}, which has no meaning here")
    return None if num_labels is None else count("num_labels", num_labels, 1)


def processing_options(given: dict[str, Any] | None) -> tuple[int | None, str | None]:
    """(max_length, truncation) of predict's processing_kwargs={"text": {...}}."""
    given = dict(given or {})
    text = dict(given.pop("text", None) or {})
    refuse_unknown("predict's processing_kwargs", given)
    truncation = text.pop("truncation", True)
    text.pop("padding", None)
    max_length = text.pop("max_length", None)
    refuse_unknown('predict\'s processing_kwargs["text"]', text)
    if truncation in (True, "longest_first"):
        return max_length, None
    if truncation == "only_second":
        return max_length, "document_only"
    refuse(
        f"processing_kwargs has truncation={truncation!r}; here there are True, longest_first and "
        f"only_second (truncation=... of predict has more)"
    )


def hub_name(model: str | os.PathLike[str] | None) -> str:
    """The name of a model; "" for None. A bare one is of the hub's organisation cross-encoder,
    unless a folder is called so. Raises TypeError; ModelNotFoundError for a Path to nothing, which
    can only be a folder."""
    name = path("model_name_or_path", model)
    if isinstance(model, os.PathLike) and not os.path.exists(name):
        raise ModelNotFoundError(f"there is no folder {name}", "FileNotFound")
    if not name or "/" in name or "\\" in name or name.lower() == "builtin" or os.path.exists(name):
        return name
    return "cross-encoder/" + name
