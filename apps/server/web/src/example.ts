// The example that one click loads: texts that share words with the query and do not answer it, one
// that does, and a long one whose answer stands behind the 512 tokens that a BERT model reads.
import documents from "./example.jsonl";

export const EXAMPLE = { query: "who walked on the moon first", documents: documents.trimEnd() };
