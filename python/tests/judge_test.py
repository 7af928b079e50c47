"""LlmJudge and HybridReRanker against a server on loopback that answers as it is told."""

import asyncio
import contextlib
import http.server
import json
import pickle
import re
import threading
import time

import pytest
from conftest import DOCUMENTS, QUERY, in_child

import crossrank
from crossrank import CrossEncoderReRanker, Document, HybridReRanker, LlmJudge

REFUSAL = object()


@contextlib.contextmanager
def judge_server(answer):
    """answer(prompt, labels) -> {label: relevance}, REFUSAL, or seconds to hang.

    Yields (url, bodies of the requests)."""
    bodies = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            bodies.append(body)
            schema = body["response_format"]["json_schema"]["schema"]
            prompt = "\n".join(message["content"] for message in body["messages"])
            verdicts = answer(prompt, list(schema["properties"]))
            message = {"role": "assistant", "content": None, "refusal": "No."}
            if isinstance(verdicts, float):
                time.sleep(verdicts)
            elif verdicts is not REFUSAL:
                content = {
                    c: {"relevance": r, "reason": f"{c} is {r}"} for c, r in verdicts.items()
                }
                message = {"role": "assistant", "content": json.dumps(content)}
            reply = {
                "model": "judge-1",
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 20},
            }
            content = json.dumps(reply).encode()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def prefer(word):
    """A judge that gives 9 to the candidate whose text has `word`, and 1 to others."""

    def answer(prompt, labels):
        text_of = dict(re.findall(r"candidate (c\d+)\n(.*?)>>>", prompt, re.DOTALL))
        return {label: 9 if word in text_of[label] else 1 for label in labels}

    return answer


@pytest.fixture
def environment(monkeypatch):
    for name in ("URL", "MODEL", "API_KEY"):
        monkeypatch.delenv(f"CROSSRANK_JUDGE_{name}", raising=False)
    return monkeypatch


def test_hybrid(builtin, environment):
    documents = [Document(text, {"source": f"page {i}"}) for i, text in enumerate(DOCUMENTS)]
    with judge_server(lambda _, labels: {label: 5 for label in labels}) as (url, bodies):
        hybrid = HybridReRanker(
            top_k=2,
            cross_encoder=CrossEncoderReRanker(builtin, top_k=3),
            judge=LlmJudge(url=url, model="judge"),
        )
        ranking = hybrid.rank(QUERY, documents, context="The user is a student.")
    assert [result.document for result in ranking] == [
        documents[1],
        documents[3],
    ]  # equal: by logit
    assert ranking.judge.outcome == "judged" and not ranking.degraded
    assert (ranking.judge.calls, ranking.judge.prompt_tokens) == (1, 100)
    assert ranking.judge.model == "judge-1" and ranking.judge.cost is None
    first = ranking[0]
    assert first.stage == "judge" and first.judge.relevance == 5 and "is 5" in first.judge.reason
    assert first.page_content == DOCUMENTS[1] and first.metadata == {"source": "page 1"}
    prompt = json.dumps(bodies[0])
    assert "page 1" in prompt and "The user is a student." in prompt


def test_the_judge_has_the_last_word(builtin, environment):
    first_stage = CrossEncoderReRanker(builtin, top_k=4)
    ranks = {result.index: result.rank for result in first_stage.rank(QUERY, DOCUMENTS).results}
    with judge_server(prefer("Louvre")) as (url, _):
        hybrid = HybridReRanker(
            2,
            cross_encoder=first_stage,
            judge=LlmJudge(url=url, model="judge"),
        )
        ranking = hybrid.rank(QUERY, DOCUMENTS)
        assert [result.index for result in ranking] == [2, 1]
        assert ranking[0].first_stage_rank == ranks[2] > 1 and ranking[0].rank == 1
        assert asyncio.run(hybrid.arank(QUERY, DOCUMENTS))[0].index == 2
        again = pickle.loads(pickle.dumps(hybrid))
        assert [result.index for result in again.rank(QUERY, DOCUMENTS)] == [2, 1]


def test_a_judge_that_fails_costs_no_answer(builtin, environment):
    first = CrossEncoderReRanker(builtin, top_k=3)
    expected = [result.index for result in first.rank(QUERY, DOCUMENTS).results][:2]
    for answer, outcome in ((lambda *_: REFUSAL, "refused"), (lambda *_: {}, "malformed")):
        with judge_server(answer) as (url, _):
            judge = LlmJudge(url=url, model="judge")
            ranking = HybridReRanker(2, cross_encoder=first, judge=judge).rank(QUERY, DOCUMENTS)
            assert ranking.degraded and ranking.judge.outcome == outcome and ranking.judge.message
            assert [result.index for result in ranking] == expected
            strict = HybridReRanker(2, cross_encoder=first, judge=judge, strict=True)
            with pytest.raises(crossrank.JudgeFailedError):
                strict.rank(QUERY, DOCUMENTS)
    nobody = LlmJudge(url="http://127.0.0.1:9/v1", model="judge")
    ranking = HybridReRanker(2, cross_encoder=first, judge=nobody).rank(QUERY, DOCUMENTS)
    assert ranking.judge.outcome == "provider_error"
    assert [result.stage for result in ranking] == ["cross_encoder", "cross_encoder"]


def test_a_judge_that_hangs(builtin, environment):
    first = CrossEncoderReRanker(builtin, top_k=3)
    with judge_server(lambda *_: 3.0) as (url, _):
        judge = LlmJudge(url=url, model="judge", timeout_ms=200)
        ranking = HybridReRanker(2, cross_encoder=first, judge=judge).rank(QUERY, DOCUMENTS)
        assert ranking.judge.outcome == "timeout" and len(ranking) == 2
        patient = LlmJudge(url=url, model="judge")
        hybrid = HybridReRanker(2, cross_encoder=first, judge=patient)
        ranking = hybrid.rank(QUERY, DOCUMENTS, deadline_ms=400)
        assert ranking.judge.outcome == "timeout" and ranking.judge.elapsed_seconds < 2


def test_the_environment_configures_a_judge(builtin, environment):
    with pytest.raises(ValueError, match="no address: give url or set CROSSRANK_JUDGE_URL"):
        HybridReRanker(cross_encoder=CrossEncoderReRanker(builtin, top_k=10))
    with judge_server(lambda _, labels: {label: 5 for label in labels}) as (url, _):
        environment.setenv("CROSSRANK_JUDGE_URL", url)
        environment.setenv("CROSSRANK_JUDGE_MODEL", "judge")
        hybrid = HybridReRanker(cross_encoder=CrossEncoderReRanker(builtin, top_k=10))
        assert hybrid.rank(QUERY, DOCUMENTS).judge.outcome == "judged"


def test_the_judge_alone(environment):
    with judge_server(prefer("Louvre")) as (url, bodies):
        judge = crossrank.ReRanker(
            top_k=2, url=url, model="judge", params={"temperature": 0.5, "seed": None}
        )
        ranking = judge.rank(QUERY, DOCUMENTS)
        assert ranking[0].index == 2 and len(ranking) == 2 and ranking[0].logit != ranking[0].logit
        assert bodies[0]["temperature"] == 0.5 and "seed" not in bodies[0]
        [request] = judge.dry_run(QUERY, DOCUMENTS)
        assert request.url == url + "/chat/completions" and "Louvre" in request.body
        assert len(bodies) == 1  # nothing was sent
        assert judge.rank(QUERY, []) == []


@pytest.mark.parametrize(
    "options, error",
    [
        ({"url": "nowhere"}, ValueError),
        ({"top_k": -1}, ValueError),
        ({"mode": "pairwise"}, ValueError),
        ({"order_bias": "three_pass"}, ValueError),
        ({"timeout_ms": -1}, ValueError),
        ({"headers": "A: b"}, TypeError),
        ({"headers": 3}, TypeError),
        ({"skip_if_gap": True}, TypeError),
        ({"api_key_file": "/nonexistent/key"}, FileNotFoundError),
        ({"skip_if_gap": "wide"}, TypeError),
        ({"skip_if_gap": 10**400}, ValueError),
        ({"params": {"temperature": float("nan")}}, ValueError),
        ({"params": {"tools": object()}}, ValueError),
        ({"params": [("temperature", 0)]}, TypeError),
        ({"model": "\ud800"}, ValueError),
    ],
)
def test_judges_that_cannot_be(environment, options, error):
    [name] = options
    with pytest.raises(error, match="/nonexistent/key" if name == "api_key_file" else name):
        LlmJudge(**{"url": "http://127.0.0.1:9/v1", "model": "judge", **options})


def test_secrets_are_not_shown(builtin, environment):
    url = "http://127.0.0.1:9/v1"
    with pytest.raises(ValueError) as caught:
        LlmJudge(url=url, model="m", api_key_env="sk-key-in-the-wrong-place")
    assert "sk-key" not in str(caught.value) and "api_key_env" in str(caught.value)
    judge = LlmJudge(url=url, model="m", headers=["X-Key: secret"], proxy="http://u:secret@h:1")
    hybrid = HybridReRanker(cross_encoder=CrossEncoderReRanker(builtin, top_k=10), judge=judge)
    assert "secret" not in repr(hybrid) and "'m'" in repr(hybrid) and "builtin" in repr(hybrid)


def test_a_hybrid_follows_its_cross_encoder(environment):
    encoder = crossrank.CrossEncoder("builtin")
    with judge_server(lambda _, labels: {label: 5 for label in labels}) as (url, _):
        hybrid = HybridReRanker(
            2,
            cross_encoder=CrossEncoderReRanker(encoder, top_k=3),
            judge=LlmJudge(url=url, model="judge"),
        )
        before = hybrid.rank(QUERY, DOCUMENTS)
        encoder.activation_fn = "sigmoid"
        after = hybrid.rank(QUERY, DOCUMENTS)
        assert [r.logit for r in after] == [r.logit for r in before]
        assert [r.score for r in after] == [r.probability for r in before]
        encoder._default_prompt_name = "p"
        encoder.prompts["p"] = "the Louvre: "
        assert hybrid.rank(QUERY, DOCUMENTS)[0].logit != before[0].logit
        hybrid.top_k = 1
        assert len(hybrid.rank(QUERY, DOCUMENTS)) == 1
        hybrid.top_k = 2
        encoder.max_seq_length = 8
        assert [r.truncation.tokens_used for r in hybrid.rank(QUERY, DOCUMENTS)] == [8, 8]


def test_a_fork_makes_judges_anew(builtin, environment):
    with judge_server(prefer("Louvre")) as (url, _):
        judge = LlmJudge(2, url=url, model="judge")
        hybrid = HybridReRanker(
            2, cross_encoder=CrossEncoderReRanker(builtin, top_k=4), judge=judge
        )
        for one in (judge, hybrid):
            before = one._current()
            indices = [r.index for r in one.rank(QUERY, DOCUMENTS)]
            of_the_child = in_child(lambda one=one, before=before: (
                [r.index for r in one.rank(QUERY, DOCUMENTS)], one._current() is before
            ))  # fmt: skip
            assert of_the_child == (indices, False)
            assert one._current() is before


def test_a_model_whose_name_is_no_utf8(environment):
    with judge_server(prefer("Louvre")) as (url, _):
        environment.setenv("CROSSRANK_JUDGE_MODEL", "judge\udcff")  # the byte 0xFF
        judge = LlmJudge(1, url=url)
        assert "judge" in judge.dry_run(QUERY, DOCUMENTS)[0].body
        assert isinstance(judge.rank(QUERY, DOCUMENTS).judge.outcome, str)
    judge = LlmJudge(1, url="http://127.0.0.1:9/v1")
    assert judge.rank(QUERY, DOCUMENTS).judge.model == "judge\ufffd"


def test_a_trace_that_no_header_may_hold(environment):
    judge = LlmJudge(url="http://127.0.0.1:9/v1", model="judge")
    with pytest.raises(ValueError, match="^traceparent holds a character"):
        judge.rank(QUERY, DOCUMENTS, traceparent="00-\n")


def test_stages_that_do_not_fit(builtin, environment):
    judge = LlmJudge(url="http://127.0.0.1:9/v1", model="judge")
    with pytest.raises(ValueError):
        HybridReRanker(5, cross_encoder=CrossEncoderReRanker(builtin, top_k=4), judge=judge)
    with pytest.raises(TypeError, match="cross_encoder"):
        HybridReRanker(cross_encoder=builtin, judge=judge)
    environment.setattr(crossrank.CrossEncoder, "_load", None)  # nothing is loaded for this
    with pytest.raises(ValueError, match="keeps 10 documents, fewer than the 11"):
        HybridReRanker(11, judge=judge)
