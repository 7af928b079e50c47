// Writes a request as a command for a POSIX shell. Sends nothing.

/** Characters that JSON may hold as they are, but that a terminal would act on or hide. */
const UNPRINTABLE = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

const escaped = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/**
 * The body goes into a here-document: no shell looks into it, and it may be longer than an argument.
 * JSON writes a line break in a string as \n, so no line of the body can be the word that ends it.
 */
export function curlCommand(url: string, body: object, withKey: boolean): string {
  const json = JSON.stringify(body, null, 1).replace(UNPRINTABLE, escaped);
  return [
    `curl -sS '${url.replaceAll("'", "%27")}' \\`,
    "  -H 'Content-Type: application/json' \\",
    ...(withKey ? ['  -H "Authorization: Bearer $CROSSRANK_API_KEY" \\'] : []),
    "  --data-binary @- <<'JSON'",
    json,
    "JSON",
    "",
  ].join("\n");
}
