// Builds dist/index.html (one file, all inlined) and dist/csp.txt (the header that lets it run).
//
//   node build.mjs           write both
//   node build.mjs --check   write nothing; exit 1 when what is in dist/ is not what src/ gives
//
// Both are committed, since the server embeds them and building it must not need Node.
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const MAX_BYTES = 100_000;
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
    legalComments: "none",
    loader: { ".jsonl": "text" },
    write: false,
    logLevel: "warning",
  });
  return result.outputFiles[0].text.trim();
}

// As CSP hashes it: the text between the tags, to the last byte.
const hash = (text) => `'sha256-${createHash("sha256").update(text, "utf8").digest("base64")}'`;

async function page() {
  const [script, style, template] = await Promise.all([
    bundle("src/main.ts"),
    bundle("src/page.css"),
    readFile(here("src/page.html"), "utf8"),
  ]);
  // "</script" in a string would end the element; "<!--<script" would keep it from ending.
  for (const [name, text, forbidden] of [
    ["script", script, /<\/script|<!--/i],
    ["style", style, /<\/style/i],
  ]) {
    if (forbidden.test(text)) throw new Error(`the ${name} has ${forbidden} in it`);
  }
  // Functions, since "$&" in a replacement string would be read as a pattern.
  const html = template
    .replace(/^ +/gm, "")
    .replace(/<style>\s*\/\* style \*\/\s*<\/style>/, () => `<style>${style}</style>`)
    .replace(/<script>\s*\/\* script \*\/\s*<\/script>/, () => `<script>${script}</script>`);
  if (!html.includes(script) || !html.includes(style)) throw new Error("page.html has no place");
  const policy = [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  const size = Buffer.byteLength(html);
  if (size > MAX_BYTES) throw new Error(`index.html has ${size} bytes, more than ${MAX_BYTES}`);
  // No line break behind the policy: the file is the header's value.
  return { "dist/index.html": html, "dist/csp.txt": policy };
}

async function stale(files) {
  const found = [];
  for (const [path, text] of Object.entries(files)) {
    const old = await readFile(here(path), "utf8").catch(() => undefined);
    if (old !== text) found.push(path);
  }
  return found;
}

const files = await page();
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
