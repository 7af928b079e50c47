// Where the documents come from: a text field, or a file or a long paste that would be too much for
// one. Reads them whenever they change, and shows how many there are or what is wrong.
import type { Format, Parsed } from "./documents.ts";
import { FORMAT_NAMES, InputError, parseDocuments } from "./documents.ts";
import { byId, h } from "./dom.ts";
import { beginning, bytes, counted } from "./format.ts";
import { Stopped } from "./pacer.ts";

const MAX_FILE_BYTES = 10_000_000;
/** A text field lays out all its text at once: with more than this, typing begins to lag. */
const MAX_FIELD_CHARS = 60_000;
const TYPING_PAUSE_MS = 400;
const PREVIEWED = 4;

interface Attachment {
  name: string;
  size: number;
  text: string;
}

export class DocumentSource {
  private readonly field = byId("documents", HTMLTextAreaElement);
  private readonly format = byId("format", HTMLSelectElement);
  private readonly fileInput = byId("file", HTMLInputElement);
  private readonly card = byId("attachment", HTMLDivElement);
  private readonly readAs = byId("read-as", HTMLSpanElement);
  private readonly wrong = byId("documents-error", HTMLParagraphElement);
  private readonly notes = byId("documents-notes", HTMLParagraphElement);
  private attachment: Attachment | undefined;
  private fileNote = "";
  private reading: { stop: AbortController; result: Promise<Parsed | undefined> } | undefined;
  private typing: number | undefined;

  constructor() {
    this.field.addEventListener("input", () => {
      this.fileNote = "";
      this.forget();
      this.typing = window.setTimeout(() => void this.read(), TYPING_PAUSE_MS);
    });
    this.field.addEventListener("paste", (event) => this.onPaste(event));
    this.format.addEventListener("change", () => {
      this.forget();
      void this.read();
    });
    byId("detach", HTMLButtonElement).addEventListener("click", () => {
      this.detach();
      this.field.focus();
    });
    byId("choose", HTMLButtonElement).addEventListener("click", () => this.fileInput.click());
    this.fileInput.addEventListener("change", () => {
      const file = this.fileInput.files?.[0];
      this.fileInput.value = ""; // The same file may be chosen again after a change.
      if (file) void this.open(file);
    });
    this.listenForDrops();
  }

  focus(): void {
    (this.attachment ? byId("detach", HTMLButtonElement) : this.field).focus();
  }

  /** Puts a text into the field, in place of what is there. */
  load(text: string): void {
    this.detach();
    this.field.value = text;
    this.forget();
    void this.read();
  }

  complain(sentence: string): void {
    this.wrong.textContent = sentence;
    if (sentence) this.field.setAttribute("aria-invalid", "true");
    else this.field.removeAttribute("aria-invalid");
  }

  /** The documents as they are now, or undefined when they cannot be read, which is then shown. */
  read(): Promise<Parsed | undefined> {
    window.clearTimeout(this.typing);
    if (!this.reading) {
      const stop = new AbortController();
      this.reading = { stop, result: this.parse(stop.signal) };
    }
    return this.reading.result;
  }

  /** What was read is out of date. */
  private forget(): void {
    window.clearTimeout(this.typing);
    this.reading?.stop.abort();
    this.reading = undefined;
  }

  private async parse(signal: AbortSignal): Promise<Parsed | undefined> {
    const { attachment } = this;
    const text = attachment ? attachment.text : this.field.value;
    const wanted = this.format.value as Format | "auto";
    if (attachment) this.readAs.textContent = "reading\u2026";
    try {
      const parsed = await parseDocuments(text, wanted, signal);
      if (signal.aborted) return undefined;
      this.complain("");
      this.show(parsed);
      return parsed;
    } catch (error) {
      if (error instanceof Stopped || signal.aborted) return undefined;
      if (!(error instanceof InputError)) throw error;
      this.readAs.textContent = "";
      this.notes.textContent = this.fileNote;
      byId("attachment-preview", HTMLOListElement).replaceChildren();
      this.complain(error.message);
      return undefined;
    }
  }

  private show({ documents, format, notes }: Parsed): void {
    const name = FORMAT_NAMES[format];
    this.readAs.textContent =
      documents.length > 0 ? `${counted(documents.length, "document")} \u00b7 ${name}` : "";
    this.notes.textContent = [this.fileNote, ...notes].filter((note) => note !== "").join(" ");
    if (!this.attachment) return;
    byId("attachment-preview", HTMLOListElement).replaceChildren(
      ...documents
        .slice(0, PREVIEWED)
        .map((document) => h("li", { dir: "auto" }, beginning(document.text.trim(), 120))),
    );
  }

  private attach(attachment: Attachment): void {
    this.attachment = attachment;
    byId("attachment-name", HTMLElement).textContent = attachment.name;
    byId("attachment-size", HTMLSpanElement).textContent = bytes(attachment.size);
    byId("attachment-preview", HTMLOListElement).replaceChildren();
    this.field.hidden = true;
    this.card.hidden = false;
    this.forget();
    void this.read();
    this.focus();
  }

  private detach(): void {
    this.fileNote = "";
    this.complain("");
    if (!this.attachment) return;
    this.attachment = undefined;
    this.card.hidden = true;
    this.field.hidden = false;
    this.forget();
    void this.read();
  }

  private onPaste(event: ClipboardEvent): void {
    const file = event.clipboardData?.files[0];
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (text === "" && file) {
      event.preventDefault();
      void this.open(file);
      return;
    }
    const { selectionStart, selectionEnd, value } = this.field;
    if (text.length + value.length - (selectionEnd - selectionStart) <= MAX_FIELD_CHARS) return;
    event.preventDefault();
    // What was typed before stays part of the documents.
    const all = value.slice(0, selectionStart) + text + value.slice(selectionEnd);
    this.field.value = "";
    this.fileNote = "";
    this.attach({ name: "Pasted text", size: new Blob([all]).size, text: all });
  }

  private listenForDrops(): void {
    const target = byId("drop", HTMLDivElement);
    const hasFiles = (event: DragEvent): boolean =>
      event.dataTransfer?.types.includes("Files") ?? false;
    // Anywhere on the page: a file dropped a little beside the field must not replace the page.
    window.addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      target.classList.add("over");
    });
    window.addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) target.classList.remove("over");
    });
    window.addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      target.classList.remove("over");
      const file = event.dataTransfer?.files[0];
      if (file) void this.open(file, event.dataTransfer?.files.length);
    });
  }

  private async open(file: File, dropped = 1): Promise<void> {
    if (file.size > MAX_FILE_BYTES) {
      this.complain(`${file.name} has ${bytes(file.size)}; this page takes files up to 10 MB.`);
      return;
    }
    let text: string;
    const notes: string[] = [];
    try {
      const content = await file.arrayBuffer();
      const decoded = decode(content);
      text = decoded.text;
      if (decoded.note) notes.push(decoded.note);
    } catch (error) {
      this.complain(
        error instanceof InputError
          ? `${file.name} ${error.message}`
          : `${file.name} could not be read: ${(error as Error).message}`,
      );
      return;
    }
    if (dropped > 1) notes.push(`Of ${dropped} files only ${file.name} was taken.`);
    if (text.length <= MAX_FIELD_CHARS) {
      this.load(text);
      this.fileNote = [`From ${file.name}.`, ...notes].join(" ");
      this.field.focus();
      return;
    }
    this.fileNote = notes.join(" ");
    this.attach({ name: file.name, size: file.size, text });
  }
}

/** The text of a file: UTF-8, or UTF-16 with its mark. */
function decode(content: ArrayBuffer): { text: string; note?: string } {
  const start = new Uint8Array(content, 0, Math.min(content.byteLength, 4096));
  for (const [label, first, second] of [
    ["utf-16le", 0xff, 0xfe],
    ["utf-16be", 0xfe, 0xff],
  ] as const) {
    if (start[0] === first && start[1] === second) {
      return { text: new TextDecoder(label).decode(content) };
    }
  }
  if (start.includes(0)) throw new InputError("is not a text file.");
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(content) };
  } catch {
    const text = new TextDecoder().decode(content);
    return { text, note: "The file is not UTF-8; what could not be read became \ufffd." };
  }
}
