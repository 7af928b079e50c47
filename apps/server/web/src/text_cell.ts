// A document's text in the ranking: collapsed when long, and grey where the model did not read it.
import type { Cut } from "./cut.ts";
import { h, spoken } from "./dom.ts";
import { beginning, count, countCodePoints } from "./format.ts";

const COLLAPSED_CHARS = 260;
const COLLAPSED_LINES = 3;
/** More than anybody reads here; a megabyte in one table cell makes every scroll slow. */
const EXPANDED_CHARS = 50_000;

export class TextCell {
  readonly element: HTMLElement;
  private readonly body: HTMLElement;
  private readonly toggle: HTMLButtonElement | undefined;
  private expanded = false;
  private cut: Cut | undefined;

  constructor(
    private readonly text: string,
    name: string,
  ) {
    this.body = h("div", { class: "text", dir: "auto" });
    this.element = h("div", {}, this.body);
    const lines = text.split("\n", COLLAPSED_LINES + 1).length;
    if (text.length > COLLAPSED_CHARS * 1.2 || lines > COLLAPSED_LINES) {
      this.toggle = h("button", {
        class: "plain toggle",
        type: "button",
        "aria-expanded": "false",
      });
      this.toggle.dataset.name = name;
      this.toggle.addEventListener("click", () => {
        this.expanded = !this.expanded;
        this.render();
      });
      this.element.append(this.toggle);
    } else {
      this.expanded = true;
    }
    this.render();
  }

  /** Says where the model stopped. */
  setCut(cut: Cut): void {
    this.cut = cut;
    this.render();
  }

  private render(): void {
    const { text, expanded } = this;
    // A collapsed text shows one flow of words; the offsets of the cut hold for the original.
    const shown = expanded ? beginning(text, EXPANDED_CHARS) : excerpt(text);
    const at = Math.min(this.cut?.at ?? shown.length, shown.length);
    this.body.classList.toggle("collapsed", !expanded);
    this.body.replaceChildren(shown.slice(0, at));
    if (this.cut && at < shown.length) this.body.append(...this.unread(shown.slice(at), this.cut));
    if (shown.length < text.length) this.body.append("\u2026");
    if (expanded && shown.length < text.length) {
      const left = count(text.length - shown.length);
      this.body.append(h("p", { class: "hint" }, `${left} more characters are not shown here.`));
    }
    if (!this.toggle) return;
    this.toggle.setAttribute("aria-expanded", String(expanded));
    this.toggle.replaceChildren(
      expanded ? "Show less" : `Show all ${count(countCodePoints(text))} characters`,
      spoken(` of ${this.toggle.dataset.name ?? ""}`),
    );
  }

  private unread(text: string, cut: Cut): Node[] {
    const label = cut.exact ? "not read from here" : "not read from about here";
    return [
      h("span", { class: "mark" }, spoken("["), label, spoken(": ")),
      h("span", { class: "unread" }, text, spoken("]")),
    ];
  }
}

/** The beginning of a text, to the end of a word where there is one. */
function excerpt(text: string): string {
  const start = beginning(text, COLLAPSED_CHARS);
  const space = start.search(/\s\S*$/);
  return space > COLLAPSED_CHARS / 2 ? start.slice(0, space) : start;
}
