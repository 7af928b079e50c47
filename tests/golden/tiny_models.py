"""Writes tiny random-weight models in the shapes and spellings found in the wild. Scores nothing.

Shared by generate.py (the committed cases) and random_models.py (fresh ones on every run).
"""

import dataclasses
import json
import math
import pathlib
import sys
import unicodedata

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, normalizers, pre_tokenizers

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tokenizer"))

import unigram  # noqa: E402

TEMPLATE_TOKENIZER = HERE.parents[1] / "models/minilm-l6-crossrank/tokenizer.json"
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ACTIVATIONS = ["gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu", "tanh"]
ARCHITECTURES = {"bert": "Bert", "electra": "Electra", "xlm-roberta": "XLMRoberta",
                 "roberta": "Roberta", "camembert": "Camembert"}  # fmt: skip
ROBERTA = ["xlm-roberta", "roberta", "camembert"]
# The forms of tokenizer.json: the one that transformers 5 builds itself for an XLMRobertaTokenizer,
# whatever the file says, and others that a PreTrainedTokenizerFast takes from the file.
UNIGRAM = ["xlmr", "squeezed", "stripped"]
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


class BadlyConditioned(Exception):
    """The random weights came out such that every text scores nearly the same."""


@dataclasses.dataclass
class Spec:
    """One model. The defaults are the plainest case; each golden case changes a few."""

    name: str
    seed: int = 0
    family: str = "bert"  # or "electra", or one of ROBERTA
    hidden: int = 24
    heads: int = 2
    intermediate: int = 40
    layers: int = 2
    embedding: int | None = None  # ELECTRA's embedding_size; None = hidden
    activation: str | None = "gelu"  # hidden_act; None = the key is absent (gelu to transformers)
    labels: int = 1
    label_key: str | None = "id2label"  # or "num_labels", or None: no key at all (means 2)
    type_vocab: int = 2
    max_positions: int = 64
    model_max_length: float | None = 64  # tokenizer_config; None = the key is absent
    eps: float | None = 1e-12  # None = the key is absent (1e-12 to transformers)
    dtype: str = "F32"  # F32, F16, BF16, or "mixed": F16 matrices, F32 vectors
    prefix: bool = True  # tensor names with bert. / electra.
    gamma_beta: bool = False  # LayerNorm.gamma instead of LayerNorm.weight
    position_ids: bool = False  # an I64 tensor that nobody needs
    extra_tensors: bool = False  # tensors of a pre-training head
    shards: int = 1
    score_activation: tuple[str, str] | None = None  # (key of config.json, torch path)
    saved_activation: str | None = None  # torch path in the files that sentence-transformers saves
    tokenizer: str = "json"  # or "vocab": vocab.txt alone; of ROBERTA one of UNIGRAM
    vocab_words: int = 70  # words besides the alphabet
    lowercase: bool = True
    strip_accents: bool | None = None
    chinese_chars: bool = True
    truncation_side: str = "right"
    added_tokens: tuple[dict, ...] = ()  # as in tokenizer.json, without id
    first_special: int = 0  # unused tokens in front of [UNK], as in BERT's own vocabulary

    @property
    def positions(self) -> int:
        """Those that a token can have: RoBERTa's begin behind pad_token_id, which is 1."""
        return self.max_positions - 2 * (self.family in ROBERTA)

    @property
    def max_length(self) -> int:
        limit = self.model_max_length
        return int(self.positions if limit is None else min(limit, self.positions))


def read_texts() -> list[dict]:
    """[{query, documents}], written for this repository."""
    return [json.loads(line) for line in (HERE / "texts.jsonl").open(encoding="utf-8")]


def read_odd_texts() -> list[str]:
    return [json.loads(line)["text"] for line in (HERE / "odd_texts.jsonl").open(encoding="utf-8")]


def make_vocab(spec: Spec) -> list[str]:
    """[PAD], unused tokens, the other specials, an alphabet, then the texts' commonest pieces."""
    # Pieces come from the real uncased vocabulary where it applies, so that words split into
    # continuation pieces; a cased vocabulary is made of the texts' own words.
    real = Tokenizer.from_file(str(TEMPLATE_TOKENIZER))
    cased = normalizers.BertNormalizer(lowercase=False, strip_accents=bool(spec.strip_accents))
    split = pre_tokenizers.BertPreTokenizer()
    counts: dict[str, int] = {}
    alphabet = {chr(c) for c in range(33, 127)}
    alphabet |= set("äöüßéèàçñîœ°½–—’“”…。、,你好世界東京がのлоиа")
    for text in [t for row in read_texts() for t in [row["query"], *row["documents"]]]:
        if spec.lowercase:
            pieces = real.encode(text, add_special_tokens=False).tokens
        else:
            pieces = [w for w, _ in split.pre_tokenize_str(cased.normalize_str(text))]
        for piece in pieces:
            if len(piece) > 1 and piece not in SPECIALS:
                counts[piece] = counts.get(piece, 0) + 1
    if spec.lowercase:
        alphabet = {c for c in alphabet if c == c.lower()}
    words = sorted(counts, key=lambda w: (-counts[w], w))[: spec.vocab_words]
    letters = sorted(c for c in alphabet if c.isalnum())
    tokens = ["[PAD]", *(f"[unused{i}]" for i in range(spec.first_special)), *SPECIALS[1:]]
    tokens += sorted(alphabet) + ["##" + c for c in letters] + words
    return list(dict.fromkeys(tokens))


def small_charsmap() -> bytes:
    """What nmt_nfkc does to the characters of the texts, or nearly."""
    texts = [t for row in read_texts() for t in [row["query"], *row["documents"]]]
    rules = {}
    for c in sorted(set("".join(texts + read_odd_texts()))):
        to = " " if c.isspace() else unicodedata.normalize("NFKC", c)
        if unicodedata.category(c) in ("Cc", "Cf") and not c.isspace():
            to = ""
        if to != c and c != "\0":
            rules[c] = to
    for c in "éèàüöñ":
        rules[unicodedata.normalize("NFD", c)] = c
    return unigram.write_charsmap(rules)


def make_pieces(spec: Spec) -> list[tuple[str, float]]:
    """An alphabet, the texts' commonest words and word parts, scored by their frequency."""
    counts: dict[str, int] = {}
    for text in [t for row in read_texts() for t in [row["query"], *row["documents"]]]:
        for word in text.split():
            for piece in ["\u2581" + word, *(word[i : i + 3] for i in range(len(word) - 2))]:
                counts[piece] = counts.get(piece, 0) + 1
    chosen = sorted(counts, key=lambda p: (-counts[p] * len(p), p))[: spec.vocab_words]
    total = sum(counts.values())
    scores = {piece: math.log(counts[piece] / total) for piece in chosen}
    letters = [chr(c) for c in range(33, 127)] + list("\u2581äöüßéèàçñ你好世界東京のлоиа")
    return [*scores.items(), *((c, -9 - i / 7) for i, c in enumerate(letters) if c not in scores)]


def write_unigram_tokenizer(spec: Spec, folder: pathlib.Path) -> int:
    charsmap = small_charsmap()
    pre = unigram.precompiled(charsmap)
    normalizers_of = {
        "xlmr": pre,
        "squeezed": unigram.sequence("normalizers", pre, unigram.replace(" ")),
        "stripped": unigram.sequence(
            "normalizers", pre, unigram.strip(False, True), unigram.replace("\u2581")
        ),
    }
    data = unigram.tokenizer_json(
        make_pieces(spec), charsmap, normalizer=normalizers_of[spec.tokenizer]
    )
    if spec.tokenizer != "xlmr":
        data["pre_tokenizer"] = unigram.metaspace()
    size = len(data["model"]["vocab"])
    data["added_tokens"] += [{"id": size + i, **a} for i, a in enumerate(spec.added_tokens)]
    write_json(folder / "tokenizer.json", data)
    config = {
        "added_tokens_decoder": {
            str(t["id"]): {k: v for k, v in t.items() if k != "id"} for t in data["added_tokens"]
        },
        "bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>",
        "pad_token": "<pad>", "unk_token": "<unk>",
        "mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": True,
                       "rstrip": False, "normalized": False, "single_word": False},
        "model_max_length": int(spec.model_max_length),
        "tokenizer_class": (
            "XLMRobertaTokenizer" if spec.tokenizer == "xlmr" else "PreTrainedTokenizerFast"
        ),
    }  # fmt: skip
    if spec.truncation_side != "right":
        config["truncation_side"] = spec.truncation_side
    if spec.tokenizer != "xlmr":
        config["model_input_names"] = ["input_ids", "attention_mask"]
    write_json(folder / "tokenizer_config.json", config)
    return size + len(spec.added_tokens)


def write_tokenizer(spec: Spec, folder: pathlib.Path) -> int:
    """Writes the tokenizer's files; returns 1 + the largest id."""
    if spec.family in ROBERTA:
        return write_unigram_tokenizer(spec, folder)
    tokens = make_vocab(spec)
    ids = {token: i for i, token in enumerate(tokens)}
    added = [{"id": len(tokens) + i, **a} for i, a in enumerate(spec.added_tokens)]
    if spec.tokenizer == "json":
        data = json.loads(TEMPLATE_TOKENIZER.read_text(encoding="utf-8"))
        data["model"]["vocab"] = ids
        data["normalizer"].update(
            lowercase=spec.lowercase,
            strip_accents=spec.strip_accents,
            handle_chinese_chars=spec.chinese_chars,
        )
        for token in data["added_tokens"]:
            token["id"] = ids[token["content"]]
        data["added_tokens"].sort(key=lambda token: token["id"])
        data["added_tokens"] += added
        for token in data["post_processor"]["special_tokens"].values():
            token["ids"] = [ids[token["id"]]]
        write_json(folder / "tokenizer.json", data)
    else:
        (folder / "vocab.txt").write_text("".join(t + "\n" for t in tokens), encoding="utf-8")
    special = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    decoder = {str(ids[t]): {"content": t, **special, "special": True} for t in SPECIALS}
    decoder |= {str(a["id"]): {k: v for k, v in a.items() if k != "id"} for a in added}
    config = {
        # What transformers 5 saves says nothing of added tokens; tokenizer.json has them.
        **({} if spec.saved_activation else {"added_tokens_decoder": decoder}),
        "cls_token": "[CLS]",
        "do_lower_case": spec.lowercase,
        "mask_token": "[MASK]",
        "pad_token": "[PAD]",
        "sep_token": "[SEP]",
        "strip_accents": spec.strip_accents,
        "tokenize_chinese_chars": spec.chinese_chars,
        "tokenizer_class": "BertTokenizer" if spec.family == "bert" else "ElectraTokenizer",
        "unk_token": "[UNK]",
    }
    if spec.model_max_length is not None:
        # 10^30 is what transformers itself writes for "no limit".
        config["model_max_length"] = int(spec.model_max_length)
    if spec.truncation_side != "right":
        config["truncation_side"] = spec.truncation_side
    if spec.type_vocab == 1:
        # The reference would look up type 1 in a table of one row; such models say so here.
        config["model_input_names"] = ["input_ids", "attention_mask"]
    write_json(folder / "tokenizer_config.json", config)
    return len(tokens) + len(added)


def make_config(spec: Spec, vocab_size: int) -> dict:
    config = {
        "architectures": [ARCHITECTURES[spec.family] + "ForSequenceClassification"],
        "attention_probs_dropout_prob": 0.1,
        "hidden_dropout_prob": 0.1,
        "hidden_size": spec.hidden,
        "intermediate_size": spec.intermediate,
        "max_position_embeddings": spec.max_positions,
        "model_type": spec.family,
        "num_attention_heads": spec.heads,
        "num_hidden_layers": spec.layers,
        "pad_token_id": 1 if spec.family in ROBERTA else 0,
        "position_embedding_type": "absolute",
        "torch_dtype": {"F16": "float16", "BF16": "bfloat16"}.get(spec.dtype, "float32"),
        "type_vocab_size": spec.type_vocab,
        "vocab_size": vocab_size,
    }
    if spec.activation is not None:
        config["hidden_act"] = spec.activation
    if spec.eps is not None:
        config["layer_norm_eps"] = spec.eps
    if spec.family == "electra":
        config["embedding_size"] = spec.embedding or spec.hidden
    if spec.label_key == "id2label":
        config["id2label"] = {str(i): f"LABEL_{i}" for i in range(spec.labels)}
        config["label2id"] = {f"LABEL_{i}": i for i in range(spec.labels)}
    elif spec.label_key == "num_labels":
        config["num_labels"] = spec.labels
    else:
        assert spec.labels == 2, "a config that says nothing means two labels"
    if spec.score_activation is not None:
        key, path = spec.score_activation
        if key == "sentence_transformers":
            config[key] = {"activation_fn": path}
        else:
            config["sbert_ce_default_activation_function"] = path
    return config


def write_saved_files(spec: Spec, folder: pathlib.Path) -> None:
    """What sentence-transformers 6 saves beside the model; its activation outranks config.json."""
    module = {"idx": 0, "name": "0", "path": "",
              "type": "sentence_transformers.base.modules.transformer.Transformer"}  # fmt: skip
    write_json(folder / "modules.json", [module])
    write_json(folder / "config_sentence_transformers.json", {
        "__version__": {"sentence_transformers": "6.2.0"},
        "activation_fn": spec.saved_activation,
        "default_prompt_name": None, "model_type": "CrossEncoder", "prompts": {},
    })  # fmt: skip
    method = {"method": "forward", "method_output_name": "logits"}
    write_json(folder / "sentence_bert_config.json", {
        "transformer_task": "sequence-classification", "modality_config": {"text": method},
        "module_output_name": "scores",
    })  # fmt: skip


def random_tensors(model: torch.nn.Module, spec: Spec) -> dict[str, torch.Tensor]:
    """Float64 weights under transformers' own names, not yet rounded to the file's types."""
    # Weights straight from initialisation (std 0.02) make every text score nearly the same, which
    # hides errors. Here a matrix keeps the size of what passes through it (std = gain / sqrt(K)),
    # and queries and keys get a gain that makes attention pick words instead of averaging.
    generator = torch.Generator().manual_seed(spec.seed)
    tensors = {}
    for name, parameter in model.named_parameters():
        x = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        if "LayerNorm.weight" in name:
            x = 1 + 0.25 * x.clamp(-3, 3)
        elif "LayerNorm.bias" in name or name.endswith(".bias"):
            x = 0.2 * x
        elif "word_embeddings" in name:
            x = 1.0 * x
        elif "_embeddings" in name:
            x = 0.5 * x
        elif ".query." in name or ".key." in name:
            x = 1.4 * x / parameter.shape[1] ** 0.5
        else:
            x = 1.2 * x / parameter.shape[1] ** 0.5
        tensors[name] = x
    return tensors


def file_dtype(spec: Spec, tensor: torch.Tensor) -> torch.dtype:
    if spec.dtype == "mixed":
        return torch.float16 if tensor.dim() == 2 else torch.float32
    return DTYPES[spec.dtype]


def calibrate(model, spec: Spec, tensors: dict, tokenized: list[dict]) -> None:
    """Scales the last layer so that the logits of `tokenized` have a spread of about 3."""
    last = "classifier" if spec.family == "bert" else "classifier.out_proj"
    rounded = {n: t.to(file_dtype(spec, t)).double() for n, t in tensors.items()}
    model = model.double().eval()
    model.load_state_dict(rounded, strict=False)
    with torch.inference_mode():
        logits = torch.cat([model(**features).logits for features in tokenized])
    spread = logits.std(dim=0)
    # Texts that score alike whatever the weights would need a huge factor, and rounding errors
    # would grow with it. That is a bad model, not a hard test.
    if not (spread > 1e-2).all():
        raise BadlyConditioned(f"{spec.name}: logits hardly differ: {spread.tolist()}")
    tensors[last + ".weight"] *= (3.0 / spread)[:, None]
    tensors[last + ".bias"] -= (logits.mean(dim=0) - tensors[last + ".bias"]) * (3.0 / spread)


def model_prefix(spec: Spec) -> str:
    return "roberta." if spec.family in ROBERTA else spec.family + "."


def file_tensors(spec: Spec, tensors: dict) -> dict[str, torch.Tensor]:
    """The tensors as the file spells them."""
    out = {}
    for name, tensor in tensors.items():
        stored = tensor.to(file_dtype(spec, tensor)).contiguous()
        if not spec.prefix:
            name = name.removeprefix(model_prefix(spec))
        if spec.gamma_beta:
            name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
            name = name.replace("LayerNorm.bias", "LayerNorm.beta")
        out[name] = stored
    prefix = model_prefix(spec) if spec.prefix else ""
    if spec.position_ids:
        out[prefix + "embeddings.position_ids"] = torch.arange(spec.max_positions)[None, :]
    if spec.extra_tensors:
        out["cls.predictions.bias"] = torch.full((7,), float("nan"))
        out["cls.seq_relationship.weight"] = torch.ones(2, 3, dtype=torch.int8)
    return out


def write_weights(spec: Spec, tensors: dict, folder: pathlib.Path) -> None:
    stored = file_tensors(spec, tensors)
    metadata = {"format": "pt"}
    if spec.shards == 1:
        save_file(stored, folder / "model.safetensors", metadata)
        return
    names = list(stored)
    weight_map = {}
    for shard in range(spec.shards):
        file = f"model-{shard + 1:05d}-of-{spec.shards:05d}.safetensors"
        part = {n: stored[n] for n in names[shard :: spec.shards]}
        save_file(part, folder / file, metadata)
        weight_map |= dict.fromkeys(part, file)
    size = sum(t.numel() * t.element_size() for t in stored.values())
    index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(weight_map.items()))}
    write_json(folder / "model.safetensors.index.json", index)


def write_json(path: pathlib.Path, value) -> None:
    indent = None if path.name == "tokenizer.json" else 1  # small files, readable where it helps
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    path.write_text(text + "\n", encoding="utf-8")


def write_model(spec: Spec, folder: pathlib.Path, pairs: list[tuple[str, str]]) -> None:
    """Writes a whole model folder. `pairs` are the texts whose logits are spread."""
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

    folder.mkdir(parents=True)
    config = make_config(spec, write_tokenizer(spec, folder))
    write_json(folder / "config.json", config)
    if spec.saved_activation is not None:
        write_saved_files(spec, folder)
    model = AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(folder))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenized = [
        tokenizer(q, d, truncation=True, max_length=spec.max_length, return_tensors="pt")
        for q, d in pairs
    ]
    tensors = random_tensors(model, spec)
    calibrate(model, spec, tensors, tokenized)
    write_weights(spec, tensors, folder)
