// What crossrank calibrate puts into its page. Draws nothing.

/** Pairs whose probabilities are neighbours. */
export interface Bin {
  pairs: number;
  low: number;
  high: number;
  /** Their mean. */
  probability: number;
  /** The share of the pairs that is relevant. */
  relevant: number;
}

/** Probabilities as they come, or as calibrated by folds that a query is not in. */
export interface Side {
  log_loss: number;
  brier: number;
  calibration_error: number;
  bins: Bin[];
  /** Pairs in equal parts of the probabilities. */
  histogram: { relevant: number[]; others: number[] };
}

export interface Calibration {
  version: string;
  model: string;
  weights_sha256: string;
  temperature: number;
  bias: number;
  conclusion: string;
  precision: string;
  max_length: number;
  max_chars: number;
  truncation: string;
  pairs: number;
  relevant: number;
  queries: number;
  folds: number;
  before: Side;
  after: Side;
}
