// The page of crossrank serve: reads the form, asks the server, shows the ranking or what is wrong.
import { Api, rankBody, RequestError, type Info, type RankRequest } from "./api.ts";
import { copyText } from "./copy.ts";
import { curlCommand } from "./curl.ts";
import { findCut } from "./cut.ts";
import { byId, h } from "./dom.ts";
import { EXAMPLE } from "./example.ts";
import { count, counted } from "./format.ts";
import { RankingView, type Locate } from "./ranking.ts";
import { fromHybrid, fromRerank, type Ranking } from "./rows.ts";
import { DocumentSource } from "./source.ts";
import { startTheme } from "./theme.ts";

/** Requests to /tokenize at the same time. */
const TOKENIZING = 2;
/** A wait that is shorter than this is not worth a word. */
const WAIT_SHOWN_MS = 300;

const form = byId("composer", HTMLFormElement);
const query = byId("query", HTMLInputElement);
const keep = byId("keep", HTMLInputElement);
const key = byId("key", HTMLInputElement);
const hybrid = byId("hybrid", HTMLInputElement);
const context = byId("context", HTMLTextAreaElement);
const rankButton = byId("rank", HTMLButtonElement);
const cancelButton = byId("cancel", HTMLButtonElement);
const ranking = byId("ranking", HTMLElement);
const errorBox = byId("error", HTMLDivElement);
const status = byId("status", HTMLParagraphElement);
const waiting = byId("waiting", HTMLParagraphElement);
const copied = byId("copied", HTMLParagraphElement);

const api = new Api();
const source = new DocumentSource();
const view = new RankingView();
let running: AbortController | undefined;
/** Whether the server has said what it is. */
let informed = false;

function complain(field: HTMLInputElement, sentence: string): void {
  byId(`${field.id}-error`, HTMLParagraphElement).textContent = sentence;
  if (sentence) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

/** The request that the form describes; undefined when a field is wrong, which then has the focus. */
async function requestOfForm(): Promise<RankRequest | undefined> {
  const mode = hybrid.checked ? "hybrid" : "rerank";
  const wanted = keep.value.trim();
  const kept = wanted === "" || wanted === "all" ? undefined : Number(wanted.replaceAll(",", ""));
  const keepIsWrong = kept !== undefined && !(Number.isInteger(kept) && kept >= 0);
  complain(query, query.value.trim() === "" ? "Please write a query." : "");
  complain(keep, keepIsWrong ? "Please give a whole number, or nothing for all." : "");
  if (query.value.trim() === "") {
    query.focus();
    return undefined;
  }
  const parsed = await source.read();
  if (!parsed || parsed.documents.length === 0) {
    if (parsed) source.complain("There are no documents yet.");
    source.focus();
    return undefined;
  }
  if (keepIsWrong) {
    keep.focus();
    return undefined;
  }
  const request: RankRequest = { mode, query: query.value, documents: parsed.documents };
  if (kept !== undefined) request.keep = kept;
  else if (mode === "hybrid" && wanted === "all") request.keep = 0;
  if (mode === "hybrid" && context.value.trim() !== "") request.context = context.value;
  return request;
}

async function rank(): Promise<void> {
  copied.textContent = "";
  running?.abort();
  const mine = new AbortController();
  running = mine;
  const request = await requestOfForm();
  if (!request || running !== mine) {
    if (running === mine) running = undefined;
    return;
  }
  errorBox.replaceChildren();
  setBusy(true);
  const stopClock = startClock(request.documents.length);
  try {
    const found = await ask(request, mine.signal);
    if (running !== mine) return;
    view.show(found, locator(request.query, mine.signal));
    if (!informed) void showInfo(); // The key may have been missing.
  } catch (error) {
    if (running === mine) showError(error, mine.signal.aborted);
  } finally {
    stopClock();
    if (running === mine) setBusy(false);
  }
}

async function ask(request: RankRequest, signal: AbortSignal): Promise<Ranking> {
  const { path, body } = rankBody(request);
  const begin = performance.now();
  if (path === "v1/hybrid") {
    const answer = await api.hybrid(body, signal);
    return fromHybrid(answer, { ...request, elapsed: performance.now() - begin });
  }
  const answer = await api.rerank(body, signal);
  return fromRerank(answer, { ...request, elapsed: performance.now() - begin });
}

/** Finds cuts for one ranking, a few at a time, and the query's tokens once. */
function locator(text: string, signal: AbortSignal): Locate {
  let inQuery: Promise<number> | undefined;
  const queryTokens = (): Promise<number> =>
    (inQuery ??= api.tokenize(text, signal).then((tokens) => tokens.length));
  const waitingForTurn: (() => void)[] = [];
  let busy = 0;
  return async (document, report) => {
    if (busy >= TOKENIZING) await new Promise<void>((resolve) => waitingForTurn.push(resolve));
    ++busy;
    try {
      return await findCut((part) => api.tokenize(part, signal), queryTokens, document, report);
    } finally {
      --busy;
      waitingForTurn.shift()?.();
    }
  };
}

function setBusy(busy: boolean): void {
  ranking.setAttribute("aria-busy", String(busy));
  // A hidden button cannot keep the focus.
  if (!busy && document.activeElement === cancelButton) rankButton.focus();
  cancelButton.hidden = !busy;
  if (!busy) running = undefined;
}

/** Says that it takes longer. The words are spoken once, the seconds behind them are only seen. */
function startClock(documents: number): () => void {
  const begin = performance.now();
  const timer = setInterval(() => {
    const elapsed = performance.now() - begin;
    if (elapsed < WAIT_SHOWN_MS) return;
    if (waiting.hidden) status.textContent = `Ranking ${counted(documents, "document")}\u2026`;
    waiting.hidden = false;
    waiting.textContent = `${Math.floor(elapsed / 1000)} s`;
  }, 100);
  return () => {
    clearInterval(timer);
    waiting.hidden = true;
  };
}

function showError(error: unknown, cancelled: boolean): void {
  view.clear();
  if (cancelled) {
    status.textContent = "Cancelled.";
    return;
  }
  if (!(error instanceof RequestError)) {
    const detail = error instanceof Error ? error.message : String(error);
    errorBox.replaceChildren(errorText("The answer could not be shown.", detail, 0));
    return;
  }
  errorBox.replaceChildren(errorText(error.message, error.detail, error.status));
  if (error.status === 401) key.focus();
}

function errorText(sentence: string, detail: string, status: number): HTMLElement {
  const facts = [
    detail !== "" && h("q", { dir: "auto" }, detail),
    status > 0 && h("code", {}, `HTTP ${status}`),
  ];
  return h("div", { class: "error" }, h("strong", {}, sentence), h("p", {}, ...facts));
}

async function copyCurl(): Promise<void> {
  copied.textContent = "";
  const request = await requestOfForm();
  if (!request) return;
  const { path, body } = rankBody(request);
  const done = await copyText(curlCommand(api.url(path), body, api.key !== ""));
  if (!done) return;
  copied.textContent =
    api.key === ""
      ? "Copied: a command for a POSIX shell."
      : "Copied, without the key: the command reads it from CROSSRANK_API_KEY.";
}

async function showInfo(): Promise<void> {
  const line = byId("model", HTMLParagraphElement);
  const fields = byId("hybrid-fields", HTMLDivElement);
  try {
    const info = await api.info();
    informed = true;
    line.replaceChildren(...describe(info));
    fields.hidden = info.hybrid !== true;
    if (fields.hidden) hybrid.checked = false;
    showMode();
  } catch (error) {
    const status = error instanceof RequestError ? error.status : 0;
    const sentence = error instanceof Error ? error.message : String(error);
    line.replaceChildren(status > 0 ? `${sentence} (HTTP ${status})` : sentence);
  }
}

function describe(info: Info): Node[] {
  const facts: string[] = [];
  if (info.weights_sha256) facts.push(info.weights_sha256.slice(0, 12));
  if (info.precision) facts.push(info.precision);
  if (info.max_input_length) facts.push(`${count(info.max_input_length)} tokens`);
  if (info.version) facts.push(`crossrank ${info.version}`);
  return [h("b", {}, info.model_id), ...facts.map((fact) => h("span", {}, fact))];
}

function showMode(): void {
  byId("context-field", HTMLDivElement).hidden = !hybrid.checked;
  keep.placeholder = hybrid.checked ? "4" : "all";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void rank();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    void rank();
  }
  if (event.key === "Escape" && running) running.abort();
});
cancelButton.addEventListener("click", () => running?.abort());
byId("curl", HTMLButtonElement).addEventListener("click", () => void copyCurl());
byId("example", HTMLButtonElement).addEventListener("click", () => {
  query.value = EXAMPLE.query;
  complain(query, "");
  source.load(EXAMPLE.documents);
  rankButton.focus();
});
hybrid.addEventListener("change", showMode);
key.addEventListener("input", () => {
  api.key = key.value.trim();
});
key.addEventListener("change", () => void showInfo());

startTheme();
showMode();
void showInfo();
