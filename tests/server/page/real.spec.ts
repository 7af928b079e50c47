// The page on the real server, which CROSSRANK names. Without that variable these tests are skipped.
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { expect, test as base } from "@playwright/test";
import { fill, rank, watch } from "./fixtures.ts";
import { StandInJudge, type Rating } from "./stand_in_judge.ts";

const BINARY = process.env.CROSSRANK;
const DIST = new URL("../../../apps/server/web/dist/", import.meta.url);
const PICTURES = new URL("../../../build/page/", import.meta.url).pathname;
const START_MS = 30_000;

const RATINGS: Rating[] = [
  {
    words: "Neil Armstrong stepped",
    relevance: 10,
    reason: "Says who stepped onto the Moon, and when.",
  },
  {
    words: "Twelve people have",
    relevance: 9,
    reason: "Its last lines name the first and all others.",
  },
  {
    words: "The first man whom",
    relevance: 2,
    reason: "On the Moon, but not on who walked there.",
  },
];

class RealServer {
  private constructor(
    readonly url: string,
    readonly process: ChildProcess,
  ) {}

  /** Waits for the line of the log that names the port. */
  static async start(args: string[], env: Record<string, string> = {}): Promise<RealServer> {
    const child = spawn(BINARY ?? "", ["serve", "--port", "0", "--model", "builtin", ...args], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...env },
    });
    const lines: string[] = [];
    const port = new Promise<number>((resolve, reject) => {
      createInterface({ input: child.stderr! }).on("line", (line) => {
        lines.push(line);
        try {
          const entry = JSON.parse(line);
          if (entry.event === "listening") resolve(Number(entry.port));
        } catch {
          // Not every line need be JSON before the log begins.
        }
      });
      child.on("error", reject);
      child.on("exit", (code) => reject(new Error(`exit code ${code}: ${lines.join("\n")}`)));
      setTimeout(() => reject(new Error(`no port: ${lines.join("\n")}`)), START_MS).unref();
    });
    try {
      return new RealServer(`http://127.0.0.1:${await port}/`, child);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGKILL");
    await gone;
  }
}

interface Fixtures {
  args: string[];
  env: Record<string, string>;
  judge: StandInJudge;
  server: RealServer;
}

const test = base.extend<Fixtures>({
  args: [[], { option: true }],
  env: [{}, { option: true }],
  judge: async ({}, use) => {
    const judge = await StandInJudge.start(RATINGS);
    await use(judge);
    await judge.stop();
  },
  server: async ({ args, env, judge }, use) => {
    const asked = args.map((argument) => argument.replace("JUDGE_URL", judge.url));
    const server = await RealServer.start(asked, env);
    await use(server);
    await server.kill();
  },
  page: async ({ page, server }, use) => {
    const complaints = await watch(page, () => server.url);
    await page.goto(server.url);
    await use(page);
    expect(complaints).toEqual([]);
  },
});

test.skip(BINARY === undefined, "CROSSRANK does not name a binary");

test("the page and its policy are those of dist/", async ({ page, server }) => {
  const response = await page.request.get(server.url);
  expect(response.headers()["content-security-policy"]).toBe(
    readFileSync(new URL("csp.txt", DIST), "utf8"),
  );
  expect(response.headers()["content-type"]).toMatch(/^text\/html/);
  const built = readFileSync(new URL("index.html", DIST), "utf8");
  // A server may leave the last line break away.
  expect((await response.text()).trimEnd()).toBe(built.trimEnd());
});

test("the example is ranked, and the long text is cut before its answer", async ({ page }) => {
  await page.getByRole("button", { name: "Load the example" }).click();
  await rank(page);
  await expect(page.locator("tbody tr")).toHaveCount(8);
  await expect(page.locator("tbody tr").first()).toContainText("Neil Armstrong stepped onto");
  await expect(page.locator("#status")).toContainText("1 text not read to the end");
  await page.getByRole("button", { name: /Show all/ }).click();
  const long = page.locator("tbody tr").filter({ hasText: "list-1" });
  await expect(long.locator(".tokens")).toContainText("512/");
  await expect(long.locator(".text .mark")).toContainText("not read from here");
  await expect(long.locator(".unread")).toContainText("Neil Armstrong of Apollo 11");
});

test.describe("with little room", () => {
  test.use({ args: ["--max-documents", "3"] });
  test("a refusal is a sentence", async ({ page }) => {
    await fill(page, "tea", "one\ntwo\nthree\nfour");
    await rank(page);
    await expect(page.locator("#error")).toContainText(/HTTP 4\d\d/);
    await expect(page.locator("#error q")).toContainText("3");
  });
});

test.describe("with a key", () => {
  test.use({
    args: ["--api-key-env", "PAGE_TEST_KEY"],
    env: { PAGE_TEST_KEY: "s3cret-key-of-this-test" },
  });
  test("401, then the key", async ({ page }) => {
    await fill(page, "tea", "green tea\nblack coffee");
    await rank(page);
    await expect(page.locator("#error")).toContainText("HTTP 401");
    await page.getByLabel("API key").fill("s3cret-key-of-this-test");
    await page.keyboard.press("Enter");
    await expect(page.locator("tbody tr")).toHaveCount(2);
    await expect(page.locator("tbody tr").first()).toContainText("green tea");
  });
});

test.describe("with a judge", () => {
  // So many tokens that the judge sees the long text to its end.
  const args = ["--judge-url", "JUDGE_URL", "--judge-model", "stand-in"];
  test.use({ args: [...args, "--judge-document-tokens", "1500"] });

  test("both stages, and what remains without the judge", async ({ page, judge }) => {
    await page.getByRole("button", { name: "Load the example" }).click();
    await page.getByRole("switch").check();
    await rank(page);
    const table = page.locator("tbody tr");
    await expect(table).toHaveCount(4);
    await expect(table.nth(0)).toContainText("Neil Armstrong stepped");
    await expect(table.nth(0).locator(".relevance")).toHaveText("10/10");
    // The judge reads on where the cross-encoder's 400 characters end.
    await expect(table.nth(1)).toContainText("list-1");
    await expect(table.nth(1).locator(".encoder")).toHaveText("5");
    await expect(table.nth(1).locator(".reason")).toContainText("Its last lines");
    await expect(page.locator(".banner")).toContainText("judged");
    await table
      .nth(1)
      .getByRole("button", { name: /Show all/ })
      .click();
    const read = await table
      .nth(1)
      .locator(".text")
      .evaluate((text) => text.firstChild?.textContent);
    expect(read).toHaveLength(400);

    judge.broken = true;
    await page.getByLabel("Query", { exact: true }).fill("who walked on the moon");
    await rank(page);
    await expect(page.locator(".banner.degraded")).toContainText("provider_error");
    await expect(page.locator(".banner.degraded")).toContainText("the stand-in is broken");
    await expect(table).toHaveCount(4);
  });

  for (const [colorScheme, both] of [
    ["light", false],
    ["dark", true],
  ] as const) {
    test(`a picture for the documentation, ${colorScheme}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.getByRole("button", { name: "Load the example" }).click();
      if (both) await page.getByRole("switch").check();
      await rank(page);
      await expect(page.getByRole("table")).toBeVisible();
      await expect(page.locator("#waiting")).toBeHidden();
      await page.screenshot({ path: `${PICTURES}page_${colorScheme}.png` });
    });
  }
});

test("a server that was killed", async ({ page, server }) => {
  await fill(page, "tea", "green tea");
  await rank(page);
  await expect(page.locator("tbody tr")).toHaveCount(1);
  await server.kill();
  await rank(page);
  await expect(page.locator("#error")).toContainText("The server did not answer.");
});

test("characters of every kind come back as they went", async ({ page }) => {
  const documents = ["😀 café 日本語", "<img src=x onerror=alert(1)>", "عربي", "a\u0000b\u0007c"];
  const sent = documents.map((text, index) => (index % 2 ? text : { text, id: index }));
  await fill(page, "日本 😀", JSON.stringify(sent));
  await rank(page);
  await expect(page.locator("tbody tr")).toHaveCount(4);
  const shown = await page.locator(".text").allTextContents();
  expect(shown.sort()).toEqual(documents.sort());
});
