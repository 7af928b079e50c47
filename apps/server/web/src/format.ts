// Numbers as people read them, and places in text. English, whatever the browser's language.

const grouped = new Intl.NumberFormat("en");

export const count = (value: number): string => grouped.format(value);

/** "1 document", "2 documents". */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Four decimals, or two digits and an exponent where these would show 0.0000. */
export function probability(value: number): string {
  return value > 0 && value < 0.00005 ? value.toExponential(1) : value.toFixed(4);
}

export function logit(value: number): string {
  return value.toFixed(4).replace("-", "\u2212");
}

export function duration(milliseconds: number): string {
  if (milliseconds < 1) return "under 1 ms";
  if (milliseconds < 10_000) return `${count(Math.round(milliseconds))} ms`;
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

export function bytes(value: number): string {
  if (value < 1000) return counted(value, "byte");
  if (value < 1_000_000) return `${(value / 1000).toFixed(1)} kB`;
  return `${(value / 1_000_000).toFixed(1)} MB`;
}

/** The UTF-16 offset of a place given in code points, as the server counts. */
export function offsetOfCodePoint(text: string, codePoints: number): number {
  let offset = 0;
  for (let i = 0; i < codePoints && offset < text.length; ++i) {
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  }
  return offset;
}

export function countCodePoints(text: string): number {
  let pairs = 0;
  for (let i = 0; i + 1 < text.length; ++i) {
    if ((text.codePointAt(i) ?? 0) > 0xffff) {
      ++pairs;
      ++i;
    }
  }
  return text.length - pairs;
}

/** At most `limit` UTF-16 units of the text's beginning, never half a character. */
export function beginning(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const end = (text.codePointAt(limit - 1) ?? 0) > 0xffff ? limit - 1 : limit;
  return text.slice(0, end);
}
