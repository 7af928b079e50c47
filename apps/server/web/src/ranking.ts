// Draws a ranking as a table. Asks the server for nothing but, through `locate`, where texts were cut.
import type { TruncationReport } from "./api.ts";
import type { Cut } from "./cut.ts";
import { byId, h, spoken, type Child } from "./dom.ts";
import { beginning, count, counted, duration, logit, probability } from "./format.ts";
import { judgeBanner } from "./judge_banner.ts";
import { isCut, type Ranking, type Row } from "./rows.ts";
import { TextCell } from "./text_cell.ts";

const PAGE = 200;
const MAX_FIELDS = 12;
const MAX_FIELD_CHARS = 120;

export type Locate = (text: string, report: TruncationReport) => Promise<Cut>;

interface Column {
  title: string;
  /** Narrow columns of figures are set to the right. */
  class: string;
  cell: (row: Row) => Child[];
}

export class RankingView {
  private readonly results = byId("results", HTMLDivElement);
  private readonly status = byId("status", HTMLParagraphElement);
  private watcher: IntersectionObserver | undefined;
  private readonly watched = new WeakMap<Element, () => void>();

  clear(): void {
    this.watcher?.disconnect();
    this.status.textContent = "";
    this.results.replaceChildren();
  }

  show(ranking: Ranking, locate: Locate): void {
    this.clear();
    this.status.textContent = summary(ranking);
    // Only texts that come into view are asked for, and each of them once.
    this.watcher = new IntersectionObserver((entries, watcher) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        watcher.unobserve(entry.target);
        this.watched.get(entry.target)?.();
      }
    });
    if (ranking.judge) this.results.append(judgeBanner(ranking.judge));
    if (ranking.rows.length === 0) {
      this.results.append(h("p", { class: "hint" }, "The server returned no document."));
      return;
    }
    const columns = columnsOf(ranking, (row) => this.documentCell(row, locate));
    const body = h("tbody", { role: "rowgroup" });
    const headers = columns.map((column) =>
      h("th", { role: "columnheader", scope: "col", class: column.class }, column.title),
    );
    this.results.append(
      h(
        "table",
        { role: "table", class: ranking.judge ? "hybrid" : false },
        h("caption", { class: "sr" }, `Ranking for \u201c${beginning(ranking.query, 200)}\u201d`),
        h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...headers)),
        body,
      ),
    );
    this.addPages(ranking, columns, body);
    this.results.append(legend(ranking));
  }

  /** Rows up to the limit now, the others when asked for. */
  private addPages(ranking: Ranking, columns: Column[], body: HTMLElement): void {
    const { rows } = ranking;
    let shown = 0;
    const add = (): HTMLTableRowElement | undefined => {
      const added = rows.slice(shown, shown + PAGE).map((row) => drawRow(row, columns));
      shown += added.length;
      body.append(...added);
      return added[0];
    };
    add();
    if (shown === rows.length) return;
    const more = h("button", { class: "plain more", type: "button" });
    const place = h("p", {}, more);
    const label = (): void => {
      const next = Math.min(PAGE, rows.length - shown);
      more.textContent = `Show ${count(next)} more of ${count(rows.length - shown)}`;
    };
    more.addEventListener("click", () => {
      const first = add();
      // Someone who cannot see the page goes on reading where the new rows begin.
      first?.setAttribute("tabindex", "-1");
      first?.focus({ preventScroll: true });
      if (shown === rows.length) place.remove();
      else label();
    });
    label();
    this.results.append(place);
  }

  private documentCell(row: Row, locate: Locate): Child[] {
    const { document, truncation, span, judged } = row;
    const cell = new TextCell(document.text, `document ${row.index + 1}`);
    // What was read of chunks is no beginning of the text.
    if (isCut(truncation) && !span) {
      this.watched.set(cell.element, () => {
        void locate(document.text, truncation).then((cut) => cell.setCut(cut));
      });
      this.watcher?.observe(cell.element);
    }
    return [
      description(document.id, document.metadata),
      cell.element,
      judged &&
        judged.reason !== "" &&
        h(
          "p",
          { class: "reason" },
          h("b", {}, "Judge"),
          " ",
          h("q", { dir: "auto" }, judged.reason),
        ),
    ];
  }
}

function drawRow(row: Row, columns: Column[]): HTMLTableRowElement {
  const cells = columns.map((column) =>
    h("td", { role: "cell", class: column.class, "data-title": column.title }, ...column.cell(row)),
  );
  return h("tr", { role: "row" }, ...cells);
}

function columnsOf(ranking: Ranking, documentCell: (row: Row) => Child[]): Column[] {
  const judge: Column[] = [
    { title: "Relevance", class: "n relevance", cell: relevanceCell },
    { title: "Encoder", class: "n encoder", cell: (row) => [place(row.judged?.encoderRank ?? 0)] },
  ];
  return [
    { title: "#", class: "n position", cell: (row) => [count(row.position)] },
    ...(ranking.judge ? judge : []),
    { title: "Probability", class: "n probability", cell: probabilityCell },
    {
      title: "Logit",
      class: "n logit",
      cell: (row) => [row.logit === undefined ? "\u2013" : logit(row.logit)],
    },
    { title: "Document", class: "document", cell: documentCell },
    { title: "Tokens", class: "n tokens", cell: tokensCell },
    { title: "Input", class: "n input", cell: (row) => [place(row.index + 1), moved(row)] },
  ];
}

const place = (rank: number): string => count(rank);

function bar(share: number): HTMLElement {
  const fill = h("i");
  // By the object model: the page's policy forbids style attributes.
  fill.style.width = `${(100 * Math.min(1, Math.max(0, share))).toFixed(2)}%`;
  return h("span", { class: "bar", "aria-hidden": "true" }, fill);
}

function probabilityCell(row: Row): Child[] {
  return [probability(row.probability), bar(row.probability)];
}

function relevanceCell({ judged }: Row): Child[] {
  if (!judged) return [];
  if (judged.relevance === undefined) {
    const stage = judged.stage === "backfill" ? "not rated" : "not judged";
    return [h("span", { class: "hint" }, stage)];
  }
  // The mean of several answers need not be whole.
  const value = Number(judged.relevance.toFixed(1)).toString();
  return [h("strong", {}, value), h("span", { class: "hint" }, "/10"), bar(judged.relevance / 10)];
}

function tokensCell({ truncation, span }: Row): Child[] {
  if (!truncation) return ["\u2013"];
  const { tokens_used: used, tokens_total: total, chars_cut: chars } = truncation;
  const marks: string[] = [];
  if (isCut(truncation)) marks.push(chars > 0 ? `${count(chars)} chars cut` : "cut");
  if (truncation.query_truncated) marks.push("query cut");
  if (span) marks.push(`best chunk: ${count(span.begin_char)}\u2013${count(span.end_char)}`);
  return [
    `${count(used)}/${count(total)}`,
    ...marks.map((mark) => h("span", { class: "mark" }, mark)),
  ];
}

/** How far up or down the ranking took a document. */
function moved(row: Row): Child {
  const steps = row.index + 1 - row.position;
  if (steps === 0) return h("span", { class: "moved" }, spoken("unmoved"));
  return h(
    "span",
    { class: steps > 0 ? "moved up" : "moved" },
    spoken(steps > 0 ? "up " : "down "),
    h("span", { "aria-hidden": "true" }, steps > 0 ? "\u2191" : "\u2193"),
    count(Math.abs(steps)),
  );
}

function description(
  id: string | number | undefined,
  metadata: Record<string, unknown> | undefined,
): Child {
  const fields = Object.entries(metadata ?? {}).filter(([, value]) => value !== null);
  if (id === undefined && fields.length === 0) return null;
  const parts: HTMLElement[] = [];
  if (id !== undefined) parts.push(h("code", {}, beginning(String(id), MAX_FIELD_CHARS)));
  for (const [name, value] of fields.slice(0, MAX_FIELDS)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const short = beginning(text, MAX_FIELD_CHARS);
    const shown = `${short}${short.length < text.length ? "\u2026" : ""}`;
    parts.push(
      name === "title"
        ? h("span", { class: "title", dir: "auto" }, shown)
        : h("span", { dir: "auto" }, nameOf(name), ` ${shown}`),
    );
  }
  if (fields.length > MAX_FIELDS) {
    parts.push(h("span", {}, `and ${counted(fields.length - MAX_FIELDS, "more field")}`));
  }
  return h("p", { class: "description" }, ...parts);
}

const nameOf = (field: string): HTMLElement =>
  h("span", { class: "name" }, beginning(field, MAX_FIELD_CHARS));

function summary(ranking: Ranking): string {
  const { rows, sent, model, elapsed, tokens, judge } = ranking;
  const what =
    rows.length === sent
      ? `${counted(sent, "document")} ranked`
      : `${count(rows.length)} best of ${counted(sent, "document")}`;
  const parts = [`${what} in ${duration(elapsed)}`, model];
  if (tokens !== undefined) parts.push(counted(tokens, "token"));
  if (judge?.elapsed !== undefined) parts.push(`judge ${duration(judge.elapsed)}`);
  const cut = rows.filter((row) => isCut(row.truncation)).length;
  if (cut > 0) parts.push(`${counted(cut, "text")} not read to the end`);
  return parts.join(" \u00b7 ");
}

function legend(ranking: Ranking): HTMLElement {
  const words = [
    "Probability is the sigmoid of the logit, the model\u2019s raw output.",
    "Tokens: how many were read of the pair\u2019s, the query\u2019s and three special ones included.",
    "Input: the place in the list that was sent.",
  ];
  if (ranking.judge) {
    words.unshift(
      "Relevance is the judge\u2019s, from 0 to 10; Encoder the cross-encoder\u2019s place.",
    );
  }
  return h("p", { class: "legend" }, words.join(" "));
}
