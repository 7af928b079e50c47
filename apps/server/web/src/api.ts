// The server's routes as functions, and its errors as sentences. Draws nothing.
import type { InputDocument } from "./documents.ts";
import { count } from "./format.ts";

export interface Info {
  model_id: string;
  /** Our own names beside those of text-embeddings-inference: what counts for the scores. */
  weights_sha256?: string;
  precision?: string;
  max_input_length?: number;
  version?: string;
  hybrid?: boolean;
}

export interface TruncationReport {
  tokens_total: number;
  tokens_used: number;
  chars_cut: number;
  query_truncated: boolean;
  /** /v1/hybrid leaves it out. */
  document_truncated?: boolean;
}

/** Where the best chunk is, of a server that scores chunks. */
export interface TextSpan {
  begin_char: number;
  end_char: number;
}

export interface RerankAnswer {
  model: string;
  usage?: { prompt_tokens?: number; total_tokens?: number };
  results: {
    index: number;
    relevance_score: number;
    logit?: number;
    truncated?: boolean;
    truncation?: TruncationReport;
    span?: TextSpan;
    id?: string | number | null;
    metadata?: Record<string, unknown> | null;
  }[];
}

export interface HybridAnswer {
  model: string;
  results: {
    rank: number;
    index: number;
    id?: string | number | null;
    logit: number;
    probability: number;
    truncation?: TruncationReport;
    span?: TextSpan;
    stage: string;
    cross_encoder_rank: number;
    judge?: { relevance: number; reason: string };
  }[];
  degraded: boolean;
  outcome: string;
  judge: {
    calls: number;
    tokens: number;
    cost?: number | null;
    model?: string;
    message?: string;
    elapsed_ms?: number;
  };
  elapsed_ms: number;
}

export interface Token {
  id: number;
  text: string;
  special: boolean;
  start: number | null;
  stop: number | null;
}

export interface RankRequest {
  mode: "rerank" | "hybrid";
  query: string;
  documents: InputDocument[];
  /** Undefined: the server's default. */
  keep?: number | undefined;
  context?: string | undefined;
}

/** A failed request. `message` is a sentence, `detail` what the server said of it. */
export class RequestError extends Error {
  constructor(
    message: string,
    /** 0 when there was no answer. */
    readonly status: number,
    readonly detail: string,
  ) {
    super(message);
  }
}

const SENTENCES: Record<number, string> = {
  400: "The server could not read the request.",
  403: "The server refused the request.",
  404: "The server does not have what was asked for.",
  405: "The server does not take this kind of request.",
  408: "The server gave up waiting for the rest of the request.",
  413: "This is more than the server takes in one request.",
  415: "The server does not take this kind of content.",
  422: "The server cannot rank this.",
  500: "The server failed while it worked on this.",
  501: "The server cannot do this.",
  502: "A proxy before the server got no answer from it.",
  503: "The server is not ready.",
  504: "The time for this request ran out before the ranking was done.",
};

/** The path and body that a ranking is asked with: what is sent, and what curl is given. */
export function rankBody(request: RankRequest): { path: string; body: Record<string, unknown> } {
  const { query, keep } = request;
  const documents = request.documents.map((document) =>
    document.id === undefined && document.metadata === undefined ? document.text : document,
  );
  if (request.mode === "hybrid") {
    const body: Record<string, unknown> = { query, documents };
    if (keep !== undefined) body.top_k = keep;
    if (request.context) body.context = request.context;
    return { path: "v1/hybrid", body };
  }
  const body: Record<string, unknown> = { query, documents, return_documents: false };
  if (keep !== undefined && keep > 0) body.top_n = keep;
  return { path: "v1/rerank", body };
}

export class Api {
  /** Sent as a bearer token when not empty; lives here and nowhere else. */
  key = "";

  /** Relative to the page, so that a proxy may serve it under a path of its own. */
  url(path: string): string {
    return new URL(path, document.baseURI).href;
  }

  async info(): Promise<Info> {
    const info = (await this.request("GET", "info")) as Info;
    if (typeof info?.model_id !== "string") throw unexpected("info");
    return info;
  }

  async rerank(body: object, signal: AbortSignal): Promise<RerankAnswer> {
    const answer = (await this.request("POST", "v1/rerank", body, signal)) as RerankAnswer;
    if (!Array.isArray(answer?.results)) throw unexpected("v1/rerank");
    return answer;
  }

  async hybrid(body: object, signal: AbortSignal): Promise<HybridAnswer> {
    const answer = (await this.request("POST", "v1/hybrid", body, signal)) as HybridAnswer;
    if (!Array.isArray(answer?.results)) throw unexpected("v1/hybrid");
    return answer;
  }

  /** The tokens of one text, without the special ones. */
  async tokenize(text: string, signal?: AbortSignal): Promise<Token[]> {
    const lists = await this.request("POST", "tokenize", { inputs: text }, signal);
    const tokens: unknown = Array.isArray(lists) ? lists[0] : undefined;
    if (!Array.isArray(tokens)) throw unexpected("tokenize");
    return (tokens as Token[]).filter((token) => !token.special);
  }

  private async request(
    method: "GET" | "POST",
    path: string,
    body?: object,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const headers = new Headers({ Accept: "application/json" });
    if (body !== undefined) headers.set("Content-Type", "application/json");
    if (this.key !== "") headers.set("Authorization", `Bearer ${this.key}`);
    const init: RequestInit = { method, headers, cache: "no-store" };
    if (body !== undefined) init.body = JSON.stringify(body);
    if (signal) init.signal = signal;
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.url(path), init);
      text = await response.text();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new RequestError(
        "The server did not answer. It may have stopped, or the connection was lost.",
        0,
        (error as Error).message,
      );
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      if (response.ok) throw unexpected(path);
    }
    if (!response.ok) throw this.refusal(response, value, text);
    return value;
  }

  private refusal(response: Response, value: unknown, text: string): RequestError {
    const { status } = response;
    let sentence = SENTENCES[status] ?? "The server did not do what was asked.";
    if (status === 401) {
      sentence =
        this.key === ""
          ? "The server asks for an API key."
          : "The server does not know this API key.";
    }
    if (status === 429) {
      const seconds = Number(response.headers.get("Retry-After") ?? NaN);
      sentence = "The server has as much work as it takes.";
      if (seconds > 0) {
        sentence += ` It asks to try again in ${count(seconds)} second${seconds === 1 ? "" : "s"}.`;
      }
    }
    return new RequestError(sentence, status, serverMessage(value) ?? plainText(text));
  }
}

function unexpected(path: string): RequestError {
  return new RequestError(
    `What came back from /${path} is not what crossrank answers. Is there a proxy in between?`,
    200,
    "",
  );
}

/** The message in the bodies of /v1/* ({error: {message}}) and of the other routes ({error}). */
function serverMessage(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("error" in value)) return undefined;
  const { error } = value;
  if (typeof error === "string") return error;
  if (typeof error === "object" && error !== null && "message" in error) {
    return String(error.message);
  }
  return undefined;
}

/** An error page is of no use here, a short text is. */
function plainText(text: string): string {
  return text.trimStart().startsWith("<") || text.length > 500 ? "" : text.trim();
}
