// The parts of the page that need no browser: reading documents, finding the cut, writing a command.
import { expect, test } from "@playwright/test";
import type { TruncationReport } from "../../../apps/server/web/src/api.ts";
import { curlCommand } from "../../../apps/server/web/src/curl.ts";
import { findCut, keptDocumentTokens } from "../../../apps/server/web/src/cut.ts";
import { detectFormat, parseDocuments } from "../../../apps/server/web/src/documents.ts";
import { Stopped } from "../../../apps/server/web/src/pacer.ts";
import { tokens } from "./mock_server.ts";

test("what a text looks like", () => {
  for (const [text, format] of [
    ["", "lines"],
    ["one\ntwo", "lines"],
    ["[1] a footnote", "lines"],
    ["{curly} words", "lines"],
    ["The text, as it was sent", "lines"],
    ["text", "csv"],
    ["id,text\n1,a", "csv"],
    ["id;Page_Content\n1;a", "csv"],
    ["id\ttext\n1\ta", "csv"],
    ['"id","text"\n1,a', "csv"],
    ['  ["a", "b"]', "json"],
    ['[\n{"text": "a"}]', "json"],
    ["[]", "json"],
    ['{"text": "a"}\n{"text": "b"}', "jsonl"],
    ['\n\n{"text": "a"', "jsonl"],
  ] as const) {
    expect.soft(detectFormat(text), JSON.stringify(text)).toBe(format);
  }
});

test("documents of each form", async () => {
  const read = async (text: string) => (await parseDocuments(text, "auto")).documents;
  expect(await read("\ufeffone\r\n\r\n  two  \r\n")).toEqual([{ text: "one" }, { text: "two" }]);
  expect(await read('["a",{"text":"b","id":0,"metadata":{"x":1},"y":2}]')).toEqual([
    { text: "a" },
    { text: "b", id: 0, metadata: { y: 2, x: 1 } },
  ]);
  // A name that objects have of themselves is a name like others.
  const hostile = await read('[{"text":"a","__proto__":{"polluted":1}}]');
  expect(JSON.stringify(hostile)).toBe('[{"text":"a","metadata":{"__proto__":{"polluted":1}}}]');
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
  expect(await read("text\tid\nx, y\t1\n")).toEqual([{ text: "x, y", id: "1" }]);
  const { notes, documents } = await parseDocuments("text,a\n1,2,3\n4\n5,6,7", "auto");
  expect(documents.map(({ text }) => text)).toEqual(["1", "4", "5"]);
  expect(notes).toEqual(["2 rows have more fields than the header; the surplus is left out."]);
});

test("reading stops when it is no longer wanted", async () => {
  const stop = new AbortController();
  const reading = parseDocuments("a line of text\n".repeat(2_000_000), "lines", stop.signal);
  stop.abort();
  await expect(reading).rejects.toThrow(Stopped);
});

const report = (total: number, used: number, more: Partial<TruncationReport> = {}) => ({
  tokens_total: total,
  tokens_used: used,
  chars_cut: 0,
  query_truncated: false,
  ...more,
});

test("how much of the document was read", () => {
  // After the "longest first" rule of the tokenizers package, worked out by hand.
  // query, document, max_length, query cut?, document tokens kept
  for (const [query, document, max, cut, kept] of [
    [5, 20, 512, false, 20],
    [5, 600, 512, false, 504],
    [300, 600, 512, true, 255],
    [600, 300, 512, true, 254],
    [600, 100, 512, true, 100],
    [300, 300, 512, true, 255],
    [254, 600, 512, false, 255],
  ] as const) {
    const total = query + document + 3;
    const pair = report(total, Math.min(total, max), { query_truncated: cut });
    expect.soft(keptDocumentTokens(pair, query, document)).toBe(kept);
  }
});

test("where the cut is", async () => {
  const tokenize = async (text: string) => tokens(text).filter((token) => !token.special);
  const three = async () => 3;
  const cut = (text: string, pair: TruncationReport) => findCut(tokenize, three, text, pair);

  expect(await cut("one two three", report(9, 9))).toEqual({ at: 13, exact: true });
  // Query of 3, 3 special ones, 2 words of the document.
  expect(await cut("one two three", report(9, 8))).toEqual({ at: 7, exact: true });
  // Offsets of the server are code points; the text's are UTF-16: a smiling face is one and two.
  expect(await cut("😀 two three", report(9, 8))).toEqual({ at: 6, exact: true });
  // The first 7 code points alone were scored, then one word of these.
  expect(await cut("one two three", report(8, 7, { chars_cut: 6 }))).toEqual({
    at: 3,
    exact: true,
  });
  expect(await cut("😀ne two three", report(8, 8, { chars_cut: 6 }))).toEqual({
    at: 8,
    exact: true,
  });
  // The query was cut, not the document.
  const queryCut = report(9, 8, { query_truncated: true, document_truncated: false });
  expect(await cut("one two three", queryCut)).toEqual({ at: 13, exact: true });
  // Counts that do not agree: something else was scored, and this is an estimate.
  expect((await cut("one two three", report(40, 20))).exact).toBe(false);

  const failing = async () => Promise.reject(new Error("gone"));
  expect(await findCut(failing, three, "one two three four", report(16, 8))).toEqual({
    at: 13, // half of 18 characters, moved to the end of the word
    exact: false,
  });
});

test("a long text is not sent as a whole", async () => {
  const sent: number[] = [];
  const tokenize = async (text: string) => {
    sent.push(text.length);
    return tokens(text).filter((token) => !token.special);
  };
  const text = "word ".repeat(400_000);
  const found = await findCut(tokenize, async () => 1, text, report(400_004, 512));
  expect(found).toEqual({ at: 508 * 5 - 1, exact: true });
  expect(sent).toHaveLength(1);
  expect(sent[0]).toBeLessThan(30_000);
});

test("a command for the shell", () => {
  const command = curlCommand("http://[::1]:8080/v1/rerank", { query: "it's\u009b $HOME" }, true);
  expect(command).toBe(
    [
      "curl -sS 'http://[::1]:8080/v1/rerank' \\",
      "  -H 'Content-Type: application/json' \\",
      '  -H "Authorization: Bearer $CROSSRANK_API_KEY" \\',
      "  --data-binary @- <<'JSON'",
      "{",
      ' "query": "it\'s\\u009b $HOME"',
      "}",
      "JSON",
      "",
    ].join("\n"),
  );
});
