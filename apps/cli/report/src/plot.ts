// What all plots have in common: Chart.js, of which only the parts that are drawn are taken, and how
// axes and legends look. Knows no data.
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
  type ChartConfiguration,
  type ChartOptions,
} from "chart.js";
import type { Theme } from "./theme.ts";

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
);

const drawn = new Map<HTMLCanvasElement, Chart>();

/** Draws on a canvas, in the place of what was there. */
export function draw(
  canvas: HTMLCanvasElement,
  config: ChartConfiguration,
  described: string,
): void {
  drawn.get(canvas)?.destroy();
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", described);
  drawn.set(canvas, new Chart(canvas, config));
}

export function axis(theme: Theme, title: string, more: object = {}): object {
  return {
    title: { display: true, text: title, color: theme.ink },
    ticks: { color: theme.soft, maxRotation: 0 },
    grid: { color: theme.line },
    border: { color: theme.line },
    ...more,
  };
}

export function options(theme: Theme, x: object, y: object, plugins: object): ChartOptions {
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: false },
    scales: { x, y },
    plugins: {
      legend: { labels: { color: theme.ink, boxWidth: 14, boxHeight: 10 } },
      ...plugins,
    },
  } as ChartOptions;
}
