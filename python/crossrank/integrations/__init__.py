"""Adapters, one module for each framework; this file imports none of them.

- `crossrank.integrations.langchain`: `CrossRankReranker`, `CrossRankCrossEncoder`
- `crossrank.integrations.llama_index`: `CrossRankRerank`
- `crossrank.integrations.haystack`: `CrossRankRanker`

Each needs its framework, and says what to install where that is missing. docs/integrations.md has
examples and tables.
"""
