/** A bar with words; its room is always there. */

import { h } from "./dom";

export interface Bar {
  readonly element: HTMLElement;
  set(share: number | null, words: string): void;
  clear(): void;
}

export function progressBar(label: string): Bar {
  const fillBar = h("span", { class: "fill" });
  const words = h("span", { class: "words" });
  const track = h("span", { class: "track", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 }, fillBar);
  const element = h("div", { class: "progress idle" }, track, words);
  return {
    element,
    set(share, text) {
      element.className = share === null ? "progress endless" : "progress";
      fillBar.style.width = share === null ? "40%" : `${100 * Math.min(1, share)}%`;
      if (share === null) track.removeAttribute("aria-valuenow");
      else track.setAttribute("aria-valuenow", String(Math.round(100 * share)));
      words.textContent = text;
    },
    clear() {
      element.className = "progress idle";
      words.textContent = "";
    },
  };
}
