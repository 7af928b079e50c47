// Puts the data into the page, and draws again what a choice or the system's theme changes.
import { drawDepth, drawQueries, drawScores, drawTruncation } from "./charts.ts";
import { readData, type Data } from "./data.ts";
import { byId, h } from "./dom.ts";
import { comparisonTable, extremes, meansTable } from "./tables.ts";
import { onThemeChange, readTheme } from "./theme.ts";

function describe(data: Data): string {
  const level = data.relevance_level;
  return [
    `judgments: ${data.qrels}, ${data.queries.length.toLocaleString("en")} queries`,
    `relevant from grade ${level} on`,
    data.all_queries ? "queries that a run lacks count as 0" : "queries that a run lacks left out",
    `crossrank ${data.version}`,
  ].join(" \u00b7 ");
}

function notes(data: Data): string[] {
  const found: string[] = [];
  for (const run of data.runs) {
    if (run.missing > 0) found.push(`${run.name} lacks ${run.missing} of the queries.`);
    if (run.unknown > 0) found.push(`${run.name} has ${run.unknown} queries without judgments.`);
    if (run.duplicates > 0) {
      found.push(`${run.name} has ${run.duplicates} documents twice; the last line counts.`);
    }
  }
  return found;
}

function fillTables(data: Data): void {
  byId("about", HTMLElement).textContent = describe(data);
  byId("conclusions", HTMLElement).append(
    ...data.comparisons.map((comparison) =>
      h(
        "p",
        { class: `conclusion ${comparison.measures[0]?.verdict ?? ""}` },
        comparison.conclusion,
      ),
    ),
    ...notes(data).map((note) => h("p", { class: "hint" }, note)),
  );
  const measures = byId("measures", HTMLElement);
  measures.append(meansTable(data));
  data.comparisons.forEach((comparison, c) => {
    const title = `${data.runs[comparison.run]?.name} against ${data.runs[0]?.name}`;
    measures.append(h("h3", {}, title), comparisonTable(data, c));
  });
}

/** A labelled choice of one of `names`, hidden where there is nothing to choose. */
function choice(id: string, names: string[], values: number[], change: () => void) {
  const select = byId(id, HTMLSelectElement);
  select.append(...names.map((name, i) => h("option", { value: values[i] }, name)));
  select.parentElement!.hidden = names.length < 2;
  select.addEventListener("change", change);
  return () => Number(select.value);
}

function main(): void {
  const data = readData<Data>();
  fillTables(data);
  const compared = data.comparisons.map((comparison) => comparison.run);
  const runs = compared.length > 0 ? compared : [0];
  const canvases = data.runs.map(() => h("canvas"));
  byId("scores", HTMLElement).append(
    ...canvases.map((canvas) => h("div", { class: "plot small" }, canvas)),
  );

  const drawChoice = (): void => {
    const text = drawQueries(
      byId("queries", HTMLCanvasElement),
      readTheme(),
      data,
      run(),
      measure(),
    );
    byId("queries-text", HTMLElement).textContent = text;
    byId("extremes", HTMLElement).replaceChildren(...extremes(data, run()));
  };
  const run = choice(
    "run",
    runs.map((r) => data.runs[r]?.name ?? ""),
    runs,
    drawChoice,
  );
  const measure = choice("measure", data.measures, [...data.measures.keys()], drawChoice);
  const drawAll = (): void => {
    const theme = readTheme();
    drawDepth(byId("depth", HTMLCanvasElement), theme, data.runs);
    canvases.forEach((canvas, r) => drawScores(canvas, theme, data.runs[r]!));
    if (data.truncation) {
      byId("truncation-text", HTMLElement).textContent = drawTruncation(
        byId("truncation", HTMLCanvasElement),
        theme,
        data.truncation,
      );
    }
    drawChoice();
  };
  byId("truncation-section", HTMLElement).hidden = data.truncation === null;
  drawAll();
  onThemeChange(drawAll);
  byId("queries-title", HTMLElement).textContent =
    data.comparisons.length > 0 ? "Gain and loss of every query" : "Every query";
}

main();
