// The plots of a calibration: the reliability diagram, and probabilities by label.
import type { ChartConfiguration } from "chart.js";
import type { Bin, Calibration, Side } from "./calibration_data.ts";
import { axis, draw, options } from "./plot.ts";
import type { Theme } from "./theme.ts";

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

/** Bins of many pairs are large points. */
function radius(bin: Bin, all: number): number {
  return 3 + 9 * Math.sqrt(bin.pairs / all);
}

export function drawReliability(canvas: HTMLCanvasElement, theme: Theme, data: Calibration): void {
  const line = (label: string, bins: Bin[], colour: string, order: number) => ({
    label,
    order, // the lowest is drawn above the others
    data: bins.map((bin) => ({ x: bin.probability, y: bin.relevant })),
    borderColor: colour,
    backgroundColor: colour,
    borderWidth: 2,
    pointRadius: bins.map((bin) => radius(bin, data.pairs)),
    pointHoverRadius: bins.map((bin) => radius(bin, data.pairs) + 2),
  });
  const sides = [data.before.bins, data.after.bins];
  const scale = { min: 0, max: 1 };
  const config: ChartConfiguration = {
    type: "line",
    data: {
      datasets: [
        line("before", data.before.bins, theme.other, 2),
        line("calibrated", data.after.bins, theme.relevant, 1),
        {
          label: "perfect",
          order: 3,
          data: [
            { x: 0, y: 0 },
            { x: 1, y: 1 },
          ],
          borderColor: theme.soft,
          backgroundColor: theme.soft,
          borderDash: [4, 4],
          borderWidth: 1,
          pointRadius: 0,
          pointHitRadius: 0,
        },
      ],
    },
    options: {
      ...options(
        theme,
        axis(theme, "probability that crossrank gives (mean of a bin)", {
          type: "linear",
          ...scale,
        }),
        axis(theme, "share that is relevant", scale),
        {
          tooltip: {
            callbacks: {
              title: () => "",
              label: (item: { datasetIndex: number; dataIndex: number }) => {
                const bin = sides[item.datasetIndex]?.[item.dataIndex];
                if (!bin) return "";
                const pairs = bin.pairs.toLocaleString("en");
                return ` ${pairs} pairs at ${percent(bin.probability)}: ${percent(bin.relevant)} relevant`;
              },
            },
          },
        },
      ),
      interaction: { mode: "nearest", intersect: true },
    },
  };
  draw(canvas, config, "share of relevant pairs by probability, before and calibrated");
}

/** Pairs by probability and label; the tall bars at 0 leave the others their height by a root. */
export function drawHistogram(
  canvas: HTMLCanvasElement,
  theme: Theme,
  title: string,
  side: Side,
): void {
  const { relevant, others } = side.histogram;
  const edge = (i: number): string => (i / relevant.length).toFixed(2);
  const classes = [
    { label: "relevant", counts: relevant, colour: theme.relevant },
    { label: "not relevant", counts: others, colour: theme.other },
  ];
  const config: ChartConfiguration = {
    type: "bar",
    data: {
      labels: relevant.map((_, i) => edge(i)),
      datasets: classes.map(({ label, counts, colour }) => ({
        label,
        data: counts.map(Math.sqrt),
        backgroundColor: colour,
        categoryPercentage: 0.95,
        barPercentage: 1,
      })),
    },
    options: options(
      theme,
      axis(theme, `probability, ${title}`, { grid: { display: false } }),
      axis(theme, "pairs (root scale)", {
        min: 0,
        ticks: {
          color: theme.soft,
          callback: (value: number) => Math.round(value * value).toLocaleString("en"),
        },
      }),
      {
        tooltip: {
          callbacks: {
            title: (items: { dataIndex: number }[]) => {
              const i = items[0]?.dataIndex ?? 0;
              return `probability ${edge(i)} to ${edge(i + 1)}`;
            },
            label: (item: { datasetIndex: number; dataIndex: number }) => {
              const { label, counts } = classes[item.datasetIndex]!;
              return ` ${counts[item.dataIndex]!.toLocaleString("en")} ${label}`;
            },
          },
        },
      },
    ),
  };
  draw(canvas, config, `pairs by probability and label, ${title}`);
}
