"""What the driver of a Spark or Ray job refuses, so that no worker has to. Without either."""

import pytest

from crossrank._frames import job


@pytest.mark.parametrize(
    "options, error",
    [
        ({"prompt": 3}, TypeError),
        ({"prompt": "\udcff"}, ValueError),
        ({"prompt_name": ["a"]}, TypeError),
        ({"cache_folder": 3}, TypeError),
        ({"revision": 3}, TypeError),
        ({"calibration": True}, ValueError),
        ({"isa": 3}, TypeError),
        ({"precision": "fp16"}, ValueError),
        ({"threads": 0}, ValueError),
        ({"max_length": -1}, ValueError),
        ({"max_chars": -1}, ValueError),
        ({"batch_size": 0}, ValueError),
        ({"truncation": "never"}, ValueError),
        ({"chunk_tokens": -1}, ValueError),
        ({"chunk_overlap": "4"}, TypeError),
        ({"max_chunks": -1}, ValueError),
        ({"treads": 1}, TypeError),
    ],
)
def test_options_that_cannot_be(options, error):
    [name] = options
    with pytest.raises(error, match=name):
        job("builtin", "query", "text", None, "", options)


def test_options_that_can_be():
    options = {"prompt": "p", "chunk_tokens": 8, "threads": None, "calibration": False}
    made = job("builtin", "query", "text", None, "", options)
    assert made.of_model == (("calibration", False), ("threads", None))
    assert made.of_score == (("chunk_tokens", 8), ("prompt", "p"))
