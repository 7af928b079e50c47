// The two stages, where texts were cut, and the request as a command.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, fill, rank, rows, test } from "./fixtures.ts";
import { INFO, rerankAnswer, result, uncut, type MockServer } from "./mock_server.ts";

const HYBRID = { ...INFO, hybrid: true };

function hybridResult(rank: number, index: number, encoderRank: number, judge?: object) {
  return {
    rank,
    index,
    id: null,
    logit: 1.5,
    probability: 0.8176,
    score: 1.5,
    truncation: { tokens_total: 20, tokens_used: 20, chars_cut: 0, query_truncated: false },
    stage: judge ? "judge" : "cross_encoder",
    cross_encoder_rank: encoderRank,
    ...(judge ? { judge } : {}),
  };
}

function answerHybrid(mock: MockServer, results: object[], more: object): void {
  mock.on("/info", () => ({ body: HYBRID }));
  mock.on("/v1/hybrid", ({ body }) => ({
    body: {
      query: body.query,
      model: "builtin",
      weights_sha256: "e81a811e8744",
      precision: "fp32",
      results,
      degraded: false,
      outcome: "judged",
      judge: { calls: 1, tokens: 1263, cost: null, model: "stand-in", elapsed_ms: 640.4 },
      elapsed_ms: 700.1,
      ...more,
    },
  }));
}

test("without a judge there is no switch", async ({ page }) => {
  await expect(page.locator("#model")).toContainText("builtin");
  await expect(page.getByRole("switch")).toHaveCount(0);
});

test("both stages are shown", async ({ page, mock }) => {
  answerHybrid(
    mock,
    [
      hybridResult(1, 1, 2, { relevance: 10, reason: "Says <b>who</b>, and when." }),
      hybridResult(2, 0, 1, { relevance: 2.35, reason: "On tea, but not on who." }),
      hybridResult(3, 2, 3),
    ],
    { outcome: "partial" },
  );
  await page.reload();
  await fill(page, "tea", "black coffee\ngreen tea\na cup of tea");
  await expect(page.getByLabel("Context for the judge")).toBeHidden();
  await page.getByRole("switch", { name: "Let the LLM judge the finalists" }).press("Space");
  await page.getByLabel("Context for the judge").fill("A pupil of nine asks.");
  await page.getByLabel("Keep the best").fill("3");
  await rank(page);
  await expect(page.getByRole("table")).toBeVisible();
  expect(mock.bodies("/v1/hybrid")).toEqual([
    {
      query: "tea",
      documents: ["black coffee", "green tea", "a cup of tea"],
      top_k: 3,
      context: "A pupil of nine asks.",
    },
  ]);
  const reason = "Judge Says <b>who</b>, and when.";
  expect(await rows(page)).toEqual([
    ["1", "10/10", "2", "0.8176", "1.5000", `green tea ${reason}`, "20/20", "2 up ↑1"],
    [
      ...["2", "2.4/10", "1", "0.8176", "1.5000"],
      ...["black coffee Judge On tea, but not on who.", "20/20", "1 down ↓1"],
    ],
    ["3", "not judged", "3", "0.8176", "1.5000", "a cup of tea", "20/20", "3 unmoved"],
  ]);
  await expect(page.locator(".banner")).toContainText("partial");
  await expect(page.locator(".banner")).toContainText("stand-in, 1 call, 1,263 tokens");
  await expect(page.locator(".degraded")).toHaveCount(0);
  await expect(page.locator("#status")).toContainText("judge 640 ms");
});

test("a degraded ranking is marked", async ({ page, mock }) => {
  answerHybrid(mock, [hybridResult(1, 0, 1)], {
    degraded: true,
    outcome: "timeout",
    judge: { calls: 1, tokens: 0, cost: null, message: "no answer within 15,000 ms" },
  });
  await page.reload();
  await fill(page, "tea", "green tea");
  await page.getByRole("switch").check();
  await rank(page);
  const banner = page.locator(".banner.degraded");
  await expect(banner).toContainText("Degraded");
  await expect(banner).toContainText("timeout");
  await expect(banner).toContainText("This is the cross-encoder’s order.");
  await expect(banner).toContainText("no answer within 15,000 ms");
  expect(mock.bodies("/v1/hybrid")[0]).toEqual({ query: "tea", documents: ["green tea"] });
});

test("what was not read is grey, to the character", async ({ page, mock }) => {
  const cut = (total: number, used: number, more = {}) => ({
    truncated: true,
    truncation: { ...uncut(total), tokens_used: used, document_truncated: true, ...more },
  });
  mock.on("/v1/rerank", () =>
    rerankAnswer([
      // The query has two tokens: with three special ones, four of the document were read.
      result(0, 1, cut(11, 9)),
      result(1, 0),
      result(2, -1, cut(8, 7, { query_truncated: true, document_truncated: false })),
    ]),
  );
  const documents = ["Tea 😀 grows on hills.", "not cut", "query cut"];
  await fill(page, "why tea", documents.join("\n"));
  await rank(page);
  await expect(page.locator(".unread")).toHaveText([" hills.]"]);
  await expect(page.locator(".text").first()).toHaveText(
    "Tea 😀 grows on[not read from here:  hills.]",
  );
  await expect(page.locator("td.tokens")).toHaveText(["9/11cut", "20/20", "7/8query cut"]);
  await expect(page.locator("#status")).toContainText("1 text not read to the end");
  expect(mock.bodies("/tokenize")).toEqual([{ inputs: "why tea" }, { inputs: documents[0] }]);
});

test("without /tokenize the cut is estimated, and says so", async ({ page, mock }) => {
  mock.on("/tokenize", () => ({ status: 500, body: { error: "no", error_type: "backend" } }));
  const truncation = { ...uncut(100), tokens_used: 50, document_truncated: true };
  mock.on("/v1/rerank", () => rerankAnswer([result(0, 1, { truncated: true, truncation })]));
  await fill(page, "q", "one two three four");
  await rank(page);
  await expect(page.locator(".mark").last()).toHaveText("cut");
  await expect(page.locator(".text .mark")).toContainText("not read from about here");
  await expect(page.locator(".unread")).toHaveText(" four]");
});

test("texts out of sight are not asked for", async ({ page, mock }) => {
  const truncation = { ...uncut(11), tokens_used: 9, document_truncated: true };
  mock.on("/v1/rerank", ({ body }) =>
    rerankAnswer(
      body.documents.map((_: unknown, index: number) => result(index, -index, { truncation })),
    ),
  );
  const lines = Array.from({ length: 150 }, (_, i) => `one two three four five number${i}`);
  await fill(page, "why tea", lines.join("\n"));
  await rank(page);
  await expect(page.locator(".unread").first()).toBeVisible();
  await page.waitForTimeout(300);
  const asked = mock.bodies("/tokenize").length;
  expect(asked).toBeGreaterThan(3);
  expect(asked).toBeLessThan(60);
  await page.locator("tbody tr").last().scrollIntoViewIfNeeded();
  await expect(page.locator("tbody tr").last().locator(".unread")).toBeVisible();
});

test("curl repeats the request", async ({ page, mock }) => {
  mock.on("/v1/rerank", () => rerankAnswer([result(0, 1)]));
  const hostile = [
    "it's $HOME `id` \"quoted\" \\n !! #\nJSON\n<<'JSON' \u001b[31m \u007f \u2028 \u202e é 😀",
    { id: "a", text: "$(id)", metadata: { k: "'" } },
  ];
  await fill(page, 'what\'s "tea"?', JSON.stringify(hostile));
  await page.getByLabel("API key").fill("s3cret");
  await page.getByRole("button", { name: "Copy as curl" }).click();
  await expect(page.locator("#copied")).toContainText("CROSSRANK_API_KEY");
  const command = await page.evaluate(() => navigator.clipboard.readText());
  expect(command).not.toContain("s3cret");
  // Nothing that a terminal would act on: line breaks and what prints.
  expect(command).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028]/);
  expect(mock.bodies("/v1/rerank")).toEqual([]);

  await rank(page);
  await expect(page.locator("tbody tr")).toHaveCount(1);
  const { stdout } = await promisify(execFile)("bash", ["-c", command], {
    env: { ...process.env, CROSSRANK_API_KEY: "s3cret" },
  });
  expect(JSON.parse(stdout).results).toHaveLength(1);
  const asked = mock.asked.filter(({ path }) => path === "/v1/rerank");
  expect(asked).toHaveLength(2);
  expect(asked[1]?.body).toEqual(asked[0]?.body);
  expect(asked[1]?.authorization).toBe("Bearer s3cret");
});

test("where copying is forbidden the command is shown", async ({ page }) => {
  await page.evaluate(() =>
    Object.defineProperty(navigator, "clipboard", { value: undefined, configurable: true }),
  );
  await fill(page, "tea", "green tea");
  await page.getByRole("button", { name: "Copy as curl" }).click();
  const dialog = page.getByRole("dialog", { name: "The request as a command" });
  await expect(dialog.getByRole("textbox")).toHaveValue(/^curl -sS 'http:[^]*green tea[^]*JSON\n$/);
  await dialog.getByRole("button", { name: "Close" }).click();
  await expect(dialog).toBeHidden();
});
