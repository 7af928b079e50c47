"""crossrank: reranks search results on the CPU with the scores of sentence-transformers.

`CrossEncoder` takes the place of `sentence_transformers.CrossEncoder`; `CrossEncoderReRanker` ranks
documents with metadata; `HybridReRanker` lets an LLM judge the finalists. Adapters for LangChain,
LlamaIndex and Haystack are in `crossrank.integrations`, for Spark and Ray in `crossrank.spark` and
`crossrank.ray`.
"""

from ._core import available_isas, build_info
from ._core import version as _version
from .cross_encoder import CrossEncoder
from .documents import Document
from .errors import (
    CancelledError,
    CrossRankError,
    EngineError,
    FileError,
    InputTypeError,
    InvalidArgumentError,
    JudgeFailedError,
    ModelError,
    ModelNotFoundError,
    NetworkError,
    OutOfMemoryError,
)
from .judge import HybridReRanker, LlmJudge, ReRanker
from .rerankers import CrossEncoderReRanker
from .results import (
    JudgeReport,
    LabelledPair,
    RankedDocument,
    Ranking,
    ScoredPair,
    Span,
    Truncation,
    Verdict,
)

__version__ = _version()

__all__ = [
    "CancelledError",
    "CrossEncoder",
    "CrossEncoderReRanker",
    "CrossRankError",
    "Document",
    "EngineError",
    "FileError",
    "HybridReRanker",
    "InputTypeError",
    "InvalidArgumentError",
    "JudgeFailedError",
    "JudgeReport",
    "LabelledPair",
    "LlmJudge",
    "ModelError",
    "ModelNotFoundError",
    "NetworkError",
    "OutOfMemoryError",
    "RankedDocument",
    "Ranking",
    "ReRanker",
    "ScoredPair",
    "Span",
    "Truncation",
    "Verdict",
    "available_isas",
    "build_info",
]
