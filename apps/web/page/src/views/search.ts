/** Search: sentences become vectors on the device, and are found by meaning. */

import type { BundleInfo } from "../device/bundles";
import { failure } from "../device/failure";
import { Holder } from "../device/holder";
import type { Model } from "../device/model";
import { SEARCHES, SENTENCES } from "../samples";
import { sentences } from "../sentences";
import { chooser, onceLoaded } from "../ui/chooser";
import { fill, h } from "../ui/dom";
import { statusLine } from "../ui/notice";
import { progressBar } from "../ui/progress";
import type { View } from "../ui/tabs";
import { count, duration, megabytes } from "../ui/words";

const SHOWN = 8;
const AT_ONCE = 16; // sentences a call: the bar moves, and a new text need not wait
const MOST = 5000; // sentences of a pasted text

interface Index {
  readonly texts: readonly string[];
  readonly vectors: Float32Array;
  readonly dimension: number;
  readonly model: Model;
}

export function searchView(bundles: readonly BundleInfo[]): View {
  const bar = progressBar("Reading the sentences");
  const status = statusLine();
  const holder = new Holder((done, total) => bar.set(done / total, `Loading the model, once: ${megabytes(done)} of ${megabytes(total)}`));
  const model = chooser(bundles, () => reset());
  let index: Promise<Index> | null = null;

  const editor = h("textarea", { rows: 6, "aria-label": "Your text", placeholder: "Paste a text; each sentence can be found.", hidden: true, onchange: () => reset() });
  const source = h(
    "select",
    { onchange: () => ((editor.hidden = source.value === "sample"), reset()) },
    h("option", { value: "sample" }, `${SENTENCES.length} sample sentences`),
    h("option", { value: "own" }, "My own text…"),
  );
  const query = h("input", { id: "query", type: "search", autocomplete: "off", enterkeyhint: "search", placeholder: "Search by meaning" });
  const button = h("button", { type: "submit", class: "primary" }, "Search");
  const hits = h("ol", { class: "hits", "aria-label": "Found" });
  const form = h(
    "form",
    { class: "ask-bar", role: "search", onsubmit: (event: Event) => (event.preventDefault(), void search()) },
    h("label", { class: "visually-hidden", for: "query" }, "Search"),
    query,
    button,
  );
  const chips = h(
    "div",
    { class: "chips", role: "group", "aria-label": "Searches to try" },
    ...SEARCHES.map((words) => h("button", { type: "button", class: "chip", onclick: () => ((query.value = words), void search()) }, words)),
  );
  const element = h(
    "div",
    { class: "view search" },
    h(
      "section",
      { class: "card", "aria-labelledby": "search-title" },
      h("div", { class: "card-head" }, h("h1", { id: "search-title" }, "Search"), h("label", { class: "field inline" }, h("span", { class: "visually-hidden" }, "Where"), source)),
      editor,
      chips,
      form,
      h("div", { class: "feedback" }, status.element, bar.element),
    ),
    h("section", { class: "card found", "aria-live": "polite" }, hits, model.element),
  );
  reset();

  function hint(): void {
    fill(hits, h("li", { class: "hint" }, "Sentences that mean the same are found, whatever their words. Nothing you type leaves this device."));
  }

  function reset(): void {
    index = null;
    status.say(onceLoaded(model.chosen()));
    hint();
  }

  async function search(): Promise<void> {
    if (!query.value.trim()) {
      status.say("Type what to look for first.", "warn");
      query.focus();
      return;
    }
    button.disabled = true;
    element.setAttribute("aria-busy", "true");
    try {
      index ??= build();
      const built = await index;
      const asked = await built.model.call("embed", [query.value], "query");
      const start = performance.now();
      const found = nearest(built, asked.values);
      show(built, found, asked.ms, performance.now() - start);
    } catch (error) {
      index = null;
      status.say(failure(error).message, "bad");
    } finally {
      bar.clear();
      button.disabled = false;
      element.removeAttribute("aria-busy");
    }
  }

  /** Embed every sentence, once. */
  async function build(): Promise<Index> {
    const texts = editor.hidden ? SENTENCES : sentences(editor.value).slice(0, MOST);
    if (texts.length === 0) throw new Error("Paste a text first.");
    bar.set(null, "Opening the model…");
    const opened = await holder.get(model.chosen());
    const start = performance.now();
    const parts: Float32Array[] = [];
    let dimension = 0;
    for (let first = 0; first < texts.length; first += AT_ONCE) {
      const part = await opened.call("embed", texts.slice(first, first + AT_ONCE), "document");
      parts.push(part.values);
      dimension = part.dimension;
      const done = Math.min(texts.length, first + AT_ONCE);
      bar.set(done / texts.length, `Reading ${done} of ${count(texts.length, "sentence")}`);
    }
    const took = performance.now() - start;
    status.say(`${count(texts.length, "sentence")} read in ${duration(took)}: ${Math.round((1000 * texts.length) / took)} a second.`, "good");
    return { texts, vectors: joined(parts), dimension, model: opened };
  }

  function show({ texts }: Index, found: readonly (readonly [number, number])[], embedMs: number, searchMs: number): void {
    fill(
      hits,
      ...found.map(([row, score]) =>
        h(
          "li",
          {},
          h("span", { class: "hit" }, texts[row]!),
          h("span", { class: "sure" }, h("span", { class: "meter", "aria-hidden": "true" }, h("span", { class: "fill", style: { width: `${100 * Math.max(0, score)}%` } })), h("span", {}, score.toFixed(2))),
        ),
      ),
      h("li", { class: "facts" }, `query embedded in ${duration(embedMs)}, compared with ${count(texts.length, "sentence")} in ${duration(searchMs)}`),
    );
  }

  return { element };
}

/** Return row and cosine of the nearest sentences. */
function nearest({ vectors, dimension, texts }: Index, query: Float32Array): (readonly [number, number])[] {
  const length = Math.hypot(...query);
  const scores = texts.map((_, row) => {
    let [product, square] = [0, 0];
    for (let i = 0; i < dimension; i++) {
      const value = vectors[row * dimension + i]!;
      product += value * query[i]!;
      square += value * value;
    }
    return [row, product / (length * Math.sqrt(square) || 1)] as const;
  });
  return scores.sort((a, b) => b[1] - a[1]).slice(0, SHOWN);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    all.set(part, place);
    place += part.length;
  }
  return all;
}
