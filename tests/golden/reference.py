"""The reference: sentence-transformers on PyTorch, in float32 and in float64. Makes no models.

Used by generate.py and random_models.py; needs the versions that MANIFEST.json names.
"""

import pathlib

import torch
from sentence_transformers import CrossEncoder
from transformers import AutoModelForSequenceClassification


class Reference:
    """A model folder as the reference sees it. float32 whatever the file's own type."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        # transformers 5 would run a float16 or bfloat16 file in half precision otherwise.
        self.model = CrossEncoder(
            str(folder), device="cpu", model_kwargs={"dtype": torch.float32}, local_files_only=True
        )
        assert next(self.model.model.parameters()).dtype == torch.float32
        self.tokenizer = self.model.tokenizer
        self.max_length = int(self.model.max_seq_length)
        self.double, info = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float64, local_files_only=True, output_loading_info=True
        )
        # A missing tensor would be filled with random numbers and a warning.
        assert not info["missing_keys"] and not info["mismatched_keys"], info
        assert next(self.double.parameters()).dtype == torch.float64
        self.double.eval()

    @property
    def num_labels(self) -> int:
        return self.model.num_labels

    @property
    def activation(self) -> str:
        return type(self.model.activation_fn).__name__.lower()

    def encode(self, query: str, document: str, max_length: int | None = None):
        """The `tokenizers` package's own Encoding: ids, type_ids."""
        backend = self.tokenizer.backend_tokenizer
        backend.no_padding()
        backend.enable_truncation(
            max_length or self.max_length,
            strategy="longest_first",
            direction=self.tokenizer.truncation_side,
        )
        return backend.encode(query, document)

    def features(self, query: str, document: str) -> dict:
        """What sentence-transformers feeds the model, for one pair: no padding."""
        features = self.model.preprocess([[query, document]])
        names = ("input_ids", "token_type_ids", "attention_mask")
        return {name: features[name] for name in names if name in features}

    @staticmethod
    def type_ids(features: dict) -> list[int]:
        """The types the model sees: a model fed none takes 0 everywhere."""
        ids = features["input_ids"]
        return features.get("token_type_ids", torch.zeros_like(ids))[0].tolist()

    def predict(self, pairs, activation=None) -> torch.Tensor:
        """[pairs, labels] float32; `activation` None = the model's own."""
        rows = [list(pair) for pair in pairs]
        out = self.model.predict(rows, activation_fn=activation, convert_to_tensor=True)
        assert out.dtype == torch.float32
        return out.reshape(len(pairs), -1)

    def logits(self, pairs) -> torch.Tensor:
        return self.predict(pairs, activation=torch.nn.Identity())

    @torch.inference_mode()
    def logits64(self, pairs) -> torch.Tensor:
        """[pairs, labels] float64, each pair on its own."""
        return torch.cat([self.double(**self.features(q, d)).logits for q, d in pairs])
