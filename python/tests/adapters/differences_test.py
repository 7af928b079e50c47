"""The tables of docs/python.md against sentence-transformers: each argument has a row, and what a
row calls a difference is one. What is the same is sentence_transformers_test.py's.

Every test calls both. One that fails because the reference changed means: change the row.
"""

import inspect
import json
import os
import re
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"  # every model is a folder

import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from conftest import ROOT, golden, pairs  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from sentence_transformers import CrossEncoder as Reference  # noqa: E402

import crossrank  # noqa: E402

FOLDER = golden("scores_identity")
PAIRS = pairs(4)
FLOAT32 = {"device": "cpu", "model_kwargs": {"dtype": torch.float32}}


@pytest.fixture(scope="module")
def reference():
    return Reference(FOLDER, **FLOAT32)


def quietly(call, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(*arguments, **options)


def close(ours, expected):
    np.testing.assert_allclose(np.asarray(ours), np.asarray(expected), rtol=1e-4, atol=1e-4)


def outcome(call, *arguments, **options):
    """What a call gives, or the exception."""
    try:
        return quietly(call, *arguments, **options)
    except Exception as error:
        return error


# -- No argument is missing.


def rows(title):
    """The arguments that a table names in its first column."""
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    section = page.split(f"\n### {title}\n")[1].split("\n#")[0]
    first = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [name.lstrip("*") for cell in first for name in re.findall(r"`([\w*]+)`", cell)]


@pytest.mark.parametrize(
    "title, method, decorator",
    [
        ("The constructor", "__init__", "cross_encoder_init_args_decorator"),
        ("predict", "predict", "cross_encoder_predict_rank_args_decorator"),
        ("rank", "rank", "cross_encoder_predict_rank_args_decorator"),
    ],
)
def test_every_argument_has_a_row(title, method, decorator):
    from sentence_transformers.util import decorators

    function = inspect.unwrap(getattr(Reference, method))
    today = set(inspect.signature(function).parameters) - {"self"}
    # The decorator's documentation lists the old names: * ``old`` -> ``new``.
    lines = inspect.getdoc(getattr(decorators, decorator)).splitlines()
    old = {
        name
        for line in lines
        if line.startswith("* ")
        for name in re.findall(r"``(\w+)``", line.partition("->")[0])
    }
    assert len(old) >= 6
    if method == "rank":
        old.remove("sentences")  # it has no `inputs`
    listed = rows(title)
    assert len(listed) == len(set(listed)) and set(listed) == today | old


def test_attributes(reference, tiny):
    for name in ("num_labels", "max_seq_length", "max_length", "prompts"):
        assert quietly(getattr, tiny, name) == quietly(getattr, reference, name)
    assert tiny.device == str(reference.device) == "cpu"
    assert tiny.activation_fn is None and isinstance(reference.activation_fn, torch.nn.Identity)
    assert reference.eval() is reference.to("cpu") is reference
    assert tiny.eval() is tiny.to("cpu") is tiny
    for name in (
        "fit save_pretrained push_to_hub half compile tokenizer model config "
        "start_multi_process_pool evaluate"
    ).split():
        assert hasattr(reference, name) and not hasattr(tiny, name)


# -- The constructor.


@pytest.mark.parametrize(
    "options, there",
    [
        ({"modules": [torch.nn.Identity()]}, None),
        ({"device": "cuda"}, AssertionError),
        ({"backend": "tensorrt"}, ValueError),
        ({"num_labels": 2}, RuntimeError),
        ({"model_kwargs": {"dtype": torch.bfloat16}}, None),
        ({"model_kwargs": {"file_name": "model.onnx"}}, None),
        ({"processor_kwargs": {"truncation_side": "left"}}, None),
        ({"config_kwargs": {"num_hidden_layers": 1}}, None),
        ({"max_length": 2}, None),
    ],
    ids=str,
)
def test_what_the_constructor_refuses(options, there):
    with pytest.raises(crossrank.InvalidArgumentError):
        crossrank.CrossEncoder(FOLDER, **options)
    found = outcome(Reference, FOLDER, **{"device": "cpu", **options})
    if there and torch.cuda.is_available() is False:
        assert isinstance(found, there)


@pytest.mark.parametrize(
    "options",
    [
        {"trust_remote_code": True},
        {"model_card_data": None},
        {"keep_in_fp32_modules": ["0.model.classifier"]},
        {"model_kwargs": {"dtype": torch.float32, "attn_implementation": "eager"}},
        {"model_kwargs": {"dtype": torch.float32, "low_cpu_mem_usage": True}},
        {"model_kwargs": {"dtype": torch.float32, "use_safetensors": True}},
        {"processor_kwargs": {"use_fast": True}},
        {"processor_kwargs": {"padding": True}},
        {"config_kwargs": {"classifier_dropout": 0.5}},
        {"classifier_dropout": 0.5},
        {"automodel_args": {"torch_dtype": torch.float32}, "model_kwargs": None},
        {"tokenizer_args": {"model_max_length": 20}},
        {"config_args": {"num_labels": 1}},
        {"cache_dir": "/nonexistent"},
    ],
    ids=str,
)
def test_what_has_no_effect_on_scores(options):
    both = {k: v for k, v in {**FLOAT32, **options}.items() if v is not None}
    close(
        quietly(crossrank.CrossEncoder, FOLDER, **both).predict(PAIRS),
        quietly(Reference, FOLDER, **both).predict(PAIRS),
    )


def test_old_names_warn(reference):
    for options in ({"cache_dir": None}, {"tokenizer_args": None}, {"classifier_dropout": 0.1}):
        with pytest.warns(DeprecationWarning):
            crossrank.CrossEncoder(FOLDER, **options)


def test_backends_are_ignored():
    for backend in ("onnx", "openvino"):
        crossrank.CrossEncoder(FOLDER, backend=backend)


def test_the_type_of_the_file():
    """There, "auto" and no dtype compute in half precision where the file is float16."""
    exact = crossrank.CrossEncoder(FOLDER).predict(PAIRS)
    for options in ({}, {"model_kwargs": {"dtype": "auto"}}):
        half = Reference(FOLDER, device="cpu", **options)
        assert next(half.model.parameters()).dtype == torch.float16
        assert 1e-4 < abs(half.predict(PAIRS) - exact).max() < 0.1
        np.testing.assert_array_equal(
            crossrank.CrossEncoder(FOLDER, **options).predict(PAIRS), exact
        )


def test_padding_on_the_left_moves_scores_there():
    options = {"processor_kwargs": {"padding_side": "left"}}
    with pytest.raises(ValueError, match="padding_side"):
        crossrank.CrossEncoder(FOLDER, **options)
    ours = crossrank.CrossEncoder(FOLDER).predict(PAIRS)
    there = Reference(FOLDER, **FLOAT32, **options)
    assert abs(there.predict(PAIRS) - ours).max() > 0.1
    close(ours, [there.predict(pair) for pair in PAIRS])  # alone, a pair has no padding


def test_the_default_model(monkeypatch):
    assert isinstance(outcome(Reference), AttributeError)
    monkeypatch.setenv("CROSSRANK_MODEL", FOLDER)
    assert crossrank.CrossEncoder().num_labels == 1


def test_more_tokens_than_positions(tiny):
    long = [("a", "moon river stone " * 100)]
    options = {"max_length": 10_000}
    close(crossrank.CrossEncoder(FOLDER, **options).predict(long), tiny.predict(long))
    assert isinstance(outcome(Reference(FOLDER, **FLOAT32, **options).predict, long), RuntimeError)


def test_activations_by_name(tiny, reference):
    close(
        tiny.predict(PAIRS, activation_fn="sigmoid"),
        reference.predict(PAIRS, activation_fn=torch.nn.Sigmoid()),
    )
    assert isinstance(outcome(reference.predict, PAIRS, activation_fn="sigmoid"), TypeError)


def copy_with(folder, config=None, weights=None):
    """The model with a changed config.json and changed weights."""
    source = ROOT / "tests/golden/data/models/scores_identity"
    for file in source.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    if config:
        known = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**known, **config}))
    if weights:
        tensors = load_file(folder / "model.safetensors")
        weights(tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)


def test_an_activation_that_was_saved(tmp_path):
    name = {"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Softplus"}}
    folder = copy_with(tmp_path, config=name)
    assert isinstance(Reference(folder, **FLOAT32).activation_fn, torch.nn.Softplus)
    with pytest.raises(crossrank.ModelError, match="Softplus"):
        crossrank.CrossEncoder(folder)


def test_no_activation_that_was_saved(tmp_path):
    """docs/migration.md: sigmoid then, and "identity" gives the logit."""
    folder = copy_with(tmp_path, config={"sentence_transformers": {}})
    ours, there = crossrank.CrossEncoder(folder), Reference(folder, **FLOAT32)
    assert isinstance(there.activation_fn, torch.nn.Sigmoid)
    close(ours.predict(PAIRS), there.predict(PAIRS))
    close(
        ours.predict(PAIRS, activation_fn="identity"),
        there.predict(PAIRS, activation_fn=torch.nn.Identity()),
    )


def test_a_sixth_position():
    arguments = (FOLDER, 1, 20, torch.nn.Sigmoid(), "cpu", "dropped")
    assert quietly(Reference, *arguments).max_seq_length == 20
    with pytest.raises(TypeError, match="at most 5"):
        quietly(crossrank.CrossEncoder, *arguments)


# -- predict and rank.


def test_positions(tiny, reference):
    close(tiny.predict(PAIRS, 2), reference.predict(PAIRS, batch_size=2))
    assert isinstance(outcome(reference.predict, PAIRS, 2), ValueError)  # a prompt's name
    with pytest.raises(TypeError, match="keyword"):
        tiny.predict(PAIRS, "query")
    documents = [document for _, document in PAIRS]
    assert len(tiny.rank("q", documents, 2, True, 1)) == 2
    assert isinstance(outcome(reference.rank, "q", documents, 2, True, 1), ValueError)


def test_inputs_that_are_refused(tiny, reference):
    assert isinstance(reference.predict("text"), np.float32)  # is scored there
    for inputs in ("text", [{"text": "a"}], [("a", {"text": "b"})], {("a", "b")}):
        with pytest.raises(crossrank.InputTypeError):
            tiny.predict(inputs)


def test_wrong_types_are_value_errors(tiny, reference):
    for inputs in ([("a", None)], [("a",)], (pair for pair in PAIRS)):
        for model in (tiny, reference):
            with pytest.raises(ValueError):
                model.predict(inputs)


def test_lists_are_of_floats(tiny, reference):
    assert all(type(x) is float for x in tiny.predict(PAIRS, convert_to_numpy=False))
    assert all(torch.is_tensor(x) for x in reference.predict(PAIRS, convert_to_numpy=False))


def test_batches_there(tiny):
    options = [{"batch_size": size} for size in (1, 3, 32)]
    assert len({tiny.predict(pairs(40), **o).tobytes() for o in options}) == 1


@pytest.mark.parametrize(
    "options",
    [{"device": "cuda"}, {"pool": {}}, {"processing_kwargs": {"text": {"truncation": False}}}],
    ids=str,
)
def test_what_predict_refuses(tiny, options):
    with pytest.raises(crossrank.InvalidArgumentError):
        tiny.predict(PAIRS, **options)


def test_unknown_arguments(tiny, reference):
    close(reference.predict(PAIRS, surprise=1), reference.predict(PAIRS))
    with pytest.raises(TypeError, match="surprise"):
        tiny.predict(PAIRS, surprise=1)


def test_max_length_of_a_call(tiny, reference):
    close(tiny.predict(pairs(9), max_length=9), reference.predict(pairs(9), max_length=9))
    assert abs(reference.predict(pairs(9), max_length=9) - reference.predict(pairs(9))).max() > 0.1


def test_arguments_of_ours_alone(reference):
    """They do nothing there; what they do here is predict_test.py's."""
    for options in ({"truncation": "error"}, {"max_chars": 3}):
        close(reference.predict(PAIRS, **options), reference.predict(PAIRS))


def test_lone_surrogates(tiny, reference):
    assert isinstance(outcome(reference.predict, [("a\ud800", "b")]), TypeError)
    assert tiny.predict([("a\ud800", "b")]) == tiny.predict([("a\ufffd", "b")])


def test_top_k(tiny, reference):
    documents = ["a", "b c", "d e f"]
    assert len(reference.rank("q", documents, top_k=0)) == 0
    assert len(tiny.rank("q", documents, top_k=0)) == 3
    assert len(reference.rank("q", documents, top_k=-1)) == 2
    with pytest.raises(ValueError, match="top_k"):
        tiny.rank("q", documents, top_k=-1)


def test_one_text_as_documents(tiny, reference):
    assert len(reference.rank("q", "abc")) == 3
    with pytest.raises(crossrank.InputTypeError):
        tiny.rank("q", "abc")
    documents = {"a": 1, "b": 2}.keys()
    assert [e["corpus_id"] for e in tiny.rank("q", documents)] == [
        e["corpus_id"] for e in reference.rank("q", documents)
    ]


def test_scores_that_tie_in_float32(tmp_path):
    """Logits of 20 and more have the sigmoid 1.0: there is no order left in the scores."""

    def steeper(tensors):
        tensors["classifier.weight"] *= 10
        tensors["classifier.bias"] = tensors["classifier.bias"] * 10 + 10

    folder = copy_with(tmp_path, weights=steeper)
    there, ours = Reference(folder, **FLOAT32), crossrank.CrossEncoder(folder)
    documents = [f"word{i} moon river" for i in range(12)]
    logits = there.predict([("q", document) for document in documents])
    assert logits.min() > 20 and len(set(logits.tolist())) == 12
    by_logit = list(np.argsort(-logits))
    sigmoid = torch.nn.Sigmoid()
    found = [e["corpus_id"] for e in ours.rank("q", documents, activation_fn=sigmoid)]
    assert found == by_logit
    found = [e["corpus_id"] for e in there.rank("q", documents, activation_fn=sigmoid)]
    assert found == list(range(12)) != by_logit
