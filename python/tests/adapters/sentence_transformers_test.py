"""The same calls through sentence-transformers and crossrank on the same folders: values, types,
shapes, exceptions. What may differ is in DIFFERENCES, and in docs/python.md."""

import json
import os
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"  # every model is a folder

import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from conftest import ROOT, golden  # noqa: E402
from sentence_transformers import CrossEncoder as Reference  # noqa: E402

import crossrank  # noqa: E402

GROUPS = [json.loads(line) for line in (ROOT / "tests/golden/texts.jsonl").open(encoding="utf-8")]
PAIRS = [(group["query"], text) for group in GROUPS for text in group["documents"]][:40]
TEXTS = [text for _, text in PAIRS]
BLANK = [("", ""), ("", "a"), ("a", ""), ("  ", "\t\n"), ("a", "b")]
LONG = [
    ("short query", "many words " * 600),
    ("long query " * 400, "doc"),
    ("a " * 600, "b " * 600),
]
ONE_LABEL = [
    "scores_identity", "scores_saved", "scores_legacy", "scores_tanh", "electra", "cased",
    "limit_17", "truncate_left", "no_prefix", "vocab_txt",
]  # fmt: skip
LABELS = ["labels3", "scores_sigmoid3", "labels5_by_number", "keys_absent"]


def softplus_like(scores):
    return scores.abs() + 1


PREDICTS = {
    "pairs": lambda m: m.predict(PAIRS),
    "lists": lambda m: m.predict([list(pair) for pair in PAIRS[:5]]),
    "tuple of tuples": lambda m: m.predict(tuple(PAIRS[:5])),
    "one pair": lambda m: m.predict(PAIRS[0]),
    "one pair as a list": lambda m: m.predict(list(PAIRS[1])),
    "numpy pairs": lambda m: m.predict(np.array(PAIRS[:5])),
    "numpy objects": lambda m: m.predict(np.array(PAIRS[:5], dtype=object)),
    "one numpy pair": lambda m: m.predict(np.array(PAIRS[0])),
    "blank texts": lambda m: m.predict(BLANK),
    "long texts": lambda m: m.predict(LONG),
    "empty list": lambda m: m.predict([]),
    "empty tuple": lambda m: m.predict(()),
    "empty numpy": lambda m: m.predict(np.array([], dtype=str)),
    "batches of 1": lambda m: m.predict(PAIRS[:6], batch_size=1),
    "batches of 5": lambda m: m.predict(PAIRS, batch_size=5),
    "Sigmoid": lambda m: m.predict(PAIRS, activation_fn=torch.nn.Sigmoid()),
    "Identity": lambda m: m.predict(PAIRS, activation_fn=torch.nn.Identity()),
    "Tanh": lambda m: m.predict(PAIRS, activation_fn=torch.nn.Tanh()),
    "Softmax": lambda m: m.predict(PAIRS, activation_fn=torch.nn.Softmax(dim=-1)),
    "torch.sigmoid": lambda m: m.predict(PAIRS, activation_fn=torch.sigmoid),
    "a function": lambda m: m.predict(PAIRS, activation_fn=softplus_like),
    "apply_softmax": lambda m: m.predict(PAIRS, apply_softmax=True),
    "softmax of sigmoid": lambda m: m.predict(
        PAIRS, apply_softmax=True, activation_fn=torch.nn.Sigmoid()
    ),
    "tensor": lambda m: m.predict(PAIRS, convert_to_tensor=True),
    "tensor first": lambda m: m.predict(PAIRS, convert_to_tensor=True, convert_to_numpy=True),
    "tensor of one": lambda m: m.predict(PAIRS[0], convert_to_tensor=True),
    "empty tensor": lambda m: m.predict([], convert_to_tensor=True),
    "list": lambda m: m.predict(PAIRS, convert_to_numpy=False),
    "list of one": lambda m: m.predict(PAIRS[0], convert_to_numpy=False),
    "empty list out": lambda m: m.predict([], convert_to_numpy=False),
    "sentences": lambda m: m.predict(sentences=PAIRS[:3]),
    "activation_fct": lambda m: m.predict(PAIRS[:3], activation_fct=torch.nn.Sigmoid()),
    "num_workers": lambda m: m.predict(PAIRS[:3], num_workers=2),
    "show_progress_bar": lambda m: m.predict(PAIRS[:3], show_progress_bar=False),
    "cpu": lambda m: m.predict(PAIRS[:3], device="cpu"),
    "prompt": lambda m: m.predict(PAIRS[:3], prompt="search: "),
    "no prompt": lambda m: m.predict(PAIRS[:3], prompt=""),
    "max_length of a call": lambda m: m.predict(
        PAIRS[:3], processing_kwargs={"text": {"max_length": 9, "truncation": True}}
    ),
}
RANKS = {
    "rank": lambda m: m.rank(PAIRS[0][0], TEXTS[:15]),
    "top_k": lambda m: m.rank(PAIRS[1][0], TEXTS[:15], top_k=4),
    "top_k by position": lambda m: m.rank(PAIRS[1][0], TEXTS[:15], 4, True),
    "large top_k": lambda m: m.rank(PAIRS[1][0], TEXTS[:5], top_k=100),
    "return_documents": lambda m: m.rank(PAIRS[2][0], TEXTS[:9], return_documents=True),
    "tuple": lambda m: m.rank(PAIRS[2][0], tuple(TEXTS[:9])),
    "no documents": lambda m: m.rank(PAIRS[2][0], []),
    "rank with a prompt": lambda m: m.rank(PAIRS[2][0], TEXTS[:9], prompt="find: "),
    "rank in batches": lambda m: m.rank(PAIRS[2][0], TEXTS[:9], batch_size=2),
    "rank with a function": lambda m: m.rank(PAIRS[2][0], TEXTS[:9], activation_fn=softplus_like),
    "rank without effect": lambda m: m.rank(
        PAIRS[2][0], TEXTS[:9], convert_to_tensor=True, apply_softmax=True, num_workers=1
    ),
}
ERRORS = {
    "None": lambda m: m.predict(None),
    "a number": lambda m: m.predict(3),
    "a dict": lambda m: m.predict({"query": "a"}),
    "numbers": lambda m: m.predict(np.array([1.0, 2.0])),
    "a generator": lambda m: m.predict(pair for pair in PAIRS),
    "pairs of one": lambda m: m.predict([("a",)]),
    "pairs of three": lambda m: m.predict([("a", "b", "c")]),
    "three texts": lambda m: m.predict(["a", "b", "c"]),
    "no text": lambda m: m.predict([("a", None)]),
    "bytes": lambda m: m.predict([(b"a", "b")]),
    "empty pair": lambda m: m.predict([[]]),
    "nothing": lambda m: m.predict(),
    "batch_size 0": lambda m: m.predict(PAIRS, batch_size=0),
    "batch_size -3": lambda m: m.predict(PAIRS, batch_size=-3),
    "batch_size 2.5": lambda m: m.predict(PAIRS, batch_size=2.5),
    "batch_size text": lambda m: m.predict(PAIRS, batch_size="4"),
    "unknown prompt": lambda m: m.predict(PAIRS, prompt_name="nobody"),
    "an activation that is none": lambda m: m.predict(PAIRS, activation_fn=7),
    "a class as activation": lambda m: m.predict(PAIRS, activation_fn=torch.nn.Sigmoid),
    "rank without documents": lambda m: m.rank("a"),
    "rank of no texts": lambda m: m.rank("a", [None]),
    "rank of no query": lambda m: m.rank(None, ["a"]),
    "rank of bytes": lambda m: m.rank("a", [b"b"]),
}

# INTERFACES: lists are of floats, not of tensors.
DIFFERENCES = ("list", "list of one", "empty list out")

CALLS = (
    [(model, name) for model in ONE_LABEL for name in (*PREDICTS, *RANKS)]
    + [(model, name) for model in LABELS for name in (*PREDICTS, "rank")]
    + [("scores_identity", name) for name in ERRORS]
)
assert len(CALLS) >= 200


@pytest.fixture(scope="module")
def models():
    """name -> (reference, ours), each loaded once. The reference computes in float32."""
    loaded = {}

    def get(name):
        if name not in loaded:
            reference = Reference(golden(name), device="cpu", model_kwargs={"dtype": torch.float32})
            assert next(reference.model.parameters()).dtype == torch.float32
            loaded[name] = reference, crossrank.CrossEncoder(golden(name))
        return loaded[name]

    return get


def outcome(call, model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return call(model), None
        except Exception as error:
            return None, error


def close(ours, expected):
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)


def compare(ours, expected):
    assert type(ours) is type(expected)
    if isinstance(expected, np.ndarray):
        assert ours.dtype == expected.dtype and ours.shape == expected.shape
        assert ours.flags.writeable == expected.flags.writeable
        close(ours, expected)
    elif isinstance(expected, torch.Tensor):
        assert ours.dtype == expected.dtype and ours.shape == expected.shape
        close(ours.numpy(), expected.numpy())
    elif isinstance(expected, list):
        assert [list(entry) for entry in ours] == [list(entry) for entry in expected]  # keys
        assert [e["corpus_id"] for e in ours] == [e["corpus_id"] for e in expected]
        assert all(type(entry["score"]) is float for entry in ours)
        close([e["score"] for e in ours], [e["score"] for e in expected])
        assert [e.get("text") for e in ours] == [e.get("text") for e in expected]
    else:
        close(ours, expected)


@pytest.mark.parametrize("model, name", CALLS, ids=[f"{m}-{n}" for m, n in CALLS])
def test_the_same_call(models, model, name):
    reference, ours = models(model)
    call = {**PREDICTS, **RANKS, **ERRORS}[name]
    expected, expected_error = outcome(call, reference)
    found, error = outcome(call, ours)
    if expected_error is not None:
        assert error is not None, f"{expected_error!r} there, {found!r} here"
        assert isinstance(error, type(expected_error)), f"{expected_error!r} there, {error!r} here"
        return
    assert error is None, repr(error)
    if name in DIFFERENCES:
        assert isinstance(found, (float, list))
        close(found, torch.stack(expected) if isinstance(expected, list) and expected else expected)
    else:
        compare(found, expected)


@pytest.mark.parametrize("model", [*ONE_LABEL, *LABELS])
def test_the_same_attributes(models, model):
    reference, ours = models(model)
    assert ours.num_labels == reference.num_labels
    assert str(ours.device) == str(reference.device)
    if reference.max_seq_length < 10**6:  # a tokenizer's "no limit", where ours has the model's
        assert ours.max_seq_length == reference.max_seq_length


def test_constructor_arguments(models):
    folder = golden("scores_identity")
    for arguments in (
        {"max_length": 20},
        {"activation_fn": torch.nn.Sigmoid()},
        {"num_labels": 1},
        {"prompts": {"q": "find: "}, "default_prompt_name": "q"},
        {"tokenizer_kwargs": {"model_max_length": 20}},
        {"default_activation_function": torch.nn.Tanh()},
        {"trust_remote_code": True},
        {"local_files_only": True},
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            both = {"device": "cpu", "model_kwargs": {"dtype": torch.float32}, **arguments}
            reference, ours = Reference(folder, **both), crossrank.CrossEncoder(folder, **both)
        compare(ours.predict(PAIRS), reference.predict(PAIRS))
        compare(ours.predict(LONG), reference.predict(LONG))


def test_positional_arguments_of_old(models):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arguments = (golden("scores_identity"), 1, 20, torch.nn.Sigmoid(), "cpu")
        exact = {"model_kwargs": {"dtype": torch.float32}}
        reference = Reference(*arguments, **exact)
        compare(
            crossrank.CrossEncoder(*arguments, **exact).predict(PAIRS), reference.predict(PAIRS)
        )


def test_a_folder_that_is_none(tmp_path):
    for make in (Reference, crossrank.CrossEncoder):
        with pytest.raises(OSError):
            make(str(tmp_path / "nothing"))


def test_without_torch_imported_names_are_enough(models):
    """An activation of torch's is known by its name; this test only shows that the names agree."""
    from crossrank.activation import native_activation

    for instance in (torch.nn.Identity(), torch.nn.Sigmoid(), torch.nn.Tanh()):
        path = f"{type(instance).__module__}.{type(instance).__name__}"
        assert native_activation(instance) is native_activation(path) is not None


def test_the_builtin_model():
    folder = str(ROOT / "models/minilm-l6-crossrank")
    reference = Reference(folder, device="cpu", model_kwargs={"dtype": torch.float32})
    ours = crossrank.CrossEncoder(folder)
    compare(ours.predict(PAIRS), reference.predict(PAIRS))
    compare(ours.rank(PAIRS[0][0], TEXTS[:12]), reference.rank(PAIRS[0][0], TEXTS[:12]))
