// How the page is tested: the system's Chromium, one test at a time. Fetches no browser.
import { defineConfig } from "@playwright/test";

// Chromium's sandbox needs a user that is not root; the pages here are our own.
const root = process.getuid?.() === 0;

export default defineConfig({
  testDir: ".",
  outputDir: "../../../build/page/results",
  workers: 1,
  retries: 0,
  forbidOnly: true,
  // CI machines may be busy with other tests.
  timeout: 90_000,
  expect: { timeout: 20_000 },
  reporter: [["list"]],
  use: {
    browserName: "chromium",
    viewport: { width: 1280, height: 800 },
    colorScheme: "light",
    permissions: ["clipboard-read", "clipboard-write"],
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: root ? ["--no-sandbox"] : [],
    },
  },
});
