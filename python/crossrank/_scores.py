"""Float32 scores in the forms that predict and rank give, behind a caller's activation. Computes no
logit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import activation as activations
from ._options import refuse


class Scores:
    """Float32 scores [pairs, labels] as the caller wants them."""

    def __init__(
        self,
        raw: bytearray,
        labels: int,
        custom: Callable[[Any], Any] | str | None,
        softmax: bool,
    ) -> None:
        self._raw, self._labels = raw, labels
        self._custom, self._softmax = custom, softmax and labels > 1

    def array(self) -> Any:
        """A numpy array [pairs], or [pairs, labels] for several."""
        import numpy as np

        if not self._raw:
            return np.array([])
        scores = np.frombuffer(self._raw, dtype=np.float32).reshape(-1, self._labels)
        pairs = len(scores)
        if callable(self._custom):
            scores = activations.apply(self._custom, scores)
            one_each = self._labels > 1 or scores.size == pairs
            if scores.ndim not in (1, 2) or len(scores) != pairs or not one_each:
                refuse(
                    f"activation_fn made an array of shape {list(scores.shape)} of logits of shape "
                    f"{[pairs, self._labels]}; it must keep the shape"
                )
        if self._labels == 1 and scores.ndim > 1 and scores.shape[-1] == 1:
            scores = scores.squeeze(-1)
        if self._softmax and scores.ndim > 1:
            powers = np.exp(scores - scores.max(axis=1, keepdims=True))
            scores = powers / powers.sum(axis=1, keepdims=True)
        return scores

    def floats(self) -> list[Any]:
        """A list of floats, or of lists of them; without numpy where none has to compute."""
        if self._custom is not None or self._softmax:
            return list(self.array().tolist())
        values = memoryview(self._raw).cast("f").tolist()
        if self._labels == 1:
            return values
        return [values[i : i + self._labels] for i in range(0, len(values), self._labels)]

    def ranked(self) -> list[tuple[int, float]]:
        """(index, score) of all, best first; of one label. Raises InvalidArgumentError."""
        scores = self.floats()
        if any(score != score for score in scores):
            refuse(f"activation_fn gave NaN, by which nothing can be ranked: {self._custom!r}")
        return sorted(enumerate(scores), key=lambda one: -one[1])

    def tensor(self) -> Any:
        """`array` as a torch tensor. Raises ImportError."""
        try:
            import torch  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise ImportError("convert_to_tensor needs torch: pip install torch") from error
        array = self.array()
        return torch.tensor([]) if array.size == 0 else torch.from_numpy(array)
