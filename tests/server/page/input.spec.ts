// Documents in every form that the page takes, typed, pasted, dropped and chosen.
import type { Page } from "@playwright/test";
import { expect, fill, rank, test } from "./fixtures.ts";
import { rerankAnswer, result, type MockServer } from "./mock_server.ts";

function rankAll(mock: MockServer): void {
  mock.on("/v1/rerank", ({ body }) =>
    rerankAnswer(body.documents.map((_: unknown, index: number) => result(index, -index / 100))),
  );
}

const upload = (page: Page, name: string, text: string | Buffer) =>
  page.locator("#file").setInputFiles({ name, mimeType: "text/plain", buffer: Buffer.from(text) });

/** A file dropped on the page, as a browser hands it over. */
async function drop(page: Page, name: string, text: string): Promise<void> {
  const transfer = await page.evaluateHandle(
    ([name, text]) => {
      const data = new DataTransfer();
      data.items.add(new File([text ?? ""], name ?? ""));
      return data;
    },
    [name, text],
  );
  await page.dispatchEvent("body", "dragover", { dataTransfer: transfer });
  await expect(page.locator(".drop")).toHaveClass(/over/);
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
  await expect(page.locator(".drop")).not.toHaveClass(/over/);
}

test("CSV with a header, from a file", async ({ page, mock }) => {
  rankAll(mock);
  const csv =
    'id,page_content,lang\r\n1,"tea, green",en\r\n2,"a ""cup""\r\nof tea",\r\n\r\n3,Kaffee,de\r\n';
  await upload(page, "drinks.csv", csv);
  await expect(page.locator("#read-as")).toHaveText("3 documents · CSV");
  await expect(page.locator("#documents-notes")).toHaveText("From drinks.csv.");
  await page.getByLabel("Query", { exact: true }).fill("tea");
  await rank(page);
  await expect(page.locator("tbody tr")).toHaveCount(3);
  expect(mock.bodies("/v1/rerank")[0].documents).toEqual([
    { id: "1", text: "tea, green", metadata: { lang: "en" } },
    // A text field has no carriage returns.
    { id: "2", text: 'a "cup"\nof tea' },
    { id: "3", text: "Kaffee", metadata: { lang: "de" } },
  ]);
});

test("JSON lines, dropped", async ({ page, mock }) => {
  rankAll(mock);
  await drop(page, "docs.jsonl", '{"text":"one"}\n\n{"page_content":"two","id":"b"}\n"three"\n');
  await expect(page.locator("#read-as")).toHaveText("3 documents · JSON lines");
  await page.getByLabel("Query", { exact: true }).fill("q");
  await rank(page);
  await expect(page.locator("tbody tr")).toHaveCount(3);
  expect(mock.bodies("/v1/rerank")[0].documents).toEqual([
    "one",
    { id: "b", text: "two" },
    "three",
  ]);
});

test("what cannot be read is said with its place, and nothing is sent", async ({ page, mock }) => {
  for (const [text, sentence] of [
    ['{"text":"one"}\n{"text":"two"', /^Line 2 is not valid JSON: .+/],
    ['{"text":"one"}\n{"title":"two"}', 'Line 2 has no string "text" or "page_content".'],
    ['["one", 2]', "Document 2 is neither a string nor an object with a text."],
    ['["one", ', /^The text is not valid JSON: .+/],
    ['text,lang\n"one', "The quoted field that begins in line 2 has no end."],
    ['text,lang\na,"b\nc"d', "The quoted field that begins in line 2 goes on behind its end."],
  ] as const) {
    await fill(page, "q", text);
    await expect(page.locator("#documents-error")).toHaveText(sentence);
    await rank(page);
    await expect(page.getByLabel("Documents", { exact: true })).toBeFocused();
  }
  expect(mock.bodies("/v1/rerank")).toEqual([]);

  await page.getByLabel("Format").selectOption("lines");
  await expect(page.locator("#documents-error")).toBeEmpty();
  await expect(page.locator("#read-as")).toHaveText("3 documents · plain lines");
  await page.getByLabel("Format").selectOption("csv");
  await fill(page, "q", "title\none");
  await expect(page.locator("#documents-error")).toHaveText(/names no column "text"/);
});

test("files that are no text, too large, or not UTF-8", async ({ page }) => {
  const wrong = page.locator("#documents-error");
  await upload(page, "scan.pdf", Buffer.from([0x25, 0x50, 0x44, 0x46, 0, 1, 2]));
  await expect(wrong).toHaveText("scan.pdf is not a text file.");
  await upload(page, "huge.txt", Buffer.alloc(10_000_001, "a"));
  await expect(wrong).toHaveText("huge.txt has 10.0 MB; this page takes files up to 10 MB.");
  await upload(page, "latin.txt", Buffer.from([0x63, 0x61, 0x66, 0xe9]));
  await expect(wrong).toBeEmpty();
  await expect(page.locator("#documents-notes")).toContainText("not UTF-8");
  await upload(page, "wide.txt", Buffer.from("\ufeffcaf\u00e9\nth\u00e9", "utf16le"));
  await expect(page.getByLabel("Documents", { exact: true })).toHaveValue("café\nthé");
});

// The same limit as for a dropped frame that people notice; the machine may be busy.
const LONGEST_TASK_MS = 400;

test("a paste of 2 MB does not freeze the page", async ({ page, mock }) => {
  rankAll(mock);
  const line = "a sentence about tea, of which there are many in this text, numbered ";
  const lines = Array.from({ length: 25_000 }, (_, i) => `${line}${i}`);
  const text = lines.join("\n");
  expect(text.length).toBeGreaterThan(1_800_000);
  await page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
  await page.evaluate(() => {
    const seen: number[] = [];
    Object.assign(window, { longTasks: seen });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) seen.push(entry.duration);
    }).observe({ type: "longtask" });
  });
  await page.getByLabel("Documents", { exact: true }).focus();
  await page.keyboard.press("Control+V");
  await expect(page.locator("#read-as")).toHaveText("25,000 documents · plain lines");
  await expect(page.getByRole("group", { name: "Attached text" })).toContainText("Pasted text");
  await expect(page.getByRole("button", { name: "Remove" })).toBeFocused();
  await page.getByLabel("Query", { exact: true }).fill("tea");
  await rank(page);
  await expect(page.locator("tbody tr")).toHaveCount(200);
  await expect(page.locator("#status")).toContainText("25,000 documents ranked");
  expect(mock.bodies("/v1/rerank")[0].documents).toEqual(lines);

  const longest = await page.evaluate(() =>
    Math.max(0, ...(window as unknown as { longTasks: number[] }).longTasks),
  );
  console.log(`longest task: ${longest.toFixed(0)} ms`);
  expect(longest).toBeLessThan(LONGEST_TASK_MS);

  await page.getByRole("button", { name: "Remove" }).click();
  await expect(page.getByLabel("Documents", { exact: true })).toBeFocused();
  await expect(page.getByLabel("Documents", { exact: true })).toHaveValue("");
});

test("a short paste stays in the field, beside what is there", async ({ page }) => {
  await page.getByLabel("Documents", { exact: true }).fill("one\n");
  await page.evaluate(() => navigator.clipboard.writeText("two\nthree"));
  await page.getByLabel("Documents", { exact: true }).press("Control+End");
  await page.keyboard.press("Control+V");
  await expect(page.getByLabel("Documents", { exact: true })).toHaveValue("one\ntwo\nthree");
  await expect(page.locator("#read-as")).toHaveText("3 documents · plain lines");
});

test("a large file of each form is read in slices", async ({ page }) => {
  const count = 60_000;
  const numbers = Array.from({ length: count }, (_, i) => i);
  const padding = "some words ".repeat(8);
  for (const [name, text, form] of [
    ["a.txt", numbers.map((i) => `${padding}${i}`).join("\n"), "plain lines"],
    ["a.jsonl", numbers.map((i) => `{"id":${i},"text":"${padding}"}`).join("\n"), "JSON lines"],
    ["a.json", JSON.stringify(numbers.map((i) => `${padding}${i}`)), "JSON array"],
    ["a.csv", `id,text\n${numbers.map((i) => `${i},"${padding}"`).join("\n")}`, "CSV"],
  ] as const) {
    await upload(page, name, text);
    await expect(page.locator("#read-as")).toHaveText(`60,000 documents · ${form}`);
    await expect(page.locator("#attachment-name")).toHaveText(name);
    await expect(page.locator("#attachment-preview li")).toHaveCount(4);
  }
});
