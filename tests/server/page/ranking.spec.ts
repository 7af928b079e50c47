// Rankings and errors: what the page asks, and what it shows of the answer.
import { expect, fill, rank, rows, test } from "./fixtures.ts";
import { INFO, refusal, rerankAnswer, result, uncut } from "./mock_server.ts";

const THREE = "black coffee\ngreen tea\na cup of tea";

test("a ranking by hand", async ({ page, mock }) => {
  mock.on("/v1/rerank", () =>
    rerankAnswer([
      result(2, 2.4895191, { truncation: uncut(8) }),
      result(1, -0.4, { truncation: uncut(6) }),
      result(0, -11.5, { truncation: uncut(6) }),
    ]),
  );
  await fill(page, "tea", THREE);
  await expect(page.locator("#read-as")).toHaveText("3 documents · plain lines");
  await rank(page);
  await expect(page.getByRole("table")).toBeVisible();

  expect(mock.bodies("/v1/rerank")).toEqual([
    {
      query: "tea",
      documents: ["black coffee", "green tea", "a cup of tea"],
      return_documents: false,
    },
  ]);
  // Sigmoids by another program: 0.923402..., 0.401312..., 1.01299...e-5.
  expect(await rows(page)).toEqual([
    ["1", "0.9234", "2.4895", "a cup of tea", "8/8", "3 up ↑2"],
    ["2", "0.4013", "−0.4000", "green tea", "6/6", "2 unmoved"],
    ["3", "1.0e-5", "−11.5000", "black coffee", "6/6", "1 down ↓2"],
  ]);
  const widths = await page
    .locator(".bar i")
    .evaluateAll((bars) => bars.map((bar) => (bar as HTMLElement).style.width));
  expect(widths).toEqual(["92.34%", "40.13%", "0%"]);
  await expect(page.getByRole("columnheader")).toHaveText([
    ...["#", "Probability", "Logit", "Document", "Tokens", "Input"],
  ]);
  await expect(page.locator("#status")).toHaveText(
    /^3 documents ranked in (under 1|\d+) ms · builtin · 1,234 tokens$/,
  );
  await expect(page.locator("#model")).toContainText("builtine81a811e8744fp32512 tokens");
});

test("ids and metadata are shown, and sent only where there are any", async ({ page, mock }) => {
  const documents = [
    { id: "a", page_content: "first", metadata: { title: "One", year: 2019 } },
    { id: 7, text: "second", lang: "en" },
    "third",
  ];
  mock.on("/v1/rerank", () => rerankAnswer([result(0, 1), result(1, 0), result(2, -1)]));
  await fill(page, "q", JSON.stringify(documents));
  await rank(page);
  await expect(page.locator("tbody tr")).toHaveCount(3);
  expect(mock.bodies("/v1/rerank")[0].documents).toEqual([
    { id: "a", text: "first", metadata: { title: "One", year: 2019 } },
    { id: 7, text: "second", metadata: { lang: "en" } },
    "third",
  ]);
  await expect(page.locator(".description")).toHaveText(["aOneyear 2019", "7lang en"]);
});

test("the best n", async ({ page, mock }) => {
  mock.on("/v1/rerank", () => rerankAnswer([result(1, 1)]));
  await fill(page, "tea", THREE);
  await page.getByLabel("Keep the best").fill("1");
  await rank(page);
  await expect(page.locator("#status")).toContainText("1 best of 3 documents");
  expect(mock.bodies("/v1/rerank")[0].top_n).toBe(1);

  await page.getByLabel("Keep the best").fill("some");
  await rank(page);
  await expect(page.locator("#keep-error")).toHaveText(/whole number/);
  await expect(page.getByLabel("Keep the best")).toBeFocused();
  expect(mock.bodies("/v1/rerank")).toHaveLength(1);
});

test("a document is text, whatever it holds", async ({ page, mock }) => {
  const hostile = `<img src=x onerror="alert('document')">`;
  const script = "<script>alert('field')</script>";
  mock.on("/v1/rerank", () => rerankAnswer([result(0, 1), result(1, 0)]));
  const documents = [
    { text: hostile, id: script, metadata: { [hostile]: hostile, list: [script] } },
    "<b>bold</b>\u202eright to left",
  ];
  await fill(page, hostile, JSON.stringify(documents));
  await rank(page);
  await expect(page.locator(".text").first()).toHaveText(hostile);
  await expect(page.locator(".text").nth(1)).toHaveText("<b>bold</b>\u202eright to left");
  await expect(page.locator(".description code")).toHaveText(script);
  expect(await page.locator("#results").locator("img, script, b").count()).toBe(0);

  // What a server says is no more trusted than a document.
  mock.on("/v1/rerank", () => refusal(422, hostile));
  await rank(page);
  await expect(page.getByRole("alert").filter({ hasText: "HTTP" })).toContainText(hostile);
  expect(await page.locator("#ranking img").count()).toBe(0);
});

test("200 rows at first, more on demand", async ({ page, mock }) => {
  const total = 450;
  mock.on("/v1/rerank", ({ body }) =>
    rerankAnswer(body.documents.map((_: unknown, index: number) => result(index, -index / 50))),
  );
  const lines = Array.from({ length: total }, (_, i) => `document number ${i + 1}`);
  await fill(page, "q", lines.join("\n"));
  await rank(page);
  const table = page.locator("tbody tr");
  await expect(table).toHaveCount(200);
  await page.getByRole("button", { name: "Show 200 more of 250" }).press("Enter");
  await expect(table).toHaveCount(400);
  await expect(table.nth(200)).toBeFocused();
  await page.getByRole("button", { name: "Show 50 more of 50" }).click();
  await expect(table).toHaveCount(total);
  await expect(page.getByRole("button", { name: /more of/ })).toHaveCount(0);
  await expect(table.last()).toContainText("document number 450");
});

test("long texts collapse", async ({ page, mock }) => {
  const long = "word ".repeat(400).trim();
  mock.on("/v1/rerank", () => rerankAnswer([result(0, 1), result(1, 0)]));
  await fill(page, "q", `${long}\nshort`);
  await rank(page);
  const toggle = page.getByRole("button", { name: /Show all/ });
  await expect(toggle).toHaveCount(1);
  await expect(toggle).toHaveAccessibleName("Show all 1,999 characters of document 1");
  await expect(toggle).toHaveAttribute("aria-expanded", "false");
  expect((await page.locator(".text").first().innerText()).length).toBeLessThan(300);
  await toggle.click();
  await expect(page.locator(".text").first()).toHaveText(long);
  await expect(page.getByRole("button", { name: /Show less/ })).toBeFocused();
});

test("an API key is asked for, sent, and kept nowhere", async ({ page, mock, context }) => {
  const guard =
    (answer: () => ReturnType<typeof refusal>) =>
    (asked: { authorization?: string | undefined }) =>
      asked.authorization === "Bearer s3cret-key"
        ? answer()
        : refusal(401, "missing or wrong API key");
  mock.on(
    "/info",
    guard(() => ({ body: INFO })),
  );
  mock.on(
    "/v1/rerank",
    guard(() => rerankAnswer([result(0, 1)])),
  );
  await page.reload();
  await expect(page.locator("#model")).toHaveText("The server asks for an API key. (HTTP 401)");
  await fill(page, "tea", "green tea");
  await rank(page);
  const alert = page.locator("#error");
  await expect(alert).toContainText("The server asks for an API key.");
  await expect(alert).toContainText("missing or wrong API key");
  await expect(alert).toContainText("HTTP 401");
  await expect(page.getByLabel("API key")).toBeFocused();

  await page.getByLabel("API key").fill("wrong");
  await rank(page);
  await expect(alert).toContainText("The server does not know this API key.");

  await page.getByLabel("API key").fill("s3cret-key");
  await page.keyboard.press("Control+Enter");
  await expect(page.locator("tbody tr")).toHaveCount(1);
  await expect(alert).toBeEmpty();
  await expect(page.locator("#model")).toContainText("builtin");

  const stored = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }]),
  );
  expect(stored + JSON.stringify(await context.storageState())).not.toContain("s3cret");
  expect(page.url()).not.toContain("s3cret");
});

for (const [status, message, sentence] of [
  [400, "the list of documents is empty", "could not read the request"],
  [413, "12,345,678 bytes are more than --max-body-bytes 10,000,000", "more than the server takes"],
  [422, "the query has 600 tokens and leaves no room", "cannot rank this"],
  [500, "internal", "failed while it worked"],
  [503, "not ready", "not ready"],
  [504, "deadline", "time for this request ran out"],
] as const) {
  test(`an error is a sentence: ${status}`, async ({ page, mock }) => {
    mock.on("/v1/rerank", () => refusal(status, message));
    await fill(page, "tea", THREE);
    await rank(page);
    const error = page.locator("#error");
    await expect(error).toContainText(sentence);
    await expect(error).toContainText(message);
    await expect(error).toContainText(`HTTP ${status}`);
    await expect(page.locator("#results")).toBeEmpty();
  });
}

test("429 says when to come back", async ({ page, mock }) => {
  mock.on("/v1/rerank", () => refusal(429, "the queue is full", { "Retry-After": "7" }));
  await fill(page, "tea", THREE);
  await rank(page);
  await expect(page.locator("#error")).toContainText("try again in 7 seconds");
});

test("answers of something else than crossrank", async ({ page, mock }) => {
  await fill(page, "tea", THREE);
  const error = page.locator("#error");
  for (const [answer, sentence] of [
    [{ status: 502, body: "<html>Bad gateway</html>" }, "A proxy before the server"],
    [{ body: "<html>Please log in</html>" }, "Is there a proxy in between?"],
    [{ body: { results: "none" } }, "Is there a proxy in between?"],
    [{ body: null }, "Is there a proxy in between?"],
    [rerankAnswer([result(99, 1)]), "could not be shown"],
  ] as const) {
    mock.on("/v1/rerank", () => answer);
    await rank(page);
    await expect(error).toContainText(sentence);
    await expect(error).not.toContainText("<html>");
  }
});

test("a server that is gone", async ({ page, mock }) => {
  mock.on("/v1/rerank", () => rerankAnswer([result(0, 1)]));
  await fill(page, "tea", THREE);
  await rank(page);
  await expect(page.locator("tbody tr")).toHaveCount(1);
  await mock.stop();
  await rank(page);
  await expect(page.locator("#error")).toContainText("The server did not answer.");
  await expect(page.locator("tbody tr")).toHaveCount(0);
});

test("a ranking can be cancelled", async ({ page, mock }) => {
  mock.on("/v1/rerank", () => ({ ...rerankAnswer([result(0, 1)]), delayMs: 5000 }));
  await fill(page, "tea", THREE);
  await rank(page);
  await expect(page.locator("#status")).toHaveText("Ranking 3 documents…");
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.locator("#status")).toHaveText("Cancelled.");
  await expect(page.getByRole("button", { name: "Cancel" })).toBeHidden();
  await expect(page.getByRole("button", { name: "Rank" })).toBeFocused();
  mock.on("/v1/rerank", () => rerankAnswer([result(0, 1)]));
  await rank(page);
  await expect(page.locator("tbody tr")).toHaveCount(1);
});

test("what is missing is said, and the field has the focus", async ({ page, mock }) => {
  await rank(page);
  await expect(page.locator("#query-error")).toHaveText("Please write a query.");
  await expect(page.getByLabel("Query", { exact: true })).toBeFocused();
  await page.keyboard.type("tea");
  await page.keyboard.press("Enter");
  await expect(page.locator("#query-error")).toBeEmpty();
  await expect(page.locator("#documents-error")).toHaveText("There are no documents yet.");
  await expect(page.getByLabel("Documents", { exact: true })).toBeFocused();
  expect(mock.bodies("/v1/rerank")).toEqual([]);
});

test("the example is one click away", async ({ page, mock }) => {
  mock.on("/v1/rerank", ({ body }) =>
    rerankAnswer(body.documents.map((_: unknown, index: number) => result(index, -index))),
  );
  await page.getByRole("button", { name: "Load the example" }).click();
  await expect(page.locator("#read-as")).toHaveText("8 documents · JSON lines");
  await page.keyboard.press("Enter");
  await expect(page.locator("tbody tr")).toHaveCount(8);
});
