// The colours of the plots, from the style sheet, so that they are light or dark as the page is.

export interface Theme {
  ink: string;
  soft: string;
  line: string;
  surface: string;
  gain: string;
  loss: string;
  relevant: string;
  other: string;
  unjudged: string;
  runs: string[];
}

// A custom property holds light-dark(...); only a real property is computed to one colour.
function computed(probe: HTMLElement, name: string): string {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

export function readTheme(): Theme {
  const probe = document.createElement("span");
  document.body.append(probe);
  const colour = (name: string): string => computed(probe, name);
  const theme = {
    ink: colour("ink"),
    soft: colour("soft"),
    line: colour("line"),
    surface: colour("surface"),
    gain: colour("gain"),
    loss: colour("loss"),
    relevant: colour("relevant"),
    other: colour("other"),
    unjudged: colour("unjudged"),
    runs: [1, 2, 3, 4, 5, 6].map((i) => colour(`run-${i}`)),
  };
  probe.remove();
  return theme;
}

/** Calls `change` when the system goes from light to dark or back. */
export function onThemeChange(change: () => void): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", change);
}
