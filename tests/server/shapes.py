"""Requests and responses as data: what the JSON files of dialects/ say, filled in and compared.
Standard library only; tests nothing.

A case of dialects/*.json is
    name, path, method ("POST"), headers, request, status (200), response
and what its request is about:
    golden      number of a line in tests/golden/cases/rank.jsonl, whose query, documents, order and
                logits come from sentence-transformers
    scored      the texts that are scored, where they are not those that are sent
    truncated   whether each text was cut, where `scored` is given
    pairs       for routes that take pairs: what is scored

In a request "$query", "$documents", "$text_objects" and "$objects" stand for the golden's, and
    {"$repeat": [text, n]}   the text n times
    {"$join": [...]}         strings, one behind the other
    {"$list": [value, n]}    a list of n times the value

A response is compared member by member. A key that ends in "?" may be absent; no other key may be
there. Strings that start with "$" are named below; "$ranked" is a list in the right order, whose
entries' "$index", "$probability", "$logit", "$text", "$id" and "$metadata" are those of the
document in that place. "$ours" in an entry stands for what this server adds in every dialect.
Numbers must be equal, not close.
"""

import time

ERROR_TYPES = ("Unhealthy", "Backend", "Overloaded", "Validation", "Tokenizer", "Empty")


def is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value):
    return is_int(value) or isinstance(value, float)


def is_text(value):
    return isinstance(value, str) and value != ""


OURS = {"logit?": "$logit", "truncated?": "$truncated", "truncation?": "$truncation"}
KINDS = {
    "$any": lambda value: True,
    "$string": is_text,
    "$count": lambda value: is_int(value) and value > 0,
    "$number": is_number,
    "$now": lambda value: is_int(value) and abs(value - time.time()) < 300,
    "$digest": lambda value: (
        is_text(value) and len(value) == 12 and set(value) <= set("0123456789abcdef")
    ),
    "$error_type": lambda value: value in ERROR_TYPES,
}


def fill(value, golden=None):
    """A request as it is sent."""
    if isinstance(value, list):
        return [fill(entry, golden) for entry in value]
    if isinstance(value, dict):
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key == "$repeat":
                return argument[0] * argument[1]
            if key == "$join":
                return "".join(fill(part, golden) for part in argument)
            if key == "$list":
                return [fill(argument[0], golden)] * argument[1]
        return {key: fill(entry, golden) for key, entry in value.items()}
    if not isinstance(value, str) or not value.startswith("$"):
        return value
    if golden is None:
        raise ValueError(f"{value} in a case without a golden")
    documents = golden["documents"]
    return {
        "$query": golden["query"],
        "$documents": documents,
        "$text_objects": [{"text": text} for text in documents],
        "$objects": [
            {"text": text, "id": f"doc-{i}", "metadata": {"n": i, "tags": ["a", None]}}
            for i, text in enumerate(documents)
        ],
    }[value]


def text_of(document):
    if isinstance(document, str):
        return document
    return document["text"] if "text" in document else document["page_content"]


class Expected:
    """What the reference says of a request: `rows` are lines of `crossrank score`, one a pair."""

    def __init__(self, documents, rows, model, truncated=None):
        self.documents, self.rows, self.model = documents, rows, model
        self.truncated = truncated
        self.tokens = sum(row["truncation"]["tokens_used"] for row in rows)
        self.order = sorted(range(len(rows)), key=lambda i: (-rows[i]["logit"], i))

    def value(self, name, index):
        """Of a "$name" inside of "$ranked"."""
        document, row = self.documents[index], self.rows[index]
        if name == "$index":
            return index
        if name == "$text":
            return text_of(document)
        if name in ("$id", "$metadata"):
            return document[name[1:]]
        cut = row["truncation"]
        if name == "$truncated":
            if self.truncated is not None:
                return self.truncated[index]
            return cut["tokens_used"] < cut["tokens_total"] or cut["chars_cut"] > 0
        if name == "$truncation":  # no case of these cuts a query
            shape = cut | {"document_truncated?": self.value("$truncated", index)}
            return shape if self.truncated is None else shape | {"tokens_total": "$count"}
        return row[name[1:]]


def differences(shape, value, expected, index=None, where="response"):
    """Sentences, one for each place where the value is not as the shape says."""
    if isinstance(shape, dict) and "$ranked" in shape:
        order = expected.order[: shape.get("$top", len(expected.order))]
        if not isinstance(value, list) or len(value) != len(order):
            return [f"{where}: not a list of {len(order)}: {short(value)}"]
        found = []
        for rank, (entry, i) in enumerate(zip(value, order)):
            found += differences(shape["$ranked"], entry, expected, i, f"{where}[{rank}]")
        return found
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{where}: not an object: {short(value)}"]
        if "$ours" in shape:
            shape = OURS | {key: inner for key, inner in shape.items() if key != "$ours"}
        keys = {key.rstrip("?"): key for key in shape}
        found = [f"{where}: has {key!r}" for key in value if key not in keys]
        for key, as_written in keys.items():
            if key in value:
                inner = f"{where}.{key}"
                found += differences(shape[as_written], value[key], expected, index, inner)
            elif not as_written.endswith("?"):
                found.append(f"{where}: has no {key!r}")
        return found
    if isinstance(shape, list):
        if not isinstance(value, list) or len(value) != len(shape):
            return [f"{where}: not a list of {len(shape)}: {short(value)}"]
        found = []
        for i, (inner, entry) in enumerate(zip(shape, value)):
            found += differences(inner, entry, expected, index, f"{where}[{i}]")
        return found
    if isinstance(shape, str) and shape.startswith("$"):
        if shape in KINDS:
            return [] if KINDS[shape](value) else [f"{where}: not a {shape[1:]}: {short(value)}"]
        return differences(wanted(shape, expected, index), value, expected, index, where)
    if type(shape) is not type(value) and not (is_number(shape) and is_number(value)):
        return [f"{where}: {short(value)}, not {short(shape)}"]
    return [] if shape == value else [f"{where}: {short(value)}, not {short(shape)}"]


def wanted(name, expected, index):
    if name == "$model":
        return expected.model
    if name == "$tokens":
        return expected.tokens
    field, _, number = name[1:].partition("_")
    if number:  # $logit_1: of the second pair
        return expected.rows[int(number)][field]
    return expected.value(name, index)


def short(value):
    text = repr(value)
    return text if len(text) < 200 else text[:200] + "..."
