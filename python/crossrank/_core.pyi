"""Types of the compiled part. Internal: the package checks arguments and wraps results."""

from collections.abc import Callable, Sequence
from enum import Enum

_OnProgress = Callable[[int, int], None] | None
_Cut = tuple[int, int, int, bool, bool]
_Span = tuple[int, int, int, int]
_Document = tuple[str, dict[str, object] | None]
_Ranked = tuple[
    int,
    int,
    float,
    float,
    float,
    _Cut,
    _Span | None,
    str,
    tuple[float, str, float | None, int] | None,
    int,
]
NativeRanking = tuple[list[_Ranked], int, list[str]]

def version() -> str: ...
def build_info() -> str: ...
def available_isas() -> list[str]: ...

class CancelToken:
    def __init__(self) -> None: ...
    def cancel(self) -> None: ...

class Precision(Enum):
    fp32 = ...
    bf16 = ...
    int8 = ...

class Truncation(Enum):
    longest_first = ...
    document_only = ...
    error = ...
    chunk_max = ...
    chunk_top2 = ...
    first = ...

class TruncationSide(Enum):
    model = ...
    right = ...
    left = ...

class Activation(Enum):
    identity = ...
    sigmoid = ...
    tanh = ...
    softmax = ...

class JudgeMode(Enum):
    listwise = ...
    pointwise = ...

class OrderBias(Enum):
    ignore = ...
    two_pass = ...

class LoadOptions:
    def __init__(self, other: LoadOptions = ...) -> None: ...
    precision: Precision
    isa: str
    threads: int
    max_length: int
    revision: str
    cache_dir: str
    token: str
    local_files_only: bool
    calibration: str

class ChunkOptions:
    tokens: int
    overlap: int
    max_chunks: int

class ScoreOptions:
    max_length: int
    max_chars: int
    max_document_tokens: int
    truncation: Truncation
    truncation_side: TruncationSide
    chunk: ChunkOptions
    batch_tokens: int
    batch_size: int
    activation: Activation | None
    query_prompt: str | None

class ReRankOptions:
    def __init__(self, other: ReRankOptions = ...) -> None: ...
    top_k: int
    max_length: int
    max_chars: int
    batch_size: int
    batch_tokens: int
    truncation: Truncation
    chunk: ChunkOptions
    metadata_fields: list[str]
    metadata_template: str
    max_metadata_chars: int
    min_logit: float | None
    min_probability: float | None
    activation: Activation | None
    query_prompt: str | None

class JudgeOptions:
    top_k: int
    url: str
    model: str
    api_key_env: str
    api_key_file: str
    headers: list[str]
    proxy: str
    ca_bundle: str
    timeout_ms: int
    mode: JudgeMode
    order_bias: OrderBias
    concurrency: int
    seed: int | None
    context_tokens: int
    document_tokens: int
    answer_tokens: int
    skip_if_gap: float | None
    price_file: str
    cache_entries: int
    def add_param(self, name: str, json: str) -> None: ...

class ModelInfo:
    @property
    def name(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def architecture(self) -> str: ...
    @property
    def layers(self) -> int: ...
    @property
    def hidden_size(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def intermediate_size(self) -> int: ...
    @property
    def vocab_size(self) -> int: ...
    @property
    def max_length(self) -> int: ...
    @property
    def num_labels(self) -> int: ...
    @property
    def labels(self) -> list[str]: ...
    @property
    def parameters(self) -> int: ...
    @property
    def activation(self) -> Activation: ...
    @property
    def precision(self) -> Precision: ...
    @property
    def isa(self) -> str: ...
    @property
    def threads(self) -> int: ...
    @property
    def calibration(self) -> tuple[str, float, float] | None: ...
    @property
    def query_prompt(self) -> str: ...
    @property
    def note(self) -> str: ...

class CrossEncoder:
    def __init__(
        self, model: str, options: LoadOptions, token: CancelToken, on_progress: _OnProgress
    ) -> None: ...
    @property
    def info(self) -> ModelInfo: ...
    @property
    def usable(self) -> bool: ...
    def weights_sha256(self) -> str: ...
    def predict(
        self,
        pairs: Sequence[object],
        options: ScoreOptions,
        token: CancelToken,
        on_progress: _OnProgress,
    ) -> bytearray: ...
    def score(
        self,
        pairs: Sequence[object],
        options: ScoreOptions,
        token: CancelToken,
        on_progress: _OnProgress,
    ) -> list[tuple[list[float], list[float], list[float], _Cut, _Span | None]]: ...
    def rank(
        self,
        query: str,
        documents: list[str],
        top_k: int,
        options: ScoreOptions,
        token: CancelToken,
        on_progress: _OnProgress,
    ) -> list[tuple[int, float]]: ...

def check_rerank_options(encoder: CrossEncoder, options: ReRankOptions) -> None: ...
def scored_text(encoder: CrossEncoder, options: ReRankOptions, document: _Document) -> str: ...
def rerank(
    encoder: CrossEncoder,
    options: ReRankOptions,
    query: str,
    documents: list[_Document],
    token: CancelToken,
    on_progress: _OnProgress,
) -> NativeRanking: ...

class _Judging:
    def rank(
        self,
        query: str,
        documents: list[_Document],
        context: str,
        deadline_ms: int,
        traceparent: str,
        token: CancelToken,
    ) -> tuple[NativeRanking, dict[str, object]]: ...
    def dry_run(
        self,
        query: str,
        documents: list[_Document],
        context: str,
        deadline_ms: int,
        traceparent: str,
        token: CancelToken,
    ) -> list[tuple[str, list[str], str]]: ...

class LlmJudge(_Judging):
    def __init__(self, options: JudgeOptions) -> None: ...

class HybridReRanker(_Judging):
    def __init__(
        self,
        encoder: CrossEncoder,
        options: ReRankOptions,
        judge_options: JudgeOptions,
        top_k: int,
        strict: bool,
    ) -> None: ...
