// The plots of eval's report: what each one shows. Computes no measure.
import type { ChartConfiguration } from "chart.js";
import { fixed, signed, type Data, type Query, type Run, type Truncation } from "./data.ts";
import { axis, draw, options } from "./plot.ts";
import type { Theme } from "./theme.ts";

// More bars than that are narrower than a pixel.
const MAX_BARS = 2000;

/** A query with the value that is drawn, and the lines that hovering shows. */
export interface QueryBar {
  query: Query;
  value: number;
  lines: string[];
}

/** The values of a measure: of the only run, or what run `r` changes against the first. Sorted. */
export function queryBars(data: Data, r: number, measure: number): QueryBar[] {
  const bars: QueryBar[] = [];
  for (const query of data.queries) {
    const before = query.values[0]?.[measure];
    const after = query.values[r]?.[measure];
    if (before === undefined || after === undefined) continue;
    const lines =
      r === 0
        ? [fixed(after)]
        : [`${fixed(before)} \u2192 ${fixed(after)} (${signed(after - before)})`];
    bars.push({ query, value: r === 0 ? after : after - before, lines });
  }
  return bars.sort((a, b) => b.value - a.value);
}

// A tooltip does not wrap: lines of at most 60 characters, at spaces.
function wrapped(text: string): string[] {
  return text.match(/.{1,60}(?:\s|$)|.{1,60}/gu) ?? [];
}

/** Bars of every query; returns what the text above them says. */
export function drawQueries(
  canvas: HTMLCanvasElement,
  theme: Theme,
  data: Data,
  r: number,
  measure: number,
): string {
  const all = queryBars(data, r, measure);
  const step = Math.ceil(all.length / MAX_BARS);
  const bars = all.filter((_, i) => i % step === 0);
  const name = data.measures[measure] ?? "";
  const title = r === 0 ? name : `change of ${name}`;
  const colours = bars.map((bar) => (bar.value < 0 ? theme.loss : theme.gain));
  const x = axis(
    theme,
    `queries, sorted (${all.length}${step > 1 ? `, every ${step}th shown` : ""})`,
    {
      ticks: { display: false },
      grid: { display: false },
    },
  );
  const config: ChartConfiguration = {
    type: "bar",
    data: {
      labels: bars.map((bar) => bar.query.id),
      datasets: [
        {
          data: bars.map((bar) => bar.value),
          backgroundColor: r === 0 ? theme.relevant : colours,
          categoryPercentage: bars.length > 150 ? 1 : 0.9,
          barPercentage: bars.length > 150 ? 1 : 0.9,
          // A query that did not change is there all the same.
          minBarLength: 1,
        },
      ],
    },
    options: options(theme, x, axis(theme, title), {
      legend: { display: false },
      tooltip: {
        displayColors: false,
        callbacks: {
          title: (items: { dataIndex: number }[]) => `query ${bars[items[0]!.dataIndex]!.query.id}`,
          label: (item: { dataIndex: number }) => {
            const bar = bars[item.dataIndex]!;
            return [...wrapped(bar.query.text ?? ""), ...bar.lines];
          },
        },
      },
    }),
  };
  draw(canvas, config, `${title}, a bar a query`);
  if (r === 0) return `Each bar is a query: its ${name}, the best first.`;
  const better = all.filter((bar) => bar.value > 1e-9).length;
  const worse = all.filter((bar) => bar.value < -1e-9).length;
  return `Each bar is a query: ${better} are better with ${data.runs[r]?.name}, ${worse} worse, ${
    all.length - better - worse
  } as before.`;
}

export function drawDepth(canvas: HTMLCanvasElement, theme: Theme, runs: Run[]): void {
  const depths = runs[0]?.ndcg_by_depth.map((_, i) => String(i + 1)) ?? [];
  const config: ChartConfiguration = {
    type: "line",
    data: {
      labels: depths,
      datasets: runs.map((run, i) => ({
        label: run.name,
        data: run.ndcg_by_depth,
        borderColor: theme.runs[i % theme.runs.length]!,
        backgroundColor: theme.runs[i % theme.runs.length]!,
        borderDash: i < theme.runs.length ? [] : [6, 4],
        borderWidth: 2,
        pointRadius: 0,
        pointHitRadius: 8,
      })),
    },
    options: options(
      theme,
      axis(theme, "depth k (documents)", {
        ticks: {
          color: theme.soft,
          maxRotation: 0,
          autoSkip: false,
          callback: (_: unknown, i: number) => (i === 0 || (i + 1) % 10 === 0 ? i + 1 : null),
        },
      }),
      axis(theme, "mean nDCG@k", { suggestedMin: 0 }),
      {
        tooltip: {
          callbacks: {
            title: (items: { label: string }[]) => `nDCG@${items[0]?.label}`,
            label: (item: { dataset: { label?: string }; parsed: { y: number } }) =>
              ` ${item.dataset.label}: ${fixed(item.parsed.y)}`,
          },
        },
      },
    ),
  };
  draw(canvas, config, "mean nDCG by depth, a line a run");
}

/** The share of its class, in percent, of the documents in each part of the scores. */
function shares(counts: number[]): number[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (all > 0 ? (100 * count) / all : 0));
}

const total = (counts: number[]): string =>
  counts.reduce((sum, count) => sum + count, 0).toLocaleString("en");

export function drawScores(canvas: HTMLCanvasElement, theme: Theme, run: Run): void {
  const { low, high, relevant, not_relevant, unjudged } = run.scores;
  const width = (high - low) / relevant.length;
  // As many digits as tell neighbours apart.
  const digits = width > 0 ? Math.min(8, Math.max(0, Math.ceil(1 - Math.log10(width)))) : 2;
  const shown = (value: number): string =>
    Math.abs(value) >= 1e7 ? value.toExponential(3) : value.toFixed(digits);
  const edge = (i: number): string => shown(low + i * width);
  const classes = [
    { label: `relevant (${total(relevant)})`, counts: relevant, colour: theme.relevant },
    { label: `not relevant (${total(not_relevant)})`, counts: not_relevant, colour: theme.other },
    { label: `not judged (${total(unjudged)})`, counts: unjudged, colour: theme.unjudged },
  ];
  const config: ChartConfiguration = {
    type: "line",
    data: {
      labels: relevant.map((_, i) => shown(low + (i + 0.5) * width)),
      datasets: classes
        .filter(({ counts }) => counts.some((count) => count > 0))
        .map(({ label, counts, colour }) => ({
          label,
          data: shares(counts),
          borderColor: colour,
          backgroundColor: colour,
          borderWidth: 2,
          pointRadius: 0,
          stepped: "middle" as const,
        })),
    },
    options: options(
      theme,
      axis(theme, `score in ${run.name}`, {
        ticks: { color: theme.soft, maxRotation: 0, maxTicksLimit: 7, autoSkipPadding: 16 },
        grid: { display: false },
      }),
      axis(theme, "% of each class"),
      {
        tooltip: {
          callbacks: {
            title: (items: { dataIndex: number }[]) => {
              const i = items[0]?.dataIndex ?? 0;
              return `score ${edge(i)} to ${edge(i + 1)}`;
            },
            label: (item: { dataset: { label?: string }; parsed: { y: number } }) =>
              ` ${item.parsed.y.toFixed(1)} % of ${item.dataset.label}`,
          },
        },
      },
    ),
  };
  draw(canvas, config, `scores of relevant and other documents in ${run.name}`);
}

/** Bars by rank; returns what the text above them says. */
export function drawTruncation(canvas: HTMLCanvasElement, theme: Theme, data: Truncation): string {
  const classes = [
    { label: "relevant", counts: data.relevant, colour: theme.relevant },
    { label: "not relevant or not judged", counts: data.others, colour: theme.other },
  ];
  const size = data.ranks_a_part;
  const config: ChartConfiguration = {
    type: "bar",
    data: {
      labels: data.relevant.map((_, i) => `${i * size + 1}\u2013${(i + 1) * size}`),
      datasets: classes.map(({ label, counts, colour }) => ({
        label,
        data: counts.map(([part, all]) => (all > 0 ? (100 * part) / all : 0)),
        backgroundColor: colour,
      })),
    },
    options: options(
      theme,
      axis(theme, "rank after reranking", { grid: { display: false } }),
      axis(theme, "% scored in part", { min: 0 }),
      {
        tooltip: {
          callbacks: {
            label: (item: { datasetIndex: number; dataIndex: number }) => {
              const { label, counts } = classes[item.datasetIndex]!;
              const [part, all] = counts[item.dataIndex]!;
              return ` ${part} of ${all} ${label}`;
            },
          },
        },
      },
    ),
  };
  draw(canvas, config, "share of documents scored in part, by rank");
  const told = classes.map(({ label, counts }) => {
    const part = counts.reduce((sum, [truncated]) => sum + truncated, 0);
    const all = counts.reduce((sum, [, count]) => sum + count, 0);
    return `${part.toLocaleString("en")} of ${all.toLocaleString("en")} that are ${label}`;
  });
  return `The model read only a part of ${told.join(", and of ")}.`;
}
