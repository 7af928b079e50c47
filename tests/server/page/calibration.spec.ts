// The page of crossrank calibrate --report, written by the binary that CROSSRANK names. Without that
// variable these tests are skipped.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test as base } from "@playwright/test";
import type axe from "axe-core";
import { watch } from "./fixtures.ts";

const BINARY = process.env.CROSSRANK;
const PAIRS = new URL("../../../examples/labelled.jsonl", import.meta.url).pathname;
const PICTURES = new URL("../../../build/page/", import.meta.url).pathname;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core"), "utf8");

const test = base.extend<{ report: () => Promise<void> }>({
  // Calibrates the built-in model and opens the report; fails when the page asks for anything.
  report: async ({ page }, use) => {
    const folder = mkdtempSync(join(tmpdir(), "crossrank-calibration-"));
    const path = join(folder, "report.html");
    const complaints = await watch(page, () => `file://${path}`);
    await use(async () => {
      const out = ["--output", join(folder, "calibration.json"), "--report", path, "--quiet"];
      execFileSync(BINARY!, ["calibrate", "--model", "builtin", ...out, PAIRS]);
      await page.goto(`file://${path}`);
    });
    expect(complaints).toEqual([]);
    rmSync(folder, { recursive: true });
  },
});

test.skip(BINARY === undefined, "CROSSRANK names no binary");

for (const [name, scheme, width] of [
  ["light", "light", 1200],
  ["dark", "dark", 1200],
  ["on a phone", "light", 375],
] as const) {
  test(`shows a calibration: ${name}`, async ({ page, report }) => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 800 });
    await report();
    await expect(page.getByText("247 pairs of 42 queries, 37 relevant")).toBeVisible();
    await expect(page.getByText(/probability = sigmoid\(logit \/ \d\.\d{4} [+−] \d/)).toBeVisible();
    await expect(page.getByRole("row", { name: /^before( 0\.\d{4}){3}$/ })).toBeVisible();
    await expect(page.getByRole("table", { name: "Bins, before" }).getByRole("row")).toHaveCount(
      11,
    );
    for (const id of ["reliability", "before", "after"]) {
      const colours = await page.locator(`canvas#${id}`).evaluate((canvas: HTMLCanvasElement) => {
        const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
        return new Set(new Uint32Array(data.buffer)).size;
      });
      expect(colours, id).toBeGreaterThan(3);
    }
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
      path: join(PICTURES, `calibration-${scheme}-${width}.png`),
      fullPage: true,
    });
  });
}
