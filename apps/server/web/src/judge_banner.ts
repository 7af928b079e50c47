// What became of the judge in a hybrid ranking, as a line above the table.
import { h } from "./dom.ts";
import { count, counted } from "./format.ts";
import type { Ranking } from "./rows.ts";

// After docs/hybrid.md. What is not in here is shown by its name.
const OUTCOMES: Record<string, string> = {
  judged: "Every finalist was rated.",
  repaired: "Every finalist was rated, after a second question.",
  partial: "Some finalists were not rated; they stand behind the others.",
  refused: "The model declined, or a content filter did.",
  timeout: "The judge did not answer in time.",
  malformed: "What the judge answered could not be used.",
  provider_error: "The judge could not be reached, or answered with an error.",
  budget_exhausted: "There was no time or no room to ask the judge.",
  skipped_confident: "The judge was not asked: the cross-encoder was sure enough.",
};

const IN_ENCODER_ORDER = new Set([
  "refused",
  "timeout",
  "malformed",
  "provider_error",
  "budget_exhausted",
]);

export function judgeBanner(judge: NonNullable<Ranking["judge"]>): HTMLElement {
  const words = [OUTCOMES[judge.outcome] ?? ""];
  if (IN_ENCODER_ORDER.has(judge.outcome)) words.push("This is the cross-encoder\u2019s order.");
  if (judge.message !== "") words.push(judge.message);
  const cost = `${counted(judge.calls, "call")}, ${count(judge.tokens)} tokens`;
  return h(
    "div",
    { class: judge.degraded ? "banner degraded" : "banner" },
    judge.degraded && h("strong", {}, "Degraded"),
    h("code", {}, judge.outcome),
    h("span", {}, words.filter((word) => word !== "").join(" ")),
    h("span", { class: "hint" }, judge.model ? `${judge.model}, ${cost}` : cost),
  );
}
