// Finds where in a document the model stopped reading. The server says how many tokens it read,
// and /tokenize where in the text a token ends.
import type { Token, TruncationReport } from "./api.ts";
import { countCodePoints, offsetOfCodePoint } from "./format.ts";

/** [CLS] query [SEP] document [SEP] */
const SPECIAL_TOKENS = 3;
/** Texts up to here are tokenized whole, which also shows whether the counts agree. */
const WHOLE = 20_000;
/** Characters sent for each token that was read, when the text is longer than that. */
const CHARS_PER_TOKEN = 24;

export interface Cut {
  /** UTF-16 offset of the first character that was not read; the text's length when all was. */
  at: number;
  /** False when it is an estimate. */
  exact: boolean;
}

type Tokenize = (text: string) => Promise<Token[]>;

/** How many tokens of the document were read, given those of the query, both before cutting. */
export function keptDocumentTokens(
  report: TruncationReport,
  queryTokens: number,
  documentTokens: number,
): number {
  const room = report.tokens_used - SPECIAL_TOKENS;
  if (!report.query_truncated) return Math.min(documentTokens, room - queryTokens);
  // The query was cut, so the shorter side got half of the room, rounded down, or all that it has;
  // of two equal ones the query counts as the shorter.
  const half = Math.floor(room / 2);
  const share = documentTokens >= queryTokens ? room - half : half;
  return Math.min(documentTokens, share);
}

/** Where the part ends that max_chars left over, as a UTF-16 offset. */
function endOfScoredText(text: string, report: TruncationReport): number {
  if (report.chars_cut === 0) return text.length;
  return offsetOfCodePoint(text, Math.max(0, countCodePoints(text) - report.chars_cut));
}

export async function findCut(
  tokenize: Tokenize,
  queryTokens: () => Promise<number>,
  text: string,
  report: TruncationReport,
): Promise<Cut> {
  const end = endOfScoredText(text, report);
  const scored = text.slice(0, end);
  const cutByTokens = report.document_truncated ?? report.tokens_used < report.tokens_total;
  if (!cutByTokens) return { at: end, exact: true };
  try {
    const inQuery = await queryTokens();
    const inDocument = report.tokens_total - SPECIAL_TOKENS - inQuery;
    const kept = keptDocumentTokens(report, inQuery, inDocument);
    // Without the server's own word on the document, it may be that the query alone was cut.
    if (kept === inDocument && report.document_truncated === undefined) {
      return { at: end, exact: true };
    }
    if (kept === 0) return { at: 0, exact: true };
    const whole = scored.length <= WHOLE;
    const tokens = await tokenize(whole ? scored : prefix(scored, kept));
    const stop = tokens[kept - 1]?.stop;
    // Other counts than the server's own: something else was scored, for example with metadata.
    const agrees = whole ? tokens.length === inDocument : tokens.length > kept;
    if (agrees && typeof stop === "number")
      return { at: offsetOfCodePoint(scored, stop), exact: true };
  } catch {
    // An estimate is better than nothing, and the ranking itself is there.
  }
  return { at: estimate(scored, report), exact: false };
}

/** The beginning of a long text that surely holds `kept` tokens, up to a space if there is one. */
function prefix(text: string, kept: number): string {
  const end = offsetOfCodePoint(text, Math.max(WHOLE, kept * CHARS_PER_TOKEN));
  if (end >= text.length) return text;
  const space = text.lastIndexOf(" ", end);
  return text.slice(0, space > end / 2 ? space : end);
}

/** The share of the pair's tokens that was read, taken of the text, moved to the end of a word. */
function estimate(text: string, report: TruncationReport): number {
  const share = report.tokens_total > 0 ? report.tokens_used / report.tokens_total : 1;
  const at = Math.floor(text.length * Math.min(1, share));
  const space = text.indexOf(" ", at);
  const end = space >= 0 && space - at < 40 ? space : at;
  return (text.codePointAt(end - 1) ?? 0) > 0xffff ? end + 1 : end;
}
