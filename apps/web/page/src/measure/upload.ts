/** Sending measurements to the computer that serves the page. */

import { Failure } from "../device/failure";
import { serialised, type Measurements } from "./document";

const KEY = "edge-distil-token";

/** Keep the token of the address, and take it out of sight. */
export function keepToken(): void {
  const token = /^#token=([\w-]+)$/.exec(location.hash)?.[1];
  if (!token) return;
  sessionStorage.setItem(KEY, token);
  history.replaceState(null, "", `${location.pathname}${location.search}#ask`);
}

export const hasToken = (): boolean => sessionStorage.getItem(KEY) !== null;

/**
 * Send a document.
 *
 * @throws Failure The server refuses it, or does not answer.
 */
export async function send(measured: Measurements): Promise<string> {
  const headers = { authorization: `Bearer ${sessionStorage.getItem(KEY) ?? ""}`, "content-type": "application/json" };
  let response: Response;
  try {
    response = await fetch("measurements", { method: "POST", headers, body: serialised(measured) });
  } catch {
    throw new Failure("network", "The computer does not answer. Download the file instead, and carry it over.");
  }
  const reply = (await response.json().catch(() => ({}))) as { stored?: string; error?: string };
  if (!response.ok) throw new Failure("other", `The computer refused it: ${reply.error ?? response.statusText}`);
  return reply.stored ?? "";
}

/** Offer a file to keep. */
export function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
