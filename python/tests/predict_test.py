"""CrossEncoder.predict and score: values, types and shapes without the reference, which
adapters/sentence_transformers_test.py asks."""

import math
import os
import pathlib
import shutil
import warnings

import numpy as np
import pytest
from conftest import DOCUMENTS, QUERY, golden, in_child, pairs

import crossrank


def test_the_builtin_model_finds_the_answer(builtin):
    scores = builtin.predict([(QUERY, document) for document in DOCUMENTS])
    assert scores.dtype == np.float32 and scores.shape == (4,)
    assert np.argmax(scores) == 1 and scores[1] > 1 > 0 > scores[2]


@pytest.mark.parametrize("one", [("a", "b"), ["a", "b"], np.array(["a", "b"])])
def test_one_pair_is_a_scalar(tiny, one):
    score = tiny.predict(one)
    assert type(score) is np.float32
    assert score == tiny.predict([("a", "b")])[0]


def test_kinds_of_lists(tiny):
    expected = tiny.predict([("a", "b"), ("c", "d")])
    for inputs in (
        (("a", "b"), ("c", "d")),
        [["a", "b"], ("c", "d")],
        np.array([["a", "b"], ["c", "d"]]),
        np.array([["a", "b"], ["c", "d"]], dtype=object),
    ):
        np.testing.assert_array_equal(tiny.predict(inputs), expected)


@pytest.mark.parametrize("empty", [[], (), np.array([], dtype=str)])
def test_empty(tiny, empty):
    scores = tiny.predict(empty)
    assert scores.shape == (0,) and scores.dtype == np.float64  # as numpy.array([])
    assert tiny.predict(empty, convert_to_numpy=False) == []
    with pytest.raises(ValueError):
        tiny.predict(empty, batch_size=0)


def test_lists_of_floats(tiny, labels3):
    inputs = pairs(3)
    assert tiny.predict(inputs, convert_to_numpy=False) == tiny.predict(inputs).tolist()
    assert labels3.predict(inputs, convert_to_numpy=False) == labels3.predict(inputs).tolist()
    assert isinstance(tiny.predict(inputs[0], convert_to_numpy=False), float)


def test_several_labels(labels3):
    scores = labels3.predict(pairs(5))
    assert scores.shape == (5, 3) and labels3.predict(("a", "b")).shape == (3,)
    softmax = labels3.predict(pairs(5), apply_softmax=True)
    np.testing.assert_allclose(softmax.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(softmax[0], np.exp(scores[0]) / np.exp(scores[0]).sum(), rtol=1e-5)


def test_apply_softmax_does_nothing_to_one_label(tiny):
    inputs = pairs(3)
    np.testing.assert_array_equal(tiny.predict(inputs, apply_softmax=True), tiny.predict(inputs))


def test_a_pairs_score_has_the_same_bits_in_any_company(tiny):
    inputs = pairs(200)
    alone = np.array([tiny.predict(pair) for pair in inputs])
    for batch_size in (1, 7, 32, 1000):
        np.testing.assert_array_equal(tiny.predict(inputs, batch_size=batch_size), alone)
    np.testing.assert_array_equal(tiny.predict(inputs[::-1])[::-1], alone)
    one_thread = crossrank.CrossEncoder(golden("scores_identity"), threads=1)
    np.testing.assert_array_equal(one_thread.predict(inputs), alone)


def test_more_pairs_than_are_read_at_a_time(tiny):
    """The binding reads 65,536 pairs, scores them, and goes on."""
    inputs = [("a", "b"), ("c d", "e")] * 33_000
    scores = tiny.predict(inputs)
    np.testing.assert_array_equal(scores, np.tile(tiny.predict(inputs[:2]), 33_000))


def test_activations(tiny):
    inputs = pairs(6)
    logits = tiny.predict(inputs)
    sigmoid = 1 / (1 + np.exp(-logits.astype(np.float64)))
    np.testing.assert_allclose(tiny.predict(inputs, activation_fn="sigmoid"), sigmoid, rtol=1e-6)
    np.testing.assert_allclose(
        tiny.predict(inputs, activation_fn="torch.nn.modules.activation.Sigmoid"),
        sigmoid,
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        tiny.predict(inputs, activation_fn="tanh"), np.tanh(logits), rtol=1e-5
    )
    np.testing.assert_array_equal(tiny.predict(inputs, activation_fn=lambda x: x * 2), logits * 2)
    shapes = []
    tiny.predict(inputs, activation_fn=lambda x: shapes.append(x.shape) or x)
    assert shapes == [(6, 1)]
    np.testing.assert_array_equal(tiny.predict(inputs), logits)  # none of them sticks


def test_activation_of_the_object(tiny):
    with_sigmoid = crossrank.CrossEncoder(golden("scores_identity"), activation_fn="sigmoid")
    inputs = pairs(4)
    np.testing.assert_array_equal(
        with_sigmoid.predict(inputs), tiny.predict(inputs, activation_fn="sigmoid")
    )
    np.testing.assert_array_equal(
        with_sigmoid.predict(inputs, activation_fn="identity"), tiny.predict(inputs)
    )


@pytest.mark.parametrize(
    "activation, error", [("softplus", ValueError), (3, TypeError), ("", ValueError)]
)
def test_activations_that_are_none(tiny, activation, error):
    with pytest.raises(error, match="activation_fn"):
        tiny.predict(pairs(1), activation_fn=activation)
    with pytest.raises(error, match="activation_fn"):
        crossrank.CrossEncoder(golden("scores_identity"), activation_fn=activation)


@pytest.mark.parametrize(
    "function", [lambda x: x[:1], lambda x: 0.5, lambda x: np.hstack([x, x]), lambda x: x.T]
)
def test_activations_of_another_shape(tiny, function):
    with pytest.raises(crossrank.InvalidArgumentError, match="shape"):
        tiny.predict(pairs(3), activation_fn=function)
    with pytest.raises(crossrank.InvalidArgumentError, match="shape"):
        tiny.rank("q", ["a", "b", "c"], activation_fn=function)


@pytest.mark.parametrize(
    "made", ["high", [[1.0], [2.0, 3.0], [4.0]], {}, [["a"], ["b"], ["c"]]], ids=repr
)
def test_activations_that_make_no_numbers(tiny, made):
    with pytest.raises(crossrank.InvalidArgumentError, match="activation_fn made .*float"):
        tiny.predict(pairs(3), activation_fn=lambda _: made)

    def broken(logits):
        raise ValueError("of its own")

    with pytest.raises(ValueError, match="^of its own"):
        tiny.predict(pairs(3), activation_fn=broken)


@pytest.mark.parametrize(
    "inputs, words",
    [
        ("text", "of type str"),
        (None, "of type NoneType"),
        ({"query": "a"}, "of type dict"),
        ((pair for pair in pairs(1)), "of type generator"),
        (np.array([1.0, 2.0]), "of type ndarray"),
        ([("a", "b"), ("a",)], "pair 1 .* with 1 elements"),
        ([("a", "b"), ("a", "b", "c")], "pair 1 .* with 3 elements"),
        ([("a", "b"), ("a", None)], "document of pair 1 is of type NoneType"),
        ([(b"a", "b")], "query of pair 0 is of type bytes"),
        ([["a", "b"], "cd"], "pair 1 is of type str"),
        ([{"query": "a", "document": "b"}], "pair 0 is a dict"),
    ],
)
def test_inputs_that_are_no_pairs(tiny, inputs, words):
    with pytest.raises(crossrank.InputTypeError, match=words) as caught:
        tiny.predict(inputs)
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"batch_size": -1}, ValueError, "batch_size"),
        ({"batch_size": 2.5}, TypeError, "batch_size"),
        ({"batch_size": "16"}, TypeError, "batch_size"),
        ({"max_length": 2}, ValueError, "max_length"),
        ({"max_length": -5}, ValueError, "max_length"),
        ({"max_chars": -1}, ValueError, "max_chars"),
        ({"max_chars": 2**63}, ValueError, "max_chars is too large"),
        ({"max_chars": 3, "truncation": "error"}, ValueError, "of which max_chars keeps 3"),
        ({"prompt": "a\0b"}, ValueError, "NUL"),
        ({"prompt": "\ud800"}, ValueError, "prompt holds a lone surrogate"),
        (
            {"truncation": "left"},
            ValueError,
            "longest_first, document_only, error, chunk_max, chunk_top2, first",
        ),
        ({"truncation": None}, TypeError, "truncation"),
        ({"prompt_name": "none"}, ValueError, "prompt_name"),
        ({"prompt_name": [1]}, TypeError, "prompt_name is of type list"),
        ({"device": "cuda"}, ValueError, "runs on the CPU"),
        ({"pool": {}}, ValueError, "pool"),
        ({"processing_kwargs": {"audio": {}}}, TypeError, "audio"),
        ({"unknown": 1}, TypeError, "unknown"),
    ],
)
def test_options_that_cannot_be(tiny, options, error, words):
    with pytest.raises(error, match=words):
        tiny.predict(pairs(2), **options)


def test_options_without_effect_on_scores(tiny):
    inputs = pairs(3)
    expected = tiny.predict(inputs)
    for options in ({"device": "cpu"}, {"device": ["cpu", "cpu"]}, {"chunk_size": 5}):
        np.testing.assert_array_equal(tiny.predict(inputs, **options), expected)


def test_renamed_arguments(tiny):
    inputs = pairs(3)
    expected = tiny.predict(inputs)
    with pytest.warns(DeprecationWarning, match="sentences"):
        np.testing.assert_array_equal(tiny.predict(sentences=inputs), expected)
    with pytest.warns(DeprecationWarning, match="activation_fct"):
        tiny.predict(inputs, activation_fct="sigmoid")
    with pytest.warns(DeprecationWarning, match="num_workers"):
        np.testing.assert_array_equal(tiny.predict(inputs, num_workers=4), expected)


def test_new_names_win_over_old_ones(tiny):
    inputs = pairs(2)
    with pytest.warns(DeprecationWarning):
        assert len(tiny.predict(inputs=inputs, sentences=inputs[:1])) == 2
        squashed = tiny.predict(inputs, activation_fn="sigmoid", activation_fct="tanh")
        encoder = crossrank.CrossEncoder(golden("scores_identity"), 1, 20, max_length=30)
    np.testing.assert_array_equal(squashed, tiny.predict(inputs, activation_fn="sigmoid"))
    assert encoder.max_seq_length == 30


def test_a_list_that_lies_about_its_length(labels3):
    class Lying(list):
        def __len__(self):
            return 2**62

        def __getitem__(self, index):
            return ("", "")

    with pytest.raises(MemoryError):
        labels3.predict(Lying([("a", "b")]))


def test_score_follows_the_activation(tiny):
    squashed = crossrank.CrossEncoder(golden("scores_identity"), activation_fn="sigmoid")
    [pair] = squashed.score([("a", "b")])
    assert pair.score == float(squashed.predict(("a", "b"))) == pair.probability != pair.logit


def test_lone_surrogates_are_replaced(tiny):
    assert tiny.predict(("a\ud800b", "c")) == tiny.predict(("a\ufffdb", "c"))
    assert tiny.predict(("\ud83d\ude00", "c")) == tiny.predict(("\U0001f600", "c"))


def test_score_says_what_was_cut(builtin):
    long = "word " * 2000
    [whole, cut] = builtin.score([(QUERY, DOCUMENTS[1]), (QUERY, long)])
    assert not whole.truncation.truncated
    assert whole.probability == pytest.approx(1 / (1 + math.exp(-whole.logit)), rel=1e-6)
    assert whole.score == whole.logit == float(builtin.predict((QUERY, DOCUMENTS[1])))
    assert cut.truncation.truncated and cut.truncation.document_truncated
    assert cut.truncation.tokens_total == 2010 and cut.truncation.tokens_used == 512
    [first] = builtin.score([(QUERY, long)], max_chars=100)
    assert first.truncation.chars_cut == len(long) - 100
    with pytest.raises(ValueError, match="pair 1"):
        builtin.score([(QUERY, "short"), (QUERY, long)], truncation="error")


def test_score_finds_the_best_window(builtin):
    document = "Nothing of interest. " * 300 + DOCUMENTS[1] + " More of nothing." * 300
    [found] = builtin.score([(QUERY, document)], truncation="chunk_max")
    assert DOCUMENTS[1][:20] in document[found.span.begin_char : found.span.end_char]
    assert found.logit > builtin.score([(QUERY, document)])[0].logit
    chosen = document[found.span.begin_char : found.span.end_char]
    assert chosen.startswith("Nothing of") and chosen.endswith(".")  # whole sentences
    [two] = builtin.score([(QUERY, document)], truncation="chunk_top2")
    assert two.span == found.span and two.logit < found.logit
    [first] = builtin.score([(QUERY, document)], truncation="first")
    assert first.span.begin_char == 0 and first.truncation.document_truncated
    assert first.logit == builtin.score([(QUERY, document[: first.span.end_char])])[0].logit


def test_score_of_several_labels(labels3):
    [found] = labels3.score([("a", "b")])
    assert found.logits == labels3.predict(("a", "b")).tolist()
    assert sum(found.probabilities) == pytest.approx(1)


def test_max_length(tiny):
    inputs = [("one two", "three four five six seven eight nine ten " * 5)]
    short = crossrank.CrossEncoder(golden("scores_identity"), max_length=12)
    assert short.max_seq_length == short.max_length == 12
    expected = short.predict(inputs)
    assert expected != tiny.predict(inputs)
    np.testing.assert_array_equal(tiny.predict(inputs, max_length=12), expected)
    np.testing.assert_array_equal(
        tiny.predict(inputs, processing_kwargs={"text": {"max_length": 12}}), expected
    )
    by_property = crossrank.CrossEncoder(golden("scores_identity"))
    by_property.max_seq_length = 12
    np.testing.assert_array_equal(by_property.predict(inputs), expected)
    for more in (32, 1000):  # than it was loaded for; the second is clamped to the table's 64
        short.max_seq_length = more
        by_property.max_seq_length = more
        assert short.max_seq_length == by_property.max_seq_length == min(more, 64)
        np.testing.assert_array_equal(short.predict(inputs), by_property.predict(inputs))
    assert short.predict(inputs) != expected
    loaded = short._native
    short.max_seq_length = 900  # no more than was asked for: the table has no more
    assert short._native is loaded
    for wrong in (2, True, "12"):
        with pytest.raises((ValueError, TypeError), match="max_seq_length"):
            short.max_seq_length = wrong
    assert short.max_seq_length == 64


def test_prompts(tiny):
    inputs = [("q", "d")]
    expected = tiny.predict([("query: q", "d")])
    np.testing.assert_array_equal(tiny.predict(inputs, prompt="query: "), expected)
    named = crossrank.CrossEncoder(golden("scores_identity"), prompts={"search": "query: "})
    np.testing.assert_array_equal(named.predict(inputs, prompt_name="search"), expected)
    np.testing.assert_array_equal(named.predict(inputs), tiny.predict(inputs))
    default = crossrank.CrossEncoder(
        golden("scores_identity"), prompts={"search": "query: "}, default_prompt_name="search"
    )
    np.testing.assert_array_equal(default.predict(inputs), expected)
    np.testing.assert_array_equal(default.predict(inputs, prompt=""), tiny.predict(inputs))
    with pytest.raises(ValueError, match="default_prompt_name"):
        crossrank.CrossEncoder(golden("scores_identity"), default_prompt_name="search")


def test_prompts_that_cannot_be(tmp_path):
    folder = golden("scores_identity")
    for prompts in (["a"], {"a": None}, {1: "a"}):
        with pytest.raises(TypeError, match="prompts"):
            crossrank.CrossEncoder(folder, prompts=prompts)
    for prompt in ("\udcff", "a\0b"):
        with pytest.raises(ValueError, match=r"prompts\['a'\] holds a"):
            crossrank.CrossEncoder(folder, prompts={"a": prompt})
    with pytest.raises(TypeError, match="default_prompt_name is of type list"):
        crossrank.CrossEncoder(folder, default_prompt_name=[3])
    encoder = crossrank.CrossEncoder(folder, prompts={"a": "b"}, default_prompt_name="a")
    for prompt, error in ((3, TypeError), (None, TypeError), ("\udcff", ValueError)):
        encoder.prompts["a"] = prompt
        with pytest.raises(error, match=r"prompts\['a'\]"):
            encoder.predict(("q", "d"))
    saved = shutil.copytree(folder, tmp_path / "saved") / "config_sentence_transformers.json"
    for content in ("{", "[]", '{"prompts": {"a": null}}', '{"prompts": 3}'):
        saved.write_text(content)
        encoder = crossrank.CrossEncoder(saved.parent)
        with pytest.raises(crossrank.ModelError, match=saved.name):
            encoder.predict(("q", "d"), prompt_name="a")


def test_methods_that_pytorch_has(tiny):
    assert tiny.eval() is tiny.to("cpu") is tiny
    with pytest.raises(ValueError, match="CPU"):
        tiny.to("cuda")


def test_constructor_arguments_of_the_reference(tiny):
    inputs = pairs(2)
    folder = golden("scores_identity")
    with pytest.warns(DeprecationWarning) as caught:
        by_position = crossrank.CrossEncoder(folder, 1, 12, None, "cpu")
    assert by_position.max_seq_length == 12 and len(caught) == 4
    with pytest.warns(DeprecationWarning, match="automodel_args"):
        crossrank.CrossEncoder(folder, automodel_args={"torch_dtype": "float32"})
    with pytest.warns(DeprecationWarning, match="model_name"):
        crossrank.CrossEncoder(model_name=folder)
    harmless = crossrank.CrossEncoder(
        folder,
        device="cpu",
        backend="onnx",
        trust_remote_code=True,
        model_kwargs={"attn_implementation": "sdpa"},
        processor_kwargs={"model_max_length": 12},
        config_kwargs={"num_labels": 1},
    )
    assert harmless.max_seq_length == 12
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = crossrank.CrossEncoder(folder, local_files_only=True, num_labels=1, threads=1)
    np.testing.assert_array_equal(plain.predict(inputs), tiny.predict(inputs))


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        ({"device": "cuda:0"}, ValueError, "CPU"),
        ({"backend": "tensorrt"}, ValueError, "backend"),
        ({"modules": [1]}, ValueError, "modules"),
        ({"model_kwargs": {"torch_dtype": "bfloat16"}}, ValueError, "precision='bf16'"),
        ({"model_kwargs": {"file_name": "onnx/model_qint8.onnx"}}, ValueError, "int8"),
        ({"config_kwargs": {"num_labels": 2}}, ValueError, "the model has 1"),
        ({"num_labels": 3}, ValueError, "the model has 1"),
        ({"precision": "fp16"}, ValueError, "fp32, bf16, int8"),
        ({"isa": "sse9"}, ValueError, "sse9"),
        ({"threads": 0}, ValueError, "threads"),
        ({"max_length": 1}, ValueError, "max_length"),
        ({"surprise": 1}, TypeError, "surprise"),
    ],
)
def test_constructor_arguments_that_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        crossrank.CrossEncoder(golden("scores_identity"), **arguments)


def test_models_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(crossrank.ModelNotFoundError) as caught:
        crossrank.CrossEncoder(str(tmp_path / "nothing"))
    assert isinstance(caught.value, FileNotFoundError) and caught.value.code == "ModelNotFound"
    assert str(caught.value).endswith("`builtin`.")
    with pytest.raises(OSError, match="crossrank pull"):
        crossrank.CrossEncoder("cross-encoder/ms-marco-MiniLM-L-6-v2")
    with pytest.raises(OSError, match="cross-encoder/ms-marco-TinyBERT-L-2"):
        crossrank.CrossEncoder("ms-marco-TinyBERT-L-2")  # the hub organisation is added
    with pytest.raises(crossrank.ModelNotFoundError, match="no folder"):
        crossrank.CrossEncoder(tmp_path / "nothing")
    with pytest.raises(TypeError, match="model_name_or_path is of type bytes"):
        crossrank.CrossEncoder(b"builtin")
    with pytest.raises(ValueError, match="model_name_or_path holds a lone surrogate"):
        crossrank.CrossEncoder("a/\udcff")
    with pytest.raises(crossrank.ModelNotFoundError, match="write `builtin`"):
        crossrank.CrossEncoder("Builtin")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError):
        crossrank.CrossEncoder(tmp_path / "empty")


def test_paths_that_are_no_utf8(tmp_path, monkeypatch):
    folder = tmp_path / "x\udcff"  # the byte 0xFF
    shutil.copytree(golden("scores_identity"), folder / "m")
    monkeypatch.setenv("CROSSRANK_MODEL", str(folder / "m"))
    with pytest.raises(crossrank.InvalidArgumentError, match="CROSSRANK_MODEL holds a lone"):
        crossrank.CrossEncoder()
    monkeypatch.chdir(folder)
    for model in ("m", pathlib.Path("m")):
        with pytest.raises(crossrank.InvalidArgumentError, match="model_name_or_path"):
            crossrank.CrossEncoder(model)
    with pytest.raises(crossrank.InvalidArgumentError, match="calibration"):
        crossrank.CrossEncoder("builtin", calibration="c.json")


def test_the_default_model_is_named_in_a_warning(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("CROSSRANK_MODEL", raising=False)
    with pytest.warns(UserWarning, match="builtin"):
        assert crossrank.CrossEncoder().info.name == "builtin"
    monkeypatch.setenv("CROSSRANK_MODEL", golden("labels3"))
    assert crossrank.CrossEncoder().num_labels == 3


def test_a_model_by_default_stays_the_same_one(monkeypatch):
    monkeypatch.setenv("CROSSRANK_MODEL", golden("scores_identity"))
    encoder = crossrank.CrossEncoder(max_length=12)
    monkeypatch.setenv("CROSSRANK_MODEL", golden("scores_sigmoid3"))
    encoder.max_seq_length = 64
    assert encoder.num_labels == 1 and encoder.info.name == golden("scores_identity")
    assert in_child(lambda: encoder.predict(("a", "b"))) == encoder.predict(("a", "b"))


def test_facts(builtin):
    assert builtin.num_labels == 1 and builtin.max_seq_length == 512 and builtin.device == "cpu"
    assert len(builtin.weights_sha256) == 64
    assert builtin.info.isa in crossrank.available_isas()
    assert "builtin" in repr(builtin) and crossrank.__version__ in crossrank.build_info()
    assert builtin.info.threads <= (os.cpu_count() or 1)


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_precisions(builtin, precision):
    try:
        encoder = crossrank.CrossEncoder("builtin", precision=precision)
    except crossrank.ModelError as error:
        assert error.code == "UnsupportedPrecision"
        pytest.skip(f"this CPU does not run {precision}")
    inputs = [(QUERY, document) for document in DOCUMENTS]
    np.testing.assert_allclose(encoder.predict(inputs), builtin.predict(inputs), atol=0.5)
    assert (encoder.predict(inputs) != builtin.predict(inputs)).any()
