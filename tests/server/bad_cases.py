"""The cases of bad_input/*.json as bytes, and the rules for what must come back. Standard library
only; tests nothing.

Each file has "about", "serve" (flags of the server), maybe "env", and its cases in one of these
forms:
    raw        [{name, send, answers, then?, says?, head?, least_s?, most_s?}]
    requests   [{name, path, body?, content_type?, headers?, status, says?, dialect?}]
    paths, bodies              each body to each path
    places, fragments          each fragment in each place, where the place has an @
    routes, values             each value that a field cannot have, and each field left out
    routes, methods, unknown   each method on each route

`send` is a list of
    text                 as Latin-1, with @POST@, @GET@, @BODY@ and @LENGTH@ replaced
    {"repeat": [text, n]}, {"join": [...]}, {"hex": digits}
    {"bytes": text}      one byte at a time
    {"wait": seconds}    {"half_close": true}
    {"answer": [100]}    waits for an answer with one of these statuses
`answers` is a list with the allowed statuses of each answer, "closed" for a connection that ends
without one. `then` is "open" or "closed": what the connection must be afterwards.
"""

import dataclasses
import json

from server import SOURCE

FOLDER = SOURCE / "tests" / "server" / "bad_input"
BODY = b'{"query":"tea","texts":["green tea"]     }'
GOOD_BODIES = {
    "/rerank": {"query": "tea", "texts": ["green tea"]},
    "/v1/rerank": {"query": "tea", "documents": ["green tea"]},
    "/v2/rerank": {"model": "m", "query": "tea", "documents": ["green tea"]},
    "/v1/hybrid": {"query": "tea", "documents": ["green tea"]},
    "/predict": {"inputs": ["tea", "green tea"]},
    "/tokenize": {"inputs": "tea"},
}
MACROS = {
    "@POST@": "POST /rerank HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n",
    "@GET@": "GET /healthz HTTP/1.1\r\nHost: a\r\n",
    "@BODY@": BODY.decode(),
    "@LENGTH@": str(len(BODY)),
}
ERROR_TYPES = ("Unhealthy", "Backend", "Overloaded", "Validation", "Tokenizer", "Empty")


@dataclasses.dataclass
class Case:
    name: str
    send: list  # of bytes, or of (verb, argument)
    answers: list  # of tuples: the allowed statuses of each answer
    then: str = ""
    says: str = ""
    dialect: str = ""  # of the error; "" = any
    head: bool = False
    headers: tuple = ()  # names that the last answer must have
    least_s: float = 0
    most_s: float = 60


@dataclasses.dataclass
class Group:
    name: str
    serve: list
    env: dict
    cases: list


def to_bytes(part):
    if isinstance(part, str):
        for name, text in MACROS.items():
            part = part.replace(name, text)
        return part.encode("latin-1")
    ((verb, argument),) = part.items()
    if verb == "repeat":
        return to_bytes(argument[0]) * argument[1]
    if verb == "join":
        return b"".join(to_bytes(one) for one in argument)
    if verb == "hex":
        return bytes.fromhex(argument)
    raise ValueError(f"unknown part {verb}")


def to_steps(parts):
    steps = []
    for part in parts:
        if isinstance(part, dict) and next(iter(part)) in ("wait", "half_close", "answer"):
            steps.append(next(iter(part.items())))
        elif isinstance(part, dict) and "bytes" in part:
            steps += [bytes([byte]) for byte in to_bytes(part["bytes"])]
        else:
            steps.append(to_bytes(part))
    return steps


def allowed(statuses):
    return tuple(statuses) if isinstance(statuses, list) else (statuses,)


def raw_case(data):
    answers = []
    for statuses in data["answers"]:
        if isinstance(statuses, dict):
            answers += [allowed(statuses["repeat"][0])] * statuses["repeat"][1]
        else:
            answers.append(allowed(statuses))
    more = {key: data[key] for key in ("then", "says", "head", "least_s", "most_s") if key in data}
    return Case(data["name"], to_steps(data["send"]), answers, **more)


def request_bytes(method, path, body, content_type="application/json", headers=()):
    lines = [f"{method} {path} HTTP/1.1".encode("latin-1"), b"Host: localhost"]
    if content_type is not None:
        lines.append(b"Content-Type: " + to_bytes(content_type))
    lines.append(f"Content-Length: {len(body)}".encode())
    lines += [to_bytes(header) for header in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def post_case(name, path, body, status, says="", dialect="", **how):
    """How: content_type, headers."""
    body = json.dumps(body).encode() if not isinstance(body, bytes) else body
    case = Case(name, [request_bytes("POST", path, body, **how)], [allowed(status)])
    case.says, case.dialect = says, dialect
    return case


def request_case(data):
    path = data["path"]
    good = GOOD_BODIES[path.partition("?")[0]]
    body = to_bytes(data["body"]) if "body" in data else good
    how = {key: data[key] for key in ("content_type", "headers") if key in data}
    more = {key: data[key] for key in ("says", "dialect") if key in data}
    case = post_case(data["name"], path, body, data["status"], **more, **how)
    if case.answers == [(401,)]:
        case.headers = ("www-authenticate",)
    return case


def field_cases(data):
    """Bodies with one wrong value or without one field."""
    for route in data["routes"]:
        about = {"path": route["path"], "dialect": route["dialect"], "status": 422}
        for field, kind in route["fields"].items():
            for value in data["values"][kind]:
                name = f"{route['name']}: {field} = {json.dumps(value)}"
                body = route["body"] | {field: value}
                yield post_case(name, body=body, says=field.rstrip("s"), **about)
        for field in route["required"]:
            for body, what in (
                ({k: v for k, v in route["body"].items() if k != field}, "no"),
                (route["body"] | {field: None}, "null as"),
            ):
                name = f"{route['name']}: {what} {field}"
                yield post_case(name, body=body, says=field, **about)


def malformed_cases(data):
    for path, dialect in data["paths"].items():
        for body in data["bodies"]:
            yield post_case(
                f"{path}: {body['name']}",
                path,
                to_bytes(body["body"]),
                body["status"],
                body.get("says", ""),
                "" if path == "/rerank" else dialect,  # which form it was is not known
            )


def text_cases(data):
    for place in data["places"]:
        before, after = place["body"].encode().split(b"@")
        for fragment in data["fragments"]:
            text = bytes.fromhex(fragment["hex"]) if "hex" in fragment else b""
            text = text or fragment["text"].encode()
            name = f"{place['name']}: {fragment['name']}"
            body = before + text + after
            yield post_case(name, place["path"], body, data["status"], data["says"])


def route_cases(data):
    for path, method in data["routes"].items():
        for other in data["methods"]:
            if other == method:
                continue
            body = json.dumps(GOOD_BODIES.get(path, {})).encode()
            case = Case(f"{other} {path}", [request_bytes(other, path, body)], [(405,)])
            case.headers = ("allow",)
            if other == "OPTIONS":
                case.answers, case.headers = [(200, 204, 405)], ()
            yield case
    for path in data["unknown"]:
        statuses = allowed(data["allowed_for_unknown"].get(path, 404))
        dialect = {"/v1/": "openai", "/v2/": "cohere"}.get(path[:4], "")
        for method, body in (("POST", BODY), ("GET", b"")):
            case = Case(f"{method} {path}", [request_bytes(method, path, body)], [statuses])
            case.dialect = dialect
            yield case


def load(name):
    data = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    cases = [raw_case(case) for case in data.get("raw", ())]
    cases += [request_case(case) for case in data.get("requests", ())]
    if "values" in data:
        cases += field_cases(data)
    if "bodies" in data:
        cases += malformed_cases(data)
    if "fragments" in data:
        cases += text_cases(data)
    if "methods" in data:
        cases += route_cases(data)
    if len({case.name for case in cases}) != len(cases):
        raise ValueError(f"{name}: two cases have one name")
    return Group(name, data["serve"], data.get("env", {}), cases)


def error_of(answer):
    """(dialect, message) of an error's body; raises ValueError where it is in no dialect."""
    content_type = answer.header("content-type") or ""
    if content_type.partition(";")[0] != "application/json":
        raise ValueError(f"an error of the type {content_type!r}")
    body = answer.json
    if not isinstance(body, dict):
        raise ValueError("an error that is no object")
    if set(body) == {"error", "error_type"} and body["error_type"] in ERROR_TYPES:
        found = "tei", body["error"]
    elif set(body) == {"message"}:
        found = "cohere", body["message"]
    elif set(body) == {"error"} and isinstance(body["error"], dict):
        if set(body["error"]) != {"message", "type", "param", "code"}:
            raise ValueError(f"an error with {sorted(body['error'])}")
        found = "openai", body["error"]["message"]
    else:
        raise ValueError("an error in no dialect")
    if not isinstance(found[1], str) or not found[1]:
        raise ValueError("an error without a message")
    return found
