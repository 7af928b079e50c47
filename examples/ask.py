#!/usr/bin/env python3
"""Asks a `crossrank serve` with the builtin model for one ranking and compares the logits with
those of PyTorch. Starts nothing; standard library alone.

    examples/ask.py URL [KEY]     for example http://127.0.0.1:8080

Exit codes: 0 the right answer, 1 another one or none.
"""

import json
import sys
import urllib.error
import urllib.request

QUERY = "how do I get a coffee stain out of a shirt"
# Documents and their logits by sentence-transformers in float32: apps/cli/reference_builtin.cc.
DOCUMENTS = {
    "Coffee came to Europe in the 17th century; the first coffee house in Vienna opened in 1685.": (
        -6.60529804
    ),
    "Rinse the cloth with cold water at once, then rub in dish soap and a little vinegar.": (
        -1.62040174
    ),
}
TOLERANCE = 1e-4  # times the logit, where that is above 1; docs/fidelity.md


def ask(url, key=None):
    """The answer of POST /v1/rerank, as a dict."""
    body = {"query": QUERY, "documents": list(DOCUMENTS), "raw_scores": True}
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(f"{url}/v1/rerank", json.dumps(body).encode(), headers)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine's server
    with direct.open(request, timeout=30) as answer:
        return json.load(answer)


def differences(answer):
    """What is wrong with an answer, a line each."""
    wanted = list(DOCUMENTS.values())
    results = answer["results"]
    if [result["index"] for result in results] != [1, 0]:
        yield f"the order is not 1, 0: {results}"
        return
    for result in results:
        logit = wanted[result["index"]]
        if abs(result["relevance_score"] - logit) > TOLERANCE * max(1, abs(logit)):
            yield f"document {result['index']} has {result['relevance_score']}, not {logit}"


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 1
    try:
        answer = ask(*sys.argv[1:])
        wrong = list(differences(answer))
    except (OSError, ValueError, KeyError) as error:
        wrong = [f"no ranking: {error}"]
    for line in wrong:
        print(f"ask.py: {line}", file=sys.stderr)
    if not wrong:
        print(f"{answer['model']} ranks as PyTorch does, within {TOLERANCE:g}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
