"""Cohere's own client, as it comes from PyPI, pointed at crossrank serve. make test-server runs it
with the newest version and with the one that langchain-cohere needs.
"""

import asyncio
import unittest

import cohere
from served_test_case import KEY, TOP, ServedTestCase


class Cohere(ServedTestCase):
    def test_cohere(self):
        client = cohere.ClientV2(api_key=KEY, base_url=self.server.url)
        response = client.rerank(
            model="rerank-v3.5", query=self.query, documents=self.documents, top_n=TOP
        )
        self.check([(r.index, r.relevance_score) for r in response.results], TOP)
        self.assertEqual(response.meta.api_version.version, "2")
        self.assertEqual(response.meta.billed_units.search_units, 1)
        self.assertTrue(response.id)

    def test_cohere_all_and_cut(self):
        client = cohere.ClientV2(api_key=KEY, base_url=self.server.url)
        response = client.rerank(
            model="m", query=self.query, documents=self.documents, max_tokens_per_doc=4096
        )
        self.check([(r.index, r.relevance_score) for r in response.results])

    def test_cohere_async(self):
        async def ask():
            client = cohere.AsyncClientV2(api_key=KEY, base_url=self.server.url)
            return await client.rerank(model="m", query=self.query, documents=self.documents)

        response = asyncio.run(ask())
        self.check([(r.index, r.relevance_score) for r in response.results])

    def test_cohere_understands_our_errors(self):
        client = cohere.ClientV2(api_key="wrong", base_url=self.server.url)
        with self.assertRaises(cohere.errors.UnauthorizedError):
            client.rerank(model="m", query="tea", documents=["tea"])
        client = cohere.ClientV2(api_key=KEY, base_url=self.server.url)
        with self.assertRaises(cohere.errors.BadRequestError) as caught:
            client.rerank(model="m", query="tea", documents=[])
        self.assertIn("documents", str(caught.exception))
        with self.assertRaises(cohere.errors.UnprocessableEntityError):
            client.rerank(model="m", query="tea", documents=["tea"], top_n=0)


if __name__ == "__main__":
    unittest.main()
