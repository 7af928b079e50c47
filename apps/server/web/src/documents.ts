// Turns pasted or dropped text into documents. Sends and shows nothing.
import { CsvError, CsvReader } from "./csv.ts";
import { count } from "./format.ts";
import { Pacer } from "./pacer.ts";

export interface InputDocument {
  text: string;
  id?: string | number;
  metadata?: Record<string, unknown>;
}

export type Format = "lines" | "json" | "jsonl" | "csv";

export interface Parsed {
  documents: InputDocument[];
  format: Format;
  /** What was read otherwise than written, in sentences. */
  notes: string[];
}

/** What the user wrote cannot be read; the message says where. */
export class InputError extends Error {}

export const FORMAT_NAMES: Record<Format, string> = {
  lines: "plain lines",
  json: "JSON array",
  jsonl: "JSON lines",
  csv: "CSV",
};

const TEXT_NAMES = ["text", "page_content"];
const DELIMITERS = [",", ";", "\t"];

/** The delimiter with which this header has a column for the text, or undefined. */
function csvDelimiter(header: string): string | undefined {
  return DELIMITERS.find((delimiter) => {
    try {
      return textColumn(new CsvReader(header, delimiter).next() ?? []) >= 0;
    } catch {
      return false;
    }
  });
}

function textColumn(header: string[]): number {
  const names = header.map((name) => name.trim().toLowerCase());
  return names.findIndex((name) => TEXT_NAMES.includes(name));
}

function firstLine(text: string): string {
  const begin = text.search(/\S/);
  if (begin < 0) return "";
  const end = text.indexOf("\n", begin);
  return text.slice(begin, end < 0 ? text.length : end).trim();
}

/** What a text looks like. A broken JSON array is still one: its error is worth more than lines. */
export function detectFormat(text: string): Format {
  const line = firstLine(text);
  if (/^\s*\[\s*(["{\]]|$)/.test(text)) return "json";
  if (line.startsWith("{")) {
    try {
      JSON.parse(line);
      return "jsonl";
    } catch {
      // "{" alone, or a line that begins with a brace: JSON only if a member's name follows.
      if (/^\{\s*("|$)/.test(line)) return "jsonl";
    }
  }
  return csvDelimiter(line) === undefined ? "lines" : "csv";
}

/** All documents of a text. Long texts are read in slices; an aborted signal throws Stopped. */
export async function parseDocuments(
  text: string,
  wanted: Format | "auto",
  signal?: AbortSignal,
): Promise<Parsed> {
  const clean = text.startsWith("\ufeff") ? text.slice(1) : text;
  const format = wanted === "auto" ? detectFormat(clean) : wanted;
  const parsed: Parsed = { documents: [], format, notes: [] };
  if (clean.trim() === "") return parsed;
  const pacer = new Pacer(signal);
  if (format === "json") await readArray(clean, parsed, pacer);
  else if (format === "csv") await readCsv(clean, parsed, pacer);
  else await readLines(clean, parsed, pacer);
  return parsed;
}

async function readLines(text: string, parsed: Parsed, pacer: Pacer): Promise<void> {
  let line = 0;
  for (let begin = 0; begin < text.length;) {
    const end = text.indexOf("\n", begin);
    const content = text.slice(begin, end < 0 ? text.length : end).trim();
    begin = end < 0 ? text.length : end + 1;
    ++line;
    if (pacer.due()) await pacer.rest();
    if (content === "") continue;
    if (parsed.format === "lines") {
      parsed.documents.push({ text: content });
      continue;
    }
    parsed.documents.push(
      toDocument(parseJson(content, `Line ${count(line)}`), `Line ${count(line)}`),
    );
  }
}

async function readArray(text: string, parsed: Parsed, pacer: Pacer): Promise<void> {
  // The one step that cannot be sliced: 10 MB take about a tenth of a second.
  const values = parseJson(text, "The text");
  if (!Array.isArray(values)) throw new InputError("The JSON is not an array of documents.");
  for (const [index, value] of values.entries()) {
    if (pacer.due()) await pacer.rest();
    parsed.documents.push(toDocument(value, `Document ${count(index + 1)}`));
  }
}

async function readCsv(text: string, parsed: Parsed, pacer: Pacer): Promise<void> {
  try {
    await readRecords(text, parsed, pacer);
  } catch (error) {
    throw error instanceof CsvError ? new InputError(error.message) : error;
  }
}

async function readRecords(text: string, parsed: Parsed, pacer: Pacer): Promise<void> {
  const reader = new CsvReader(text, csvDelimiter(firstLine(text)) ?? ",");
  const header = (reader.next() ?? []).map((name) => name.trim());
  const textAt = textColumn(header);
  if (textAt < 0) {
    throw new InputError('The first line of the CSV names no column "text" or "page_content".');
  }
  let longer = 0;
  for (let record = reader.next(); record !== undefined; record = reader.next()) {
    if (pacer.due()) await pacer.rest();
    if (record.length > header.length) ++longer;
    const found: InputDocument = { text: record[textAt] ?? "" };
    const metadata: [string, string][] = [];
    for (const [column, name] of header.entries()) {
      const value = record[column];
      if (column === textAt || value === undefined || value === "" || name === "") continue;
      if (name.toLowerCase() === "id") found.id = value;
      else metadata.push([name, value]);
    }
    if (metadata.length > 0) found.metadata = Object.fromEntries(metadata);
    parsed.documents.push(found);
  }
  if (longer > 0) {
    parsed.notes.push(
      longer === 1
        ? "One row has more fields than the header; the surplus is left out."
        : `${count(longer)} rows have more fields than the header; the surplus is left out.`,
    );
  }
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`${where} is not valid JSON: ${(error as Error).message}.`);
  }
}

function toDocument(value: unknown, where: string): InputDocument {
  if (typeof value === "string") return { text: value };
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InputError(`${where} is neither a string nor an object with a text.`);
  }
  const fields = new Map(Object.entries(value));
  const name = TEXT_NAMES.find((candidate) => typeof fields.get(candidate) === "string");
  if (name === undefined) {
    throw new InputError(`${where} has no string "text" or "page_content".`);
  }
  const found: InputDocument = { text: String(fields.get(name)) };
  const id = fields.get("id");
  if (typeof id === "string" || typeof id === "number") found.id = id;
  const own = fields.get("metadata");
  const metadata = new Map<string, unknown>();
  for (const [key, field] of fields) {
    if (key !== name && key !== "id" && key !== "metadata") metadata.set(key, field);
  }
  if (typeof own === "object" && own !== null && !Array.isArray(own)) {
    for (const [key, field] of Object.entries(own)) metadata.set(key, field);
  }
  if (metadata.size > 0) found.metadata = Object.fromEntries(metadata);
  return found;
}
