"""The clients that people use, as they come from PyPI, pointed at crossrank serve (Cohere's has its
own file), and schemathesis, which asks what /openapi.json allows and what it does not. make
test-server installs them.

Each must give the order of sentence-transformers (tests/golden) and the scores of
`crossrank score`, exactly.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import server as serving
from haystack import Document as HaystackDocument
from haystack.utils import Secret
from haystack_integrations.components.rankers.huggingface_api import HuggingFaceTEIRanker
from huggingface_hub import InferenceClient
from infinity_client import AuthenticatedClient
from infinity_client.api.default import rerank as infinity_rerank
from infinity_client.models import RerankInput
from langchain_cohere import CohereRerank
from langchain_core.documents import Document as LangChainDocument
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.tei_rerank import TextEmbeddingInference
from served_test_case import KEY, MODEL, TOP, ServedTestCase
from server import SOURCE, Server

sys.path.insert(0, str(SOURCE / "tests" / "judge"))

from fault_server import FaultServer  # noqa: E402

SCHEMATHESIS_EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "60"))


class Clients(ServedTestCase):
    def test_langchain_cohere(self):
        reranker = CohereRerank(
            model="rerank-v3.5", cohere_api_key=KEY, base_url=self.server.url, top_n=TOP
        )
        documents = [
            LangChainDocument(text, metadata={"n": i}) for i, text in enumerate(self.documents)
        ]
        compressed = reranker.compress_documents(documents, self.query)
        ranked = [(d.metadata["n"], d.metadata["relevance_score"]) for d in compressed]
        self.check(ranked, TOP)
        for document in compressed:
            self.assertEqual(document.page_content, self.documents[document.metadata["n"]])

    # text-embeddings-inference.

    def test_llama_index(self):
        reranker = TextEmbeddingInference(
            base_url=self.server.url, top_n=TOP, auth_token=f"Bearer {KEY}"
        )
        nodes = [
            NodeWithScore(node=TextNode(text=text, id_=str(i)), score=0.0)
            for i, text in enumerate(self.documents)
        ]
        ranked = reranker.postprocess_nodes(nodes, query_str=self.query)
        self.check([(int(one.node.node_id), one.score) for one in ranked], TOP)

    def test_haystack(self):
        for raw, name in ((False, "probability"), (True, "logit")):
            ranker = HuggingFaceTEIRanker(
                url=self.server.url, top_k=TOP, raw_scores=raw, token=Secret.from_token(KEY)
            )
            documents = [
                HaystackDocument(id=str(i), content=text) for i, text in enumerate(self.documents)
            ]
            ranked = ranker.run(query=self.query, documents=documents)["documents"]
            self.check([(int(one.id), one.score) for one in ranked], TOP, name)

    def test_hugging_face_hub(self):
        """Its client asks endpoints how they are; it has no reranking."""
        self.server.wait_until_ready()
        client = InferenceClient(self.server.url, provider="hf-inference", token=KEY)
        self.assertTrue(client.health_check())
        self.assertEqual(client.get_endpoint_info()["model_id"], MODEL)

    # infinity, and whoever speaks JSON.

    def test_infinity_client(self):
        client = AuthenticatedClient(base_url=self.server.url, token=KEY)
        body = RerankInput(
            query=self.query, documents=self.documents, return_documents=True, top_n=TOP
        )
        result = infinity_rerank.sync(client=client, body=body)
        self.check([(r.index, r.relevance_score) for r in result.results], TOP)
        self.assertEqual(result.results[0].document, self.documents[self.order[0]])
        self.assertEqual(result.model, MODEL)
        tokens = sum(row["truncation"]["tokens_used"] for row in self.rows)
        self.assertEqual(result.usage.total_tokens, tokens)

    def test_infinity_client_gets_logits(self):
        client = AuthenticatedClient(base_url=f"{self.server.url}/v1", token=KEY)
        body = RerankInput(query=self.query, documents=self.documents, raw_scores=True)
        result = infinity_rerank.sync(client=client, body=body)
        self.check([(r.index, r.relevance_score) for r in result.results], name="logit")

    def curl(self, path, body, *args):
        done = subprocess.run(
            [
                *("curl", "--silent", "--show-error", "--fail-with-body", "--noproxy", "*"),
                *("-H", f"Authorization: Bearer {KEY}", "-H", "Content-Type: application/json"),
                *("--data-binary", "@-", *args, self.server.url + path),
            ],
            input=json.dumps(body).encode(),
            capture_output=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        return json.loads(done.stdout)

    def test_curl(self):
        body = {"query": self.query, "texts": self.documents}
        self.check([(r["index"], r["score"]) for r in self.curl("/rerank", body)])
        body = {"model": "jina-reranker-v2", "query": self.query, "documents": self.documents}
        for path in ("/v1/rerank", "/v2/rerank", "/rerank"):
            results = self.curl(path, body)["results"]
            self.check([(r["index"], r["relevance_score"]) for r in results])

    def test_curl_in_its_other_ways(self):
        """With Expect: 100-continue, in chunks, by HTTP/1.0, and asking for HTTP/2."""
        body = {"query": self.query, "texts": [*self.documents, "x" * 2_000_000]}
        wanted = None
        for args in (
            [],
            ["-H", "Expect: 100-continue"],
            ["-H", "Transfer-Encoding: chunked"],
            ["--http1.0"],
            ["--http2"],
            ["--compressed"],
        ):
            got = self.curl("/rerank", body, *args)
            wanted = wanted or got
            self.assertEqual(got, wanted, args)


class Schemathesis(unittest.TestCase):
    def test_every_route(self):
        """With data that openapi.json allows, and with data that it does not."""
        program = pathlib.Path(sys.executable).parent / "schemathesis"
        with FaultServer(["good"]) as judge, tempfile.TemporaryDirectory() as folder:
            schema = pathlib.Path(folder) / "openapi.json"
            flags = ("--judge-url", judge.url, "--judge-model", "judge-model")
            with Server(*flags, "--api-key-env", "CLIENTS_KEY", env={"CLIENTS_KEY": KEY}) as server:
                api = server.get("/openapi.json").json
                # Without the headers: what comes of a deadline of 1 ms depends on the machine, and
                # ids that are none are ignored. bad_input/strange.json has both.
                for item in api["paths"].values():
                    for operation in item.values():
                        operation["parameters"] = [
                            parameter
                            for parameter in operation.get("parameters", ())
                            if parameter["in"] != "header"
                        ]
                schema.write_text(json.dumps(api), "utf-8")
                done = subprocess.run(
                    [
                        *(program, "--no-color", "run", schema, "--url", server.url),
                        *("--header", f"Authorization: Bearer {KEY}"),
                        *("--max-examples", str(SCHEMATHESIS_EXAMPLES), "--continue-on-failure"),
                        # One worker: two at once may meet in ast.parse, which CPython 3.11 does
                        # not take ("AST constructor recursion depth mismatch").
                        *("--request-timeout", "30", "--workers", "1", "--seed", "1"),
                    ],
                    cwd=folder,
                    capture_output=True,
                    text=True,
                    timeout=600,
                    env=serving.environment(folder),
                )
                asked = {(record["method"], record["path"]) for record in server.events("request")}
        report = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, report[-20_000:])
        for path, item in api["paths"].items():
            for method in item:
                self.assertIn((method.upper(), path), asked)
        print(re.sub(r"\n{2,}", "\n", report)[-1500:])


if __name__ == "__main__":
    unittest.main()
