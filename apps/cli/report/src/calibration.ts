// Puts a calibration into its page, and draws again when the system's theme changes.
import type { Bin, Calibration, Side } from "./calibration_data.ts";
import { drawHistogram, drawReliability } from "./calibration_charts.ts";
import { fixed, readData } from "./data.ts";
import { byId, h } from "./dom.ts";
import { number, table } from "./tables.ts";
import { onThemeChange, readTheme } from "./theme.ts";

const counted = (count: number): string => count.toLocaleString("en");

function describe(data: Calibration): string {
  return [
    `${data.model}, weights ${data.weights_sha256}, ${data.precision}`,
    `${counted(data.pairs)} pairs of ${counted(data.queries)} queries, ${counted(data.relevant)} relevant`,
    `${data.max_length} tokens, ${data.truncation}` +
      (data.max_chars > 0 ? `, ${counted(data.max_chars)} characters` : ""),
    `crossrank ${data.version}`,
  ].join(" \u00b7 ");
}

function figuresTable(data: Calibration): HTMLElement {
  const row = (name: string, side: Side): HTMLTableRowElement =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      number(fixed(side.log_loss)),
      number(fixed(side.brier)),
      number(fixed(side.calibration_error)),
    );
  return table(
    "Figures before and after",
    ["probability", "log loss", "Brier score", "calibration error"],
    [row("before", data.before), row("calibrated", data.after)],
  );
}

function binsTable(title: string, bins: Bin[]): HTMLElement {
  const rows = bins.map((bin) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, `${fixed(bin.low)} to ${fixed(bin.high)}`),
      number(counted(bin.pairs)),
      number(fixed(bin.probability)),
      number(fixed(bin.relevant)),
    ),
  );
  return h(
    "div",
    { class: "side" },
    h("h3", {}, title),
    table(`Bins, ${title}`, ["probabilities", "pairs", "mean", "relevant"], rows),
  );
}

function main(): void {
  const data = readData<Calibration>();
  byId("about", HTMLElement).textContent = describe(data);
  const better = data.after.log_loss < data.before.log_loss;
  byId("conclusions", HTMLElement).append(
    h("p", { class: `conclusion ${better ? "helped" : ""}` }, data.conclusion),
  );
  byId("formula", HTMLElement).textContent =
    `probability = sigmoid(logit / ${fixed(data.temperature)} ` +
    `${data.bias < 0 ? "\u2212" : "+"} ${fixed(Math.abs(data.bias))})`;
  byId("folds", HTMLElement).textContent =
    `Calibrated figures and plots are of ${data.folds} folds by query: each query's ` +
    `probabilities come from a fit to the other folds, so that they show what a new query may expect.`;
  byId("figures", HTMLElement).append(figuresTable(data));
  byId("bins", HTMLElement).append(
    binsTable("before", data.before.bins),
    binsTable("calibrated", data.after.bins),
  );
  const drawAll = (): void => {
    const theme = readTheme();
    drawReliability(byId("reliability", HTMLCanvasElement), theme, data);
    drawHistogram(byId("before", HTMLCanvasElement), theme, "before", data.before);
    drawHistogram(byId("after", HTMLCanvasElement), theme, "calibrated", data.after);
  };
  drawAll();
  onThemeChange(drawAll);
}

main();
