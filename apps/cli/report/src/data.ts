// What crossrank eval puts into the page: the shapes, and how they are read. Draws nothing.

export type Interval = [low: number, high: number] | null;

export interface Run {
  name: string;
  queries: number;
  missing: number;
  unknown: number;
  duplicates: number;
  means: number[];
  intervals: Interval[];
  /** Mean nDCG@1, nDCG@2, ... */
  ndcg_by_depth: number[];
  /** Documents in equal parts of [low, high]. */
  scores: {
    low: number;
    high: number;
    relevant: number[];
    not_relevant: number[];
    unjudged: number[];
  };
}

export interface MeasureComparison {
  queries: number;
  difference: number;
  interval: Interval;
  p: number | null;
  wins: number;
  ties: number;
  losses: number;
  verdict: "helped" | "hurt" | "undecided" | "";
}

export interface Comparison {
  run: number;
  conclusion: string;
  measures: MeasureComparison[];
}

export interface Query {
  id: string;
  text: string | null;
  /** A value for each measure; null for a run in which the query does not count. */
  values: (number[] | null)[];
}

/** Documents that were scored in part, and all, in parts of ten ranks each. */
export interface Truncation {
  ranks_a_part: number;
  relevant: [truncated: number, all: number][];
  others: [truncated: number, all: number][];
}

export type TopDocument = [id: string, score: number, grade: number | null];

export interface Data {
  version: string;
  qrels: string;
  relevance_level: number;
  all_queries: boolean;
  measures: string[];
  runs: Run[];
  comparisons: Comparison[];
  extremes: { run: number; worst: number[]; best: number[] }[];
  truncation: Truncation | null;
  top: Record<string, TopDocument[][]>;
  queries: Query[];
}

/** What the command put into the page, whose shape is the caller's word. */
export function readData<Shape>(): Shape {
  const element = document.getElementById("data");
  if (!element) throw new Error("the page has no data");
  return JSON.parse(element.textContent ?? "") as Shape;
}

export const fixed = (value: number): string => value.toFixed(4);

/** With a sign, and a minus that is as wide as the plus. */
export const signed = (value: number): string =>
  (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(4);

export function pText(p: number | null): string {
  if (p === null) return "\u2013";
  return p > 0 && p < 0.0001 ? p.toExponential(1) : p.toFixed(4);
}
