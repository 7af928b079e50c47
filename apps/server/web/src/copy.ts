// Copies a text to the clipboard, or shows it to be copied by hand where the browser forbids that.
import { byId } from "./dom.ts";

/** True when the text is on the clipboard. Plain HTTP from another host has no clipboard API. */
async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

export async function copyText(text: string): Promise<boolean> {
  if (await toClipboard(text)) return true;
  const dialog = byId("copy-dialog", HTMLDialogElement);
  const field = byId("copy-text", HTMLTextAreaElement);
  const close = byId("copy-close", HTMLButtonElement);
  field.value = text;
  close.onclick = () => dialog.close();
  dialog.showModal();
  field.select();
  return false;
}
