// Reads comma-separated values after RFC 4180, one record at a time. Knows nothing of documents.

export class CsvError extends Error {}

/** One pass over a text; a field may be quoted, and then hold delimiters, quotes and breaks. */
export class CsvReader {
  /** Line of the record that next() gave last, from 1. */
  line = 0;
  private position = 0;
  private nextLine = 1;

  constructor(
    private readonly text: string,
    private readonly delimiter: string,
  ) {}

  /** The next record that is not an empty line, or undefined at the end. */
  next(): string[] | undefined {
    while (this.position < this.text.length) {
      this.line = this.nextLine;
      const record = this.record();
      if (record.length > 1 || record[0] !== "") return record;
    }
    return undefined;
  }

  private record(): string[] {
    const fields: string[] = [];
    for (;;) {
      fields.push(this.text[this.position] === '"' ? this.quoted() : this.bare());
      if (this.text[this.position] === this.delimiter) {
        ++this.position;
        continue;
      }
      if (this.text[this.position] === "\r") ++this.position;
      if (this.text[this.position] === "\n") ++this.position;
      ++this.nextLine;
      return fields;
    }
  }

  private bare(): string {
    const begin = this.position;
    while (this.position < this.text.length && !this.isEnd(this.text[this.position])) {
      ++this.position;
    }
    return this.text.slice(begin, this.position);
  }

  private quoted(): string {
    const begin = ++this.position;
    let quotes = 0;
    for (;;) {
      const quote = this.text.indexOf('"', this.position);
      if (quote < 0) {
        throw new CsvError(`The quoted field that begins in line ${this.nextLine} has no end.`);
      }
      this.position = quote + 1;
      if (this.text[this.position] === '"') {
        ++this.position;
        ++quotes;
        continue;
      }
      const inside = this.text.slice(begin, quote);
      const line = this.nextLine;
      for (let at = inside.indexOf("\n"); at >= 0; at = inside.indexOf("\n", at + 1)) {
        ++this.nextLine;
      }
      if (this.position < this.text.length && !this.isEnd(this.text[this.position])) {
        throw new CsvError(`The quoted field that begins in line ${line} goes on behind its end.`);
      }
      return quotes > 0 ? inside.replaceAll('""', '"') : inside;
    }
  }

  private isEnd(character: string | undefined): boolean {
    return character === this.delimiter || character === "\n" || character === "\r";
  }
}
