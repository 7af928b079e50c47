"""Activation functions: torch's by their names, without torch, and any other callable."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from . import _core
from ._options import refuse

#: Elementwise and monotone: the compiled part has them.
_NATIVE = {
    "Identity": _core.Activation.identity,
    "Sigmoid": _core.Activation.sigmoid,
    "Tanh": _core.Activation.tanh,
}


def native_activation(function: Any) -> _core.Activation | None:
    """The compiled activation that `function` names or is: "identity", "torch.nn.Sigmoid", or an
    instance of torch.nn.Sigmoid. None for any other callable. Raises InvalidArgumentError,
    TypeError."""
    if isinstance(function, str):
        name = function.rpartition(".")[2]
        known = _NATIVE.get(name) or _NATIVE.get(name.capitalize())
        if known is None:
            refuse(
                f"activation_fn is {function!r}; by name there are identity, sigmoid and tanh, and "
                f"any callable is accepted"
            )
        return known
    if isinstance(function, type) and function.__module__.startswith("torch.nn."):
        raise TypeError(
            f"activation_fn is the class {function.__name__}; pass an instance of it, "
            f"{function.__name__}()"
        )
    if not callable(function):
        raise TypeError(
            f"activation_fn is of type {type(function).__name__}; it must be a callable or a name"
        )
    if type(function).__module__.startswith("torch.nn."):
        return _NATIVE.get(type(function).__name__)
    return None


def only_native(function: Any, who: str) -> _core.Activation | None:
    """`native_activation` for what cannot call a function of the caller's; None for None. Raises
    InvalidArgumentError, which names `who` asks."""
    native = None if function is None else native_activation(function)
    if function is not None and native is None:
        refuse(f"{who} needs an activation_fn that is identity, sigmoid or tanh")
    return native


def apply(function: Callable[[Any], Any], logits: Any) -> Any:
    """`function` of logits, float32 [pairs, labels], as a float32 array. It is given a torch tensor
    where torch has been imported, as in sentence-transformers, else a numpy array. Raises
    InvalidArgumentError."""
    import numpy as np

    torch = sys.modules.get("torch")
    if torch is None:
        out = function(logits)
    else:
        with torch.inference_mode():
            out = function(torch.from_numpy(logits))
        if isinstance(out, torch.Tensor):
            out = out.float().cpu().numpy()
    try:
        return np.asarray(out, dtype=np.float32)
    except (TypeError, ValueError):
        refuse(
            f"activation_fn made a {type(out).__name__} that is no array of numbers; it must make "
            f"float32 of the logits' shape, {list(logits.shape)}"
        )
