// The page of crossrank eval --report, written by the binary that CROSSRANK names. Without that
// variable these tests are skipped.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test as base, type Page } from "@playwright/test";
import type axe from "axe-core";
import { watch } from "./fixtures.ts";

const BINARY = process.env.CROSSRANK;
const EXAMPLES = new URL("../../../examples/", import.meta.url).pathname;
const PICTURES = new URL("../../../build/page/", import.meta.url).pathname;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core"), "utf8");
const HOSTILE = `</script><script>alert(1)</script><img src="https://example.org/x"> <!-- "quoted"`;

const test = base.extend<{ report: (...args: string[]) => Promise<void>; folder: string }>({
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), "crossrank-report-"));
    await use(folder);
    rmSync(folder, { recursive: true });
  },
  // Writes a report of the examples and opens it; fails the test when the page asks for anything.
  report: async ({ page, folder }, use) => {
    const path = join(folder, "report.html");
    const complaints = await watch(page, () => `file://${path}`);
    await use(async (...args) => {
      const qrels = join(EXAMPLES, "qrels.txt");
      execFileSync(BINARY!, ["eval", "--qrels", qrels, "--report", path, "--quiet", ...args]);
      await page.goto(`file://${path}`);
    });
    expect(complaints).toEqual([]);
  },
});

test.skip(BINARY === undefined, "CROSSRANK names no binary");

const BM25 = ["--run", join(EXAMPLES, "bm25.trec")];
const RERANKED = ["--run", join(EXAMPLES, "reranked.trec")];
const QUERIES = ["--queries", join(EXAMPLES, "queries.tsv")];

/** Whether something is drawn on a canvas: more than one colour. */
async function colours(page: Page, selector: string): Promise<number> {
  return page.locator(selector).evaluate((canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
}

test("shows what reranking changed", async ({ page, report }) => {
  await report(...BM25, ...RERANKED, ...QUERIES);
  await expect(page.getByText("reranked.trec helped: its nDCG@10 is 0.2741 above")).toBeVisible();
  await expect(
    page.getByText("4 are better with reranked.trec, 0 worse, 4 as before"),
  ).toBeVisible();
  const row = page.getByRole("row", { name: /^MRR@10 \+0\.3583/ });
  await expect(row).toContainText("helped");
  for (const canvas of [
    "#queries",
    "#depth",
    "#scores canvas >> nth=0",
    "#scores canvas >> nth=1",
  ]) {
    expect(await colours(page, canvas), canvas).toBeGreaterThan(3);
  }
  await page.locator("#measure").selectOption("R@100");
  await expect(
    page.getByText("0 are better with reranked.trec, 0 worse, 8 as before"),
  ).toBeVisible();
  await page.screenshot({ path: join(PICTURES, "report.png"), fullPage: true });
});

test("names a query that the mouse is on, and opens it", async ({ page, report }) => {
  await report(...BM25, ...RERANKED, ...QUERIES);
  const canvas = page.locator("#queries");
  const before = await canvas.evaluate((c: HTMLCanvasElement) => c.toDataURL());
  await canvas.hover({ position: { x: 120, y: 160 } });
  await expect
    .poll(async () => (await canvas.evaluate((c: HTMLCanvasElement) => c.toDataURL())) === before)
    .toBe(false); // the tooltip is drawn
  const query = page.locator("details").filter({ hasText: "who walked on the moon first" });
  await expect(query).toContainText("+0.7109");
  await query.locator("summary").click();
  await expect(query.locator("li").filter({ hasText: "moon-1" }).last()).toContainText("was 10");
});

test("shows what was scored in part, where that is known", async ({ page, report, folder }) => {
  await report(...BM25);
  await expect(page.getByText("Documents scored in part")).toBeHidden();
  const truncation = { tokens_total: 90, tokens_used: 48, chars_cut: 0 };
  const details = join(folder, "details.jsonl");
  writeFileSync(
    details,
    [1, 2, 15]
      .map((rank) => JSON.stringify({ qid: "q3", docid: "moon-1", rank, truncation }))
      .join("\n"),
  );
  await report(...BM25, "--details", details);
  await expect(page.getByText("read only a part of 3 of 3 that are relevant")).toBeVisible();
  expect(await colours(page, "#truncation")).toBeGreaterThan(3);
});

test("one run has no comparison", async ({ page, report }) => {
  await report(...BM25);
  await expect(page.getByRole("heading", { name: "Every query" })).toBeVisible();
  await expect(page.getByText("Lowest nDCG@10")).toBeVisible();
  expect(await colours(page, "#queries")).toBeGreaterThan(3);
});

test("texts of strangers stay texts", async ({ page, report, folder }) => {
  const queries = join(folder, "queries.tsv");
  writeFileSync(queries, `q3\t${HOSTILE}\n`);
  await report(...BM25, ...RERANKED, "--queries", queries);
  await expect(page.locator("summary").filter({ hasText: HOSTILE })).toBeVisible();
  expect(await page.locator("img").count()).toBe(0);
});

for (const [name, scheme, width] of [
  ["light", "light", 1200],
  ["dark", "dark", 1200],
  ["on a phone", "light", 375],
] as const) {
  test(`can be read: ${name}`, async ({ page, report }) => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 800 });
    await report(...BM25, ...RERANKED, ...QUERIES);
    await page.locator("details").first().click();
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(overflow).toBe(0);
    // By the browser's debugger: the page's policy would not let a script element in.
    await page.evaluate(AXE);
    const found = await page.evaluate(async () => {
      const result = await (window as unknown as { axe: typeof axe }).axe.run(document);
      return result.violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join(" ")}`,
      );
    });
    expect(found).toEqual([]);
    await page.screenshot({
      path: join(PICTURES, `report-${scheme}-${width}.png`),
      fullPage: true,
    });
  });
}
