// What every test of the page has: a mock server, and a page that fails the test when its policy is
// broken, a script throws, or something is asked of another host.
import { test as base, type Page } from "@playwright/test";
import { MockServer } from "./mock_server.ts";

export { expect } from "@playwright/test";

/** Records what must not happen on a page; complaints() are for the end of the test. */
export async function watch(page: Page, origin: () => string): Promise<string[]> {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(`script error: ${error.message}`));
  page.on("console", (message) => {
    if (/content security policy|violat/i.test(message.text())) complaints.push(message.text());
  });
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin()) && !url.startsWith("data:")) complaints.push(`asked for ${url}`);
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) =>
      console.error(`violated: ${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  return complaints;
}

export const test = base.extend<{ mock: MockServer }>({
  mock: async ({}, use) => {
    const mock = await MockServer.start();
    await use(mock);
    await mock.stop();
  },
  page: async ({ page, mock }, use) => {
    const { url } = mock;
    const complaints = await watch(page, () => url);
    await page.goto(url);
    await use(page);
    base.expect(complaints).toEqual([]);
  },
});

/** Cell texts of the ranking, a list a row, without what is only drawn. */
export async function rows(page: Page): Promise<string[][]> {
  return page
    .locator("tbody tr")
    .evaluateAll((found) =>
      found.map((row) =>
        [...(row as HTMLTableRowElement).cells].map((cell) =>
          cell.innerText.replace(/\s+/g, " ").trim(),
        ),
      ),
    );
}

export async function fill(page: Page, query: string, documents: string): Promise<void> {
  await page.getByLabel("Query", { exact: true }).fill(query);
  await page.getByLabel("Documents", { exact: true }).fill(documents);
}

export async function rank(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Rank" }).click();
}
