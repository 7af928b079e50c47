"""An OpenAI-compatible server on loopback that answers crossrank's judge with recorded labels.

Which labels is chosen by the request's model name. The candidates of a prompt are recognised by
their text. A candidate without a label is left out of the answer.
"""

import collections
import http.server
import json
import pathlib
import re
import threading

RELEVANCE = {0: 0, 1: 3, 2: 7, 3: 10}  # of a label 0 to 3, on the judge's scale

BLOCK = re.compile(r"^<<<(\w+) (query|candidate (c\d+))\n(.*?)^\1>>>$", re.M | re.S)


def read_labels(file: pathlib.Path) -> dict[str, dict[str, int]]:
    """{query id: {document id: label}}"""
    labels = collections.defaultdict(dict)
    for line in file.open(encoding="utf-8"):
        query_id, _, document_id, label = line.split()
        labels[query_id][document_id] = int(label)
    return labels


def visible(text: str) -> str:
    """What quoting and cleaning in the prompt leave as it is."""
    seen = "".join(c for c in text if c.isprintable())
    return re.sub(r"([<\[]) ", r"\1", seen)  # where a control token could begin, a space is added


def quoted(block: str) -> str:
    """What is visible of the block's quoted lines."""
    return visible("".join(line[2:] for line in block.splitlines() if line.startswith("| ")))


class Replay:
    """`with Replay(...) as replay:` serves at replay.url."""

    def __init__(self, groups, labels: dict[str, dict[str, dict[str, int]]]):
        self.documents = {
            visible(query): (query_id, [(document, visible(text)) for document, text in documents])
            for query_id, query, documents in groups
        }
        self.labels = labels
        self.calls = 0
        self.mistakes: list[str] = []
        replay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = 200, {}
                try:
                    answer = replay.answer(json.loads(body))
                except Exception as error:  # told by the main thread
                    replay.mistakes.append(repr(error))
                    status = 500
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request: dict) -> dict:
        self.calls += 1
        ratings = {}
        documents = labels = None
        for _, kind, label, block in BLOCK.findall(request["messages"][1]["content"]):
            if kind == "query":
                query_id, documents = self.documents[quoted(block)]
                labels = self.labels[request["model"]][query_id]
                continue
            shown = quoted(block)
            found = [d for d, text in documents if text == shown]
            found = found or [d for d, text in documents if text.startswith(shown)]
            if len(found) != 1:
                raise ValueError(f"{query_id}: {len(found)} candidates read {shown[:60]}...")
            if found[0] in labels:
                grade = labels[found[0]]
                ratings[label] = {"relevance": RELEVANCE[grade], "reason": f"label {grade}"}
        message = {"role": "assistant", "content": json.dumps(ratings)}
        return {
            "object": "chat.completion",
            "model": request["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        }
