// Builds dist/*.html: each one file, all inlined, with a place for the data that crossrank puts in.
//
//   node build.mjs           write it
//   node build.mjs --check   write nothing; exit 1 when dist/ is not what src/ gives
//
// They are committed, since the command embeds them and building that must not need Node.
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const MAX_BYTES = 250_000;
// Page -> its script and its template.
const PAGES = {
  "dist/report.html": ["src/main.ts", "src/page.html"],
  "dist/calibration.html": ["src/calibration.ts", "src/calibration.html"],
};
const here = (path) => new URL(path, import.meta.url);

async function bundle(entry) {
  const result = await build({
    entryPoints: [here(entry).pathname],
    absWorkingDir: here(".").pathname,
    bundle: true,
    minify: true,
    format: "iife",
    // What has light-dark(), which the style sheet needs anyway.
    target: ["chrome123", "firefox120", "safari17.5"],
    charset: "utf8",
    // Chart.js is under the MIT License, whose notices stay in what is made of it.
    legalComments: "inline",
    write: false,
    logLevel: "warning",
  });
  return result.outputFiles[0].text.trim();
}

// As CSP hashes it: the text between the tags, to the last byte.
const hash = (text) => `'sha256-${createHash("sha256").update(text, "utf8").digest("base64")}'`;

async function page(path, [entry, source]) {
  const [script, style, template] = await Promise.all([
    bundle(entry),
    bundle("src/report.css"),
    readFile(here(source), "utf8"),
  ]);
  // "</script" in a string would end the element; "<!--<script" would keep it from ending.
  for (const [name, text, forbidden] of [
    ["script", script, /<\/script|<!--/i],
    ["style", style, /<\/style/i],
  ]) {
    if (forbidden.test(text)) throw new Error(`the ${name} has ${forbidden} in it`);
  }
  // Functions, since "$&" in a replacement string would be read as a pattern.
  const policy = [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    "style-src 'unsafe-inline'", // Chart.js sizes its canvases by style attributes
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const html = template
    .replace(/^ +/gm, "")
    .replace("@POLICY@", () => policy)
    .replace(/\s*@DATA@\s*/, () => "@DATA@")
    .replace(/<style>\s*\/\* style \*\/\s*<\/style>/, () => `<style>${style}</style>`)
    .replace(/<script>\s*\/\* script \*\/\s*<\/script>/, () => `<script>${script}</script>`);
  if (!html.includes(script) || !html.includes(style)) throw new Error(`${source} has no place`);
  if (html.split("@DATA@").length !== 2) throw new Error("the data has not one place");
  const size = Buffer.byteLength(html);
  if (size > MAX_BYTES) throw new Error(`${path} has ${size} bytes, more than ${MAX_BYTES}`);
  return [path, html];
}

async function stale(files) {
  const found = [];
  for (const [path, text] of Object.entries(files)) {
    const old = await readFile(here(path), "utf8").catch(() => undefined);
    if (old !== text) found.push(path);
  }
  return found;
}

const files = Object.fromEntries(
  await Promise.all(Object.entries(PAGES).map(([path, sources]) => page(path, sources))),
);
if (process.argv.includes("--check")) {
  const found = await stale(files);
  if (found.length > 0) {
    console.error(`${found.join(", ")}: not what src/ gives. Please run: npm run build`);
    process.exit(1);
  }
  console.log("dist/ is what src/ gives.");
} else {
  await mkdir(here("dist"), { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    await writeFile(here(`${path}.new`), text);
    await rename(here(`${path}.new`), here(path));
    console.log(`${path}: ${Buffer.byteLength(text)} bytes`);
  }
}
