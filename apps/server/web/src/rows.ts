// The answers of /v1/rerank and /v1/hybrid as rows of one table. Draws nothing.
import type { HybridAnswer, RerankAnswer, TextSpan, TruncationReport } from "./api.ts";
import type { InputDocument } from "./documents.ts";

export interface Row {
  /** From 1, best first. */
  position: number;
  /** From 0, in the list that was sent. */
  index: number;
  document: InputDocument;
  probability: number;
  logit: number | undefined;
  truncation: TruncationReport | undefined;
  span: TextSpan | undefined;
  /** Of the hybrid alone. */
  judged?: {
    stage: string;
    encoderRank: number;
    relevance: number | undefined;
    reason: string;
  };
}

export interface Ranking {
  rows: Row[];
  query: string;
  /** How many documents were sent. */
  sent: number;
  model: string;
  /** From sending to the last byte of the answer, measured here. */
  elapsed: number;
  tokens: number | undefined;
  judge?: {
    degraded: boolean;
    outcome: string;
    message: string;
    calls: number;
    tokens: number;
    model: string | undefined;
    elapsed: number | undefined;
  };
}

export interface Asked {
  query: string;
  documents: InputDocument[];
  elapsed: number;
}

/** The document that a result means. The answer's id and metadata count, they may be completed. */
function documentOf(
  result: { index: number; id?: string | number | null; metadata?: Record<string, unknown> | null },
  asked: Asked,
): InputDocument {
  const sent = asked.documents[result.index];
  if (!sent) throw new RangeError(`The answer names a document ${result.index} that was not sent.`);
  const found: InputDocument = { ...sent };
  if (typeof result.id === "string" || typeof result.id === "number") found.id = result.id;
  if (typeof result.metadata === "object" && result.metadata !== null) {
    found.metadata = result.metadata;
  }
  return found;
}

export function fromRerank(answer: RerankAnswer, asked: Asked): Ranking {
  const rows = answer.results.map((result, position): Row => ({
    position: position + 1,
    index: result.index,
    document: documentOf(result, asked),
    probability: result.relevance_score,
    logit: result.logit,
    truncation: result.truncation,
    span: result.span,
  }));
  return {
    rows,
    query: asked.query,
    sent: asked.documents.length,
    model: answer.model,
    elapsed: asked.elapsed,
    tokens: answer.usage?.total_tokens,
  };
}

export function fromHybrid(answer: HybridAnswer, asked: Asked): Ranking {
  const rows = answer.results.map((result): Row => ({
    position: result.rank,
    index: result.index,
    document: documentOf(result, asked),
    probability: result.probability,
    logit: result.logit,
    truncation: result.truncation,
    span: result.span,
    judged: {
      stage: result.stage,
      encoderRank: result.cross_encoder_rank,
      relevance: result.judge?.relevance,
      reason: result.judge?.reason ?? "",
    },
  }));
  const { judge } = answer;
  return {
    rows,
    query: asked.query,
    sent: asked.documents.length,
    model: answer.model,
    elapsed: asked.elapsed,
    tokens: undefined,
    judge: {
      degraded: answer.degraded,
      outcome: answer.outcome,
      message: judge?.message ?? "",
      calls: judge?.calls ?? 0,
      tokens: judge?.tokens ?? 0,
      model: judge?.model,
      elapsed: judge?.elapsed_ms,
    },
  };
}

/** Whether some of the document was not scored. */
export function isCut(report: TruncationReport | undefined): report is TruncationReport {
  if (!report) return false;
  return (
    report.chars_cut > 0 || (report.document_truncated ?? report.tokens_used < report.tokens_total)
  );
}
