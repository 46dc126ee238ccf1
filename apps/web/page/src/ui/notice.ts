/** Lines that say what is going on or wrong; screen readers hear them. */

import { h } from "./dom";
import { Failure } from "../device/failure";

export type Tone = "plain" | "good" | "warn" | "bad";

/** Make a place for one line; its room is kept, so that nothing moves when it speaks. */
export function statusLine(): { element: HTMLElement; say: (text: string, tone?: Tone) => void } {
  const element = h("p", { class: "status", role: "status", "aria-live": "polite" });
  return {
    element,
    say(text, tone = "plain") {
      element.textContent = text;
      element.className = `status ${tone}`;
    },
  };
}

export function notice(text: string, tone: Tone = "plain"): HTMLElement {
  return h("p", { class: `notice ${tone}`, role: tone === "bad" ? "alert" : "note" }, text);
}

/** Say what went wrong and what to do. */
export function explain(error: unknown): string {
  if (error instanceof Failure) return error.message;
  return error instanceof Error ? error.message : String(error);
}
