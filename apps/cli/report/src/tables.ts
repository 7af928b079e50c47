// The tables: measures with intervals, comparisons, and the queries that changed most.
import { fixed, pText, signed, type Data, type Interval, type TopDocument } from "./data.ts";
import { h, spoken, type Child } from "./dom.ts";

export function table(caption: string, heads: Child[], rows: HTMLTableRowElement[]): HTMLElement {
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", { class: "sr" }, caption),
      h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, ...rows),
    ),
  );
}

export const number = (...children: Child[]): HTMLElement =>
  h("td", { class: "number" }, ...children);

function intervalText(interval: Interval, show: (value: number) => string): string {
  return interval ? `${show(interval[0])} to ${show(interval[1])}` : "\u2013";
}

/** A row a run, a column a measure; each mean with its interval. */
export function meansTable(data: Data): HTMLElement {
  const heads = ["run", "queries", ...data.measures];
  const rows = data.runs.map((run) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, run.name),
      number(run.queries.toLocaleString("en")),
      ...run.means.map((mean, m) =>
        number(
          fixed(mean),
          h(
            "small",
            {},
            intervalText(run.intervals[m] ?? null, (v) => v.toFixed(3)),
          ),
        ),
      ),
    ),
  );
  return table("Means with 95 % intervals", heads, rows);
}

/** What run `r` changes, a row a measure. */
export function comparisonTable(data: Data, c: number): HTMLElement {
  const comparison = data.comparisons[c]!;
  const heads = [
    "measure",
    "difference",
    "95 % interval",
    "p",
    "better",
    "equal",
    "worse",
    "verdict",
  ];
  const rows = comparison.measures.map((m, i) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, data.measures[i]),
      number(signed(m.difference)),
      number(intervalText(m.interval, signed)),
      number(pText(m.p)),
      number(String(m.wins)),
      number(String(m.ties)),
      number(String(m.losses)),
      h("td", { class: `number ${m.verdict}` }, m.verdict),
    ),
  );
  return table(`${data.runs[comparison.run]?.name} against ${data.runs[0]?.name}`, heads, rows);
}

function gradeBadge(data: Data, grade: number | null): HTMLElement {
  if (grade === null) return h("span", { class: "grade none", title: "not judged" }, "?");
  const relevant = grade >= data.relevance_level;
  return h(
    "span",
    { class: relevant ? "grade yes" : "grade no", title: relevant ? "relevant" : "not relevant" },
    spoken("grade "),
    String(grade),
  );
}

/** The first documents of a run; with `before`, where each one stood there. */
function documents(data: Data, name: string, top: TopDocument[], before?: TopDocument[]) {
  const places = new Map(before?.map(([id], i) => [id, i]));
  const rows = top.map(([id, score, grade], i) => {
    const old = places.get(id);
    const moved = old === undefined ? "from below" : old === i ? "=" : `was ${old + 1}`;
    return h(
      "li",
      {},
      gradeBadge(data, grade),
      h("span", { class: "document", title: `score ${score}` }, id),
      before && h("span", { class: "moved" }, moved),
    );
  });
  return h("div", { class: "side" }, h("h4", {}, name), h("ol", {}, ...rows));
}

function changedQuery(data: Data, r: number, q: number): HTMLElement {
  const query = data.queries[q]!;
  const before = query.values[0]?.[0] ?? 0;
  const after = query.values[r]?.[0] ?? 0;
  const top = data.top[String(q)] ?? [];
  const change = after - before;
  const figure =
    r === 0
      ? fixed(after)
      : h(
          "span",
          {},
          h("b", { class: change < 0 ? "hurt" : "helped" }, signed(change)),
          ` ${fixed(before)} \u2192 ${fixed(after)}`,
        );
  return h(
    "details",
    {},
    h(
      "summary",
      {},
      h("span", { class: "id" }, query.id),
      h("span", { class: "text" }, query.text ?? ""),
      h("span", { class: "figure" }, figure),
    ),
    h(
      "div",
      { class: "sides" },
      documents(data, data.runs[0]?.name ?? "", top[0] ?? []),
      r > 0 && documents(data, data.runs[r]?.name ?? "", top[r] ?? [], top[0]),
    ),
  );
}

/** The worst and the best queries of run `r`, each with its first documents. */
export function extremes(data: Data, r: number): HTMLElement[] {
  const found = data.extremes.find((entry) => entry.run === r);
  const measure = data.measures[0];
  const list = (title: string, queries: number[]): HTMLElement =>
    h(
      "div",
      { class: "list" },
      h("h3", {}, title),
      ...(queries.length > 0
        ? queries.map((q) => changedQuery(data, r, q))
        : [h("p", { class: "hint" }, "None.")]),
    );
  const words =
    r === 0 ? [`Lowest ${measure}`, `Highest ${measure}`] : ["Lost most", "Gained most"];
  return [list(words[0]!, found?.worst ?? []), list(words[1]!, found?.best ?? [])];
}
