"""A chat server on the loopback that misbehaves to order. Standard library only; tests nothing.

FaultServer(["half", "good"]) answers the first request as BEHAVIOURS["half"] says and every later
one as BEHAVIOURS["good"]. A behaviour may also be a function of one Exchange. From a shell:

    python3 tests/judge/fault_server.py half good

prints the base URL, then the name of each request's behaviour when the request has arrived, and
serves until its standard input closes.
"""

import email.utils
import gzip
import json
import math
import re
import socket
import struct
import sys
import threading
import time

MODEL = "fault-judge-1"  # what the answers say; requests may name another
PROMPT_TOKENS, COMPLETION_TOKENS = 100, 20  # of every answer
LEAST_RELEVANCE = 0  # of a document without a grade in its text
CANDIDATE = re.compile(r"^<<<([0-9a-f]{32}) candidate (c\d\d)\n(.*?)^\1>>>$", re.M | re.S)
GRADE = re.compile(r"grade (\d+)")
# What text parsers have taken for rankings: a refusal and a provider's error.
DIGITS = "Error code: 429 - Rate limit: Limit 3, Requested 2. Please retry in 5s [1] > [4] > [6]"
PROSE_REFUSAL = "I cannot rate these 6 documents because document 3 is harmful: 9 > 2 > 1."


class Hangup(Exception):
    """The connection is to be closed."""


class Exchange:
    """One request, and the means to answer it. `number` counts from 0."""

    def __init__(self, server, connection, number):
        self.server, self.connection, self.number = server, connection, number
        self.time = time.monotonic()
        self.line, self.headers, self.raw, self.body = "", {}, b"", None
        self.behaviour = ""
        self.sent = 0  # bytes

    # What was asked.

    @property
    def user(self):
        return self.body["messages"][-1]["content"]

    @property
    def documents(self):
        """label -> text of its block."""
        return {label: text for _, label, text in CANDIDATE.findall(self.user)}

    @property
    def format(self):
        """json_schema, json_object, or None for neither."""
        return self.body.get("response_format", {}).get("type")

    @property
    def key(self):
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def ratings(self):
        """What an honest judge says: the grade that stands in a document's text."""
        rated = {}
        for label, text in self.documents.items():
            grade = GRADE.search(text)
            relevance = int(grade[1]) if grade else LEAST_RELEVANCE
            rated[label] = {"relevance": relevance, "reason": f"It says {relevance}."}
        return rated

    def lowest(self, count):
        """The ratings of the `count` worst documents, so that those that lack one are better."""
        rated = self.ratings()
        labels = sorted(rated, key=lambda label: rated[label]["relevance"])[:count]
        return {label: rated[label] for label in labels}

    # What is answered.

    def send(self, data):
        try:
            self.connection.sendall(data)
        except OSError as error:
            raise Hangup from error
        self.sent += len(data)

    def head(self, status, headers):
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def answer(self, status, body=b"", headers=None):
        if not isinstance(body, bytes):
            body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | (headers or {})
        self.send(self.head(status, headers | {"Content-Length": len(body)}) + body)

    def say(self, content, **parts):
        self.answer(200, completion(content, **parts))

    def reset(self):
        """Ends the connection as a crashed peer would."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        raise Hangup

    def hang(self):
        self.server.closing.wait()
        raise Hangup


def completion(content, **parts):
    """A chat completion as a dict. `parts` replace its members, or those of message or choice."""
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS}
    whole = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": MODEL,
        "choices": [choice],
        "usage": usage | {"total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS},
    }
    for name, value in parts.items():
        owner = message if name == "refusal" else choice if name in choice else whole
        owner[name] = value
    return whole


def error(message, code=None):
    return {"error": {"message": message, "type": "invalid_request_error", "code": code}}


def good_bytes(x):
    return json.dumps(completion(json.dumps(x.ratings()))).encode()


def one_reason(rated, reason):
    """The same ratings, the first with another reason."""
    first = next(iter(rated))
    return rated | {first: rated[first] | {"reason": reason}}


BEHAVIOURS = {}


def behaviour(function):
    BEHAVIOURS[function.__name__] = function
    return function


def says(name, content_of, **parts):
    """Adds a behaviour: content_of(ratings as a dict) is the text of the message."""
    BEHAVIOURS[name] = lambda x: x.say(content_of(x.ratings()), **parts)


def refuses(name, status, body, **headers):
    """Adds a behaviour: one answer that is no success."""
    headers = {key.replace("_", "-"): value for key, value in headers.items()}
    BEHAVIOURS[name] = lambda x: x.answer(status, body, headers)


def relevance_of_all(value):
    """A content in which every relevance is written as the text `value`."""

    def content(rated):
        members = (f'"{label}": {{"relevance": {value}, "reason": "r"}}' for label in rated)
        return "{" + ", ".join(members) + "}"

    return content


# Answers that can be used.

says("good", json.dumps)
says("prose_around", lambda rated: f"Sure! Here it is:\n{json.dumps(rated)}\nAnything else? {{}}")
says("markdown", lambda rated: f"```json\n{json.dumps(rated, indent=2)}\n```")
says("draft_first", lambda rated: json.dumps(dict([*rated.items()][:2])) + "\n" + json.dumps(rated))
says(
    "two_answers",
    lambda rated: json.dumps(rated) + "\n" + relevance_of_all(10)(rated),
)
says("more_labels", lambda rated: json.dumps(rated | {"c77": {"relevance": 10, "reason": "x"}}))
says("more_members", lambda rated: json.dumps({k: v | {"id": "z"} for k, v in rated.items()}))
says(
    "no_reasons",
    lambda rated: json.dumps({k: {"relevance": v["relevance"]} for k, v in rated.items()}),
)
says(
    "long_reasons",
    lambda rated: json.dumps({k: v | {"reason": "é" * 5000} for k, v in rated.items()}),
)
says("stopped_at_limit", json.dumps, finish_reason="length")
says("no_usage", json.dumps, usage=None)
says("odd_usage", json.dumps, usage={"prompt_tokens": -5, "completion_tokens": "many"})
says("huge_usage", json.dumps, usage={"prompt_tokens": 2**64 - 1, "completion_tokens": 1e300})


@behaviour
def hundred_choices(x):
    first = completion(json.dumps(x.ratings()))["choices"][0]
    other = completion(relevance_of_all(10)(x.ratings()))["choices"][0]
    x.say("", choices=[first] + [other] * 99)


@behaviour
def invalid_utf8(x):
    x.answer(200, good_bytes(x).replace(b"It says", b"It \xff\xc0\xafsays \xed\xa0\x80"))


says("half_character", lambda rated: json.dumps(one_reason(rated, "\ud83d")))


@behaviour
def half_character_in_body(x):
    """As programs in UTF-16 write a text that they have cut in the middle of an emoji."""
    rated = one_reason(x.ratings(), "\ud83d")
    x.say(json.dumps(rated, ensure_ascii=False))


@behaviour
def after_interim(x):
    x.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    x.answer(200, good_bytes(x))


@behaviour
def chunked(x):
    x.send(x.head(200, {"Transfer-Encoding": "chunked"}))
    body = good_bytes(x)
    for begin in range(0, len(body), 100):
        part = body[begin : begin + 100]
        x.send(b"%x\r\n%s\r\n" % (len(part), part))
    x.send(b"0\r\n\r\n")


@behaviour
def place_decides(x):
    """A judge who likes what stands first."""
    rated = {label: {"relevance": 10 - i, "reason": "r"} for i, label in enumerate(x.documents)}
    x.say(json.dumps(rated))


# Formats and features that a server does not have.


@behaviour
def no_json_schema(x):
    if x.format == "json_schema":
        return x.answer(400, error("'response_format.type' must be 'json_object' or 'text'"))
    BEHAVIOURS["good"](x)


@behaviour
def no_json_object(x):
    if x.format:
        return x.answer(400, error("Unrecognized request argument supplied: response_format"))
    BEHAVIOURS["good"](x)


@behaviour
def no_grammar(x):
    """As servers with constrained decoding fail: the request is fine, the schema is not."""
    if x.format == "json_schema":
        return x.answer(500, error("failed to parse grammar"))
    BEHAVIOURS["good"](x)


@behaviour
def no_logprobs(x):
    if x.body.get("logprobs"):
        return x.answer(400, error("This model does not support logprobs."))
    BEHAVIOURS["good"](x)


@behaviour
def context_length(x):
    """Half a kilobyte too much, until the prompt shrinks."""
    limit = x.server.memory.setdefault("limit", len(x.raw) - 500)
    if len(x.raw) > limit:
        return x.answer(400, error("maximum context length exceeded", "context_length_exceeded"))
    BEHAVIOURS["good"](x)


refuses("context_always", 400, error("This model's maximum context length is 10 tokens."))
refuses("bad_request", 400, error("No."))
refuses("too_large", 413, error("The request is too large for this schema."))
refuses("our_words", 400, error("max_length and JudgeOptions::url are wrong in response_format."))

# Refusals.

says("refusal", lambda rated: None, refusal="I'm sorry, I can't help with that. 3 > 1 > 2")
says("refusal_with_answer", json.dumps, refusal="No.")
says("content_filter", lambda rated: "", finish_reason="content_filter")
says("prose_refusal", lambda rated: PROSE_REFUSAL)

# Time.


@behaviour
def hang(x):
    x.hang()


@behaviour
def never_read(x):
    x.hang()


@behaviour
def greeting(x):
    """What servers say that speak first, and no HTTP."""
    x.send(b"220 mail.example.com ready\r\n")
    raise Hangup


UNREAD = ("never_read", "greeting")  # they get the connection with the request still in it


@behaviour
def drip(x):
    """One byte a second, behind complete headers."""
    body = good_bytes(x)
    x.send(x.head(200, {"Content-Length": len(body)}))
    for i in range(len(body)):
        x.send(body[i : i + 1])
        if x.server.closing.wait(1):
            raise Hangup


@behaviour
def drip_headers(x):
    for byte in x.head(200, {"Content-Length": 10}):
        x.send(bytes([byte]))
        if x.server.closing.wait(1):
            raise Hangup


@behaviour
def interim_for_ever(x):
    while not x.server.closing.wait(0.05):
        x.send(b"HTTP/1.1 102 Processing\r\n\r\n")
    raise Hangup


# Connections.


@behaviour
def reset_before(x):
    x.reset()


@behaviour
def reset_middle(x):
    body = good_bytes(x)
    x.send(x.head(200, {"Content-Length": len(body)}) + body[: len(body) // 2])
    time.sleep(0.1)  # a reset overtakes what has not been read
    x.reset()


@behaviour
def close_silently(x):
    raise Hangup


@behaviour
def close_middle(x):
    body = good_bytes(x)
    x.send(x.head(200, {"Content-Length": len(body)}) + body[: len(body) // 2])
    raise Hangup


@behaviour
def chunk_cut(x):
    body = good_bytes(x)
    head = x.head(200, {"Transfer-Encoding": "chunked"})
    x.send(head + b"%x\r\n%s" % (len(body), body[:-20]))
    raise Hangup


@behaviour
def endless_headers(x):
    x.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        x.send(b"X-More: %s\r\n" % (b"9" * 1000))


@behaviour
def endless_header(x):
    x.send(b"HTTP/1.1 200 OK\r\nX-More: ")
    while True:
        x.send(b"9" * 10_000)


# Statuses.

refuses("forbidden", 403, error("Your project may not use this model."))
refuses("not_found", 404, error("The model `m` does not exist."))
refuses("too_many", 429, error(DIGITS))
refuses("too_many_1s", 429, error(DIGITS), Retry_After="1")
refuses("too_many_now", 429, error(DIGITS), Retry_After="Thu, 01 Jan 1970 00:00:00 GMT")
refuses("too_many_hour", 429, error(DIGITS), Retry_After="3600")
refuses("too_many_nonsense", 429, error(DIGITS), Retry_After="-1e999 soon")
refuses("server_error", 500, error("The server had an error."))
refuses("unavailable", 503, "<html><h1>503 Service Unavailable</h1></html>")
refuses("error_in_200", 200, error("The engine is overloaded. 3 > 1 > 2"))
refuses("error_as_text", 500, DIGITS)
refuses("no_body", 200, b"")
refuses("no_content", 204, b"")
refuses("login_page", 200, "<html>Please log in to this network. 1 2 3 4 5 6</html>")


@behaviour
def unauthorized(x):
    x.answer(401, error(f"Incorrect API key provided: {x.key}. (c01: 10)", "invalid_api_key"))


@behaviour
def unauthorized_escaped(x):
    """JSON may write any character as an escape, and a slash often is one."""
    escaped = x.key.replace("/", "\\/").replace("-", "\\u002d")
    x.answer(401, '{"error": {"message": "Bad key: %s"}}' % escaped)


@behaviour
def unauthorized_at_limit(x):
    """The key where a long message is likely to be cut."""
    x.answer(401, error("." * (300 - len(x.key) // 2) + x.key))


@behaviour
def unauthorized_split(x):
    """The key with characters in it that no reader sees."""
    x.answer(401, error("Bad key: " + "\u200b".join(x.key)))


@behaviour
def unauthorized_repeated(x):
    x.answer(401, (x.key * (1_000_000 // len(x.key))).encode())


@behaviour
def key_in_answer(x):
    """The key as the model's name and in its reasons."""
    rated = {k: v | {"reason": f"key {x.key}"} for k, v in x.ratings().items()}
    x.say(json.dumps(rated), model=f"judge {x.key}")


@behaviour
def too_many_date(x):
    later = email.utils.formatdate(time.time() + 2, usegmt=True)
    x.answer(429, error(DIGITS), {"Retry-After": later})


@behaviour
def rate_limit(x):
    """A request each 0.3 s, whoever asks."""
    with x.server.lock:
        early = time.monotonic() < x.server.memory.get("next", 0)
        if not early:
            x.server.memory["next"] = time.monotonic() + 0.3
    if early:
        return x.answer(429, error(DIGITS), {"Retry-After": "0.4"})
    BEHAVIOURS["good"](x)


@behaviour
def redirect(x):
    target = x.server.memory["redirect"]
    x.answer(x.server.memory.get("redirect_status", 307), b"", {"Location": target})


# Bodies that are no chat completion.


@behaviour
def truncated_body(x):
    x.answer(200, good_bytes(x)[:-30])


@behaviour
def compressed(x):
    x.answer(200, gzip.compress(good_bytes(x)), {"Content-Encoding": "gzip"})


@behaviour
def event_stream(x):
    x.answer(200, b"data: " + good_bytes(x) + b"\n\ndata: [DONE]\n\n")


@behaviour
def deep_body(x):
    x.answer(200, b'{"choices": ' + b"[" * 200_000)


@behaviour
def two_choices_members(x):
    body = good_bytes(x)
    x.answer(200, body[:-1] + b', "choices": []}')


@behaviour
def huge(x):
    """50 MB, so that a client that keeps it all shows."""
    x.send(x.head(200, {"Content-Length": 50 << 20}) + b'{"choices": "')
    for _ in range(50 << 4):
        x.send(b"9" * (64 << 10))


@behaviour
def huge_chunked(x):
    x.send(x.head(200, {"Transfer-Encoding": "chunked"}))
    for _ in range(50 << 4):
        x.send(b"%x\r\n%s\r\n" % (64 << 10, b"9" * (64 << 10)))


@behaviour
def huge_error(x):
    x.send(x.head(500, {"Content-Length": 50 << 20}))
    for _ in range(50 << 4):
        x.send(b"9" * (64 << 10))


BEHAVIOURS["no_choices"] = lambda x: x.say("", choices=[])
BEHAVIOURS["odd_choices"] = lambda x: x.say("", choices={"0": "no"})
BEHAVIOURS["odd_message"] = lambda x: x.say("", message=[1, 2])
BEHAVIOURS["array_body"] = lambda x: x.answer(200, [completion(json.dumps(x.ratings()))])

# Contents that are not what was asked for.

says("truncated_content", lambda rated: json.dumps(rated)[:-40])
says("wrong_labels", lambda rated: json.dumps({k.upper(): v for k, v in rated.items()}))
says("numbers_as_labels", lambda rated: json.dumps({k[-1]: v for k, v in rated.items()}))
says("array", lambda rated: json.dumps([{"label": k, **v} for k, v in rated.items()]))
says("nested", lambda rated: json.dumps({"ratings": rated}))
says("json_in_json", lambda rated: json.dumps(json.dumps(rated)))
says("plain_numbers", lambda rated: json.dumps({k: v["relevance"] for k, v in rated.items()}))
says("digits", lambda rated: DIGITS)
says("empty", lambda rated: "")
says("null", lambda rated: None)
says("as_list", lambda rated: [{"type": "text", "text": json.dumps(rated)}])
says("deep_content", lambda rated: '{"c01": ' * 100_000)
says("braces", lambda rated: "{" * 400_000)
says("cut_short", lambda rated: json.dumps(rated)[:60], finish_reason="length")
says("relevance_text", relevance_of_all('"7"'))
says("relevance_float", relevance_of_all("7.5"))
says("relevance_exponent", relevance_of_all("1e1"))
says("relevance_huge", relevance_of_all("1e3"))
says("relevance_negative", relevance_of_all("-1"))
says("relevance_11", relevance_of_all("11"))
says("relevance_beyond_64_bits", relevance_of_all("18446744073709551623"))
says("relevance_true", relevance_of_all("true"))
says("relevance_null", relevance_of_all("null"))
says("relevance_list", relevance_of_all("[7]"))
says("relevance_nan", relevance_of_all("NaN"))
says("relevance_word", relevance_of_all('"high"'))
says("relevance_twice", relevance_of_all('3, "relevance": 10'))


@behaviour
def other_call(x):
    """The labels that another request has: none of this one's."""
    x.say(json.dumps({f"c{int(k[1:]) + len(x.documents):02}": v for k, v in x.ratings().items()}))


@behaviour
def duplicate_keys(x):
    """Every label twice, with ratings that differ."""
    text = json.dumps(x.ratings())[1:-1]
    x.say("{" + text + ", " + relevance_of_all(10)(x.ratings())[1:])


@behaviour
def one_duplicate(x):
    """Only the best document's label twice."""
    rated = x.ratings()
    best = max(rated, key=lambda label: rated[label]["relevance"])
    x.say(json.dumps(rated)[:-1] + f', "{best}": {{"relevance": 10, "reason": "r"}}}}')


@behaviour
def half(x):
    x.say(json.dumps(x.lowest(3)))


@behaviour
def fewer_than_half(x):
    x.say(json.dumps(x.lowest(2)))


@behaviour
def rest_of_half(x):
    """What `half` leaves out."""
    rest = {k: v for k, v in x.ratings().items() if k not in x.lowest(3)}
    x.say(json.dumps(rest))


# Log-probabilities, for questions about one document.


def logprobs(*tokens):
    """tokens: text, or (text, {text: probability})."""
    content = []
    for token in tokens:
        text, tops = token if isinstance(token, tuple) else (token, {token: 1.0})
        listed = [
            {"token": t, "logprob": p if isinstance(p, str) else math.log(p)}
            for t, p in tops.items()
        ]
        content.append({"token": text, "logprob": -0.1, "top_logprobs": listed})
    return {"content": content}


def rating_tokens(*value_tokens):
    return ['{"', "c01", '":{"', "relevance", '":', *value_tokens, ',"', "reason", '":"r"}}']


def with_logprobs(name, relevance, *value_tokens, before="", draft=()):
    """Adds a behaviour: c01 gets `relevance`, spelled by `value_tokens`. It stands behind the text
    `before`, which `draft` spells."""
    tokens = [*draft, *rating_tokens(*value_tokens)]

    def act(x):
        content = before + '{"c01":{"relevance":%d,"reason":"r"}}' % relevance
        x.say(content, logprobs=logprobs(*tokens))

    BEHAVIOURS[name] = act


with_logprobs("logprobs", 7, ("7", {"7": 0.5, "8": 0.3, " 3": 0.2}))
with_logprobs("logprobs_other_words", 7, ("7", {"7": 0.25, "8": 0.25, "high": 0.25, "11": 0.25}))
with_logprobs("logprobs_ten", 10, ("10", {"10": 0.75, "6": 0.25}))
with_logprobs("logprobs_split_ten", 10, ("1", {"1": 0.6, "9": 0.4}), ("0", {"0": 0.5, ",": 0.5}))
with_logprobs("logprobs_odd", 7, ("7", {"9": "-0.1", "8": "NaN"}))
with_logprobs(
    "logprobs_draft",
    *(7, ("7", {"7": 0.5, "8": 0.3, " 3": 0.2})),
    before='{"c01":{"relevance":9}} no: ',
    draft=(*rating_tokens(("9", {"9": 1.0})), " no: "),
)
with_logprobs(
    "logprobs_quoted",
    *(7, ("7", {"7": 0.5, "8": 0.3, " 3": 0.2})),
    before='It says "relevance": 10. ',
    draft=('It says "relevance": ', ("10", {"10": 1.0}), ". "),
)
with_logprobs("logprobs_elsewhere", 7, ("9", {"9": 1.0}))


@behaviour
def logprobs_many(x):
    """As many tokens as fit an answer, and none of them a rating."""
    tokens = [{"token": "12345678901234567890"}] * 24_000
    x.say(json.dumps(x.ratings()), logprobs={"content": tokens})


class FaultServer:
    """Serves until close(). `requests` holds an Exchange for each request so far."""

    def __init__(self, script, on_request=None, **memory):
        self.script = list(script)
        self.on_request = on_request or (lambda exchange: None)
        self.memory = memory  # what behaviours of one server share
        self.requests = []
        self.lock = threading.Lock()
        self.arrived = threading.Condition(self.lock)
        self.complete = 0  # requests that have been read, or never will be
        self.closing = threading.Event()
        self.connections = set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """As if the process was killed: no new connections, an end to all there are."""
        self.closing.set()
        with self.lock:
            connections = list(self.connections)
        for one in [self.listener, *connections]:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # gone already
            one.close()

    def wait_for(self, count, timeout=30):
        """Until `count` requests have arrived as a whole."""
        with self.arrived:
            if not self.arrived.wait_for(lambda: self.complete >= count, timeout):
                raise TimeoutError(f"{self.complete} of {count} requests")

    def accept(self):
        while not self.closing.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections.add(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            while not self.closing.is_set() and connection.recv(1, socket.MSG_PEEK):
                with self.lock:
                    number = len(self.requests)
                    step = self.script[min(number, len(self.script) - 1)]
                    exchange = Exchange(self, connection, number)
                    self.requests.append(exchange)
                exchange.behaviour = step if isinstance(step, str) else step.__name__
                if step not in UNREAD:
                    self.read(exchange)
                with self.arrived:
                    self.complete += 1
                    self.arrived.notify_all()
                self.on_request(exchange)
                (BEHAVIOURS[step] if isinstance(step, str) else step)(exchange)
        except (Hangup, OSError):
            pass
        finally:
            with self.lock:
                self.connections.discard(connection)
            connection.close()

    @staticmethod
    def read(exchange):
        data = b""
        while b"\r\n\r\n" not in data:
            data += exchange.connection.recv(65536) or b"\r\n\r\n"
        head, _, body = data.partition(b"\r\n\r\n")
        exchange.line, *lines = head.decode("latin-1").split("\r\n")
        for line in lines:
            name, _, value = line.partition(":")
            exchange.headers[name.strip().lower()] = value.strip()
        length = int(exchange.headers.get("content-length", 0))
        while len(body) < length:
            part = exchange.connection.recv(65536)
            if not part:
                raise Hangup
            body += part
        exchange.raw = body
        exchange.body = json.loads(body) if body else None


def main():
    server = FaultServer(sys.argv[1:] or ["good"], lambda x: print(x.behaviour, flush=True))
    print(server.url, flush=True)
    sys.stdin.read()
    server.close()


if __name__ == "__main__":
    main()
