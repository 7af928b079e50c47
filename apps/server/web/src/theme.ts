// Dark or light: what the system prefers until the button is pressed. Keeps that one choice.
import { byId } from "./dom.ts";

const KEY = "crossrank-theme";

type Theme = "dark" | "light";

function stored(): Theme | undefined {
  try {
    const value = localStorage.getItem(KEY);
    return value === "dark" || value === "light" ? value : undefined;
  } catch {
    return undefined; // Storage may be forbidden; the button works all the same.
  }
}

export function startTheme(): void {
  const button = byId("theme", HTMLButtonElement);
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = stored();
  const show = (): void => {
    const theme: Theme = chosen ?? (system.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    button.setAttribute("aria-pressed", String(theme === "dark"));
  };
  system.addEventListener("change", show);
  button.addEventListener("click", () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // Then it holds for this visit.
    }
    show();
  });
  show();
}
