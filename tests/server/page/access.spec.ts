// The page by keyboard, to assistive technology, in both themes and on a narrow screen. The pictures
// land in build/page.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "@playwright/test";
import type axe from "axe-core";
import { expect, fill, rank, test } from "./fixtures.ts";
import { INFO, refusal, rerankAnswer, result, uncut, type MockServer } from "./mock_server.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core"), "utf8");
const PICTURES = new URL("../../../build/page/", import.meta.url).pathname;

/** The violations that axe finds, each with the elements. */
async function violations(page: Page): Promise<string[]> {
  // Evaluated by the browser's debugger: the page's policy would not let a script element in.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  const found = await page.evaluate(() =>
    (window as unknown as { axe: typeof axe }).axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  return found.violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n")}`,
  );
}

function answers(mock: MockServer): void {
  mock.on("/info", () => ({ body: { ...INFO, hybrid: true } }));
  const cut = { ...uncut(40), tokens_used: 30, document_truncated: true };
  mock.on("/v1/rerank", ({ body }) =>
    rerankAnswer(
      body.documents.map((_: unknown, index: number) =>
        result(index, 3 - index, index === 1 ? { truncated: true, truncation: cut } : {}),
      ),
    ),
  );
  mock.on("/v1/hybrid", () => ({
    body: {
      model: "builtin",
      results: [
        {
          ...{ rank: 1, index: 0, logit: 1, probability: 0.73, stage: "judge" },
          cross_encoder_rank: 1,
          judge: { relevance: 7, reason: "Answers it." },
        },
        { rank: 2, index: 1, logit: 0, probability: 0.5, stage: "backfill", cross_encoder_rank: 2 },
      ],
      degraded: true,
      outcome: "partial",
      judge: { calls: 2, tokens: 900, message: "c02 is missing" },
      elapsed_ms: 3,
    },
  }));
}

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [1280, 380]) {
    test(`no violation of accessibility, ${colorScheme}, ${width} px`, async ({ page, mock }) => {
      answers(mock);
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      await page.reload();
      await expect(page.locator("#model")).toContainText("builtin");
      const check = async (state: string) => {
        await page.screenshot({
          path: `${PICTURES}${state}-${colorScheme}-${width}.png`,
          fullPage: true,
        });
        expect.soft(await violations(page), state).toEqual([]);
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect.soft(overflow, `${state} is wider than the screen`).toBe(0);
      };
      await check("empty");
      await page.getByRole("button", { name: "Load the example" }).click();
      await rank(page);
      await expect(page.getByRole("table")).toBeVisible();
      await page.getByRole("button", { name: /Show all/ }).click();
      await check("ranked");
      await page.getByRole("switch").check();
      await rank(page);
      await expect(page.locator(".degraded")).toBeVisible();
      await check("hybrid");
      mock.on("/v1/hybrid", () => refusal(401, "missing API key"));
      await rank(page);
      await expect(page.locator("#error")).toContainText("missing API key");
      await page.getByLabel("Documents", { exact: true }).fill('["broken');
      await expect(page.locator("#documents-error")).not.toBeEmpty();
      await check("errors");
      await page.locator("#file").setInputFiles({
        name: "large.txt",
        mimeType: "text/plain",
        buffer: Buffer.from("a line of a large file\n".repeat(4000)),
      });
      await expect(page.getByRole("group", { name: "Attached text" })).toBeVisible();
      await check("attached");
    });
  }
}

test("by keyboard alone", async ({ page, mock }) => {
  answers(mock);
  await page.reload();
  await expect(page.locator("#model")).toContainText("builtin");
  const name = () =>
    page.evaluate(() => {
      const active = document.activeElement as HTMLElement;
      const label = (active as HTMLInputElement).labels?.[0];
      return (label ?? active).innerText.replace(/\s+/g, " ").trim();
    });
  const order: string[] = [];
  for (let i = 0; i < 13; ++i) {
    await page.keyboard.press("Tab");
    order.push(await name());
    const outlined = await page.evaluate(
      () => getComputedStyle(document.activeElement as Element).outlineStyle,
    );
    expect.soft(outlined, `${order.at(-1)} shows that it has the focus`).toBe("solid");
  }
  expect(order).toEqual([
    ...["Skip to the ranking", "API", "Dark", "Query", "Documents", "Choose a file"],
    ...["Load the example", "Format", "Let the LLM judge the finalists", "Keep the best"],
    ...["API key", "Rank Ctrl Enter", "Copy as curl"],
  ]);

  // From the start again: write, rank, and read on in the ranking.
  await page.reload();
  await expect(page.locator("#model")).toContainText("builtin");
  for (let i = 0; i < 4; ++i) await page.keyboard.press("Tab");
  await page.keyboard.type("tea");
  await page.keyboard.press("Tab");
  await page.keyboard.type(`${"green tea ".repeat(40)}\nblack coffee`);
  await page.keyboard.press("Control+Enter");
  await expect(page.locator("#status")).toContainText("2 documents ranked");
  for (let i = 0; i < 9; ++i) await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: /^Show all/ })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: /^Show less/ })).toBeFocused();
});

test("the skip link leads to the ranking", async ({ page }) => {
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("region", { name: "Ranking" })).toBeFocused();
});

test("results and errors are announced", async ({ page, mock }) => {
  answers(mock);
  await expect(page.locator("#status")).toHaveRole("status");
  await expect(page.locator("#error")).toHaveRole("alert");
  await fill(page, "tea", "green tea");
  await rank(page);
  await expect(page.getByRole("status").filter({ hasText: "1 document ranked" })).toHaveCount(1);
  mock.on("/v1/rerank", () => refusal(422, "no"));
  await rank(page);
  await expect(page.getByRole("alert").filter({ hasText: "cannot rank this" })).toHaveCount(1);
});

test("the ranking is a table on every width", async ({ page, mock }) => {
  answers(mock);
  await fill(page, "tea", "green tea\nblack coffee");
  await rank(page);
  for (const width of [1280, 380]) {
    await page.setViewportSize({ width, height: 800 });
    await expect(page.getByRole("table", { name: "Ranking for “tea”" })).toBeVisible();
    await expect(page.getByRole("row")).toHaveCount(3);
    await expect(page.getByRole("columnheader")).toHaveCount(6);
    await expect(page.getByRole("cell")).toHaveCount(12);
  }
});

test("dark and light: the system's wish, then the button's", async ({ page }) => {
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const button = page.getByRole("button", { name: "Dark" });
  const light = await paper();
  await expect(button).toHaveAttribute("aria-pressed", "false");
  await page.emulateMedia({ colorScheme: "dark" });
  await expect.poll(paper).not.toBe(light);
  await expect(button).toHaveAttribute("aria-pressed", "true");
  await button.click();
  expect(await paper()).toBe(light);
  await page.reload();
  expect(await paper()).toBe(light);
  await expect(button).toHaveAttribute("aria-pressed", "false");
});
