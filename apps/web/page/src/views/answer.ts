/** The card of an answer: what, how sure, how long each stage took. */

import type { Answered, Timing } from "../device/protocol";
import { threads } from "../device/isolation";
import { h } from "../ui/dom";
import { count, duration, percent } from "../ui/words";

const PARTS = [
  ["tokenize", "tokens"],
  ["features", "features"],
  ["forward", "model"],
  ["decode", "answer"],
] as const;

export function emptyCard(): HTMLElement[] {
  return [h("p", { class: "hint" }, "The answer appears here, marked in the text. Nothing you type leaves this device.")];
}

export function answerCard(answer: Answered, variant: string): HTMLElement[] {
  const facts = [
    count(answer.tokens, "token"),
    ...(answer.windows > 1 ? [count(answer.windows, "pass", "passes")] : []),
    count(threads, "thread"),
    variant,
  ];
  return [
    h("p", { class: "answer", id: "answer" }, answer.text || "No answer in this text."),
    h(
      "div",
      { class: "sure" },
      h("span", { class: "meter", "aria-hidden": "true" }, h("span", { class: "fill", style: { width: `${100 * answer.score}%` } })),
      h("span", {}, `score ${answer.score.toFixed(2)} (${percent(answer.score)})`),
    ),
    h("p", { class: "facts" }, `${duration(answer.timing.total)} · ${facts.join(" · ")}`),
    stageBar(answer.timing),
  ];
}

/** Draw where the time of a query went. */
function stageBar(timing: Timing): HTMLElement {
  const parts = PARTS.map(([stage, label]) => ({ stage, label, ms: timing[stage] }));
  return h(
    "div",
    { class: "stages" },
    h(
      "div",
      { class: "stage-bar", "aria-hidden": "true" },
      ...parts.map(({ stage, ms }) => h("span", { class: `stage ${stage}`, style: { "flex-grow": ms / timing.total } })),
    ),
    h(
      "dl",
      {},
      ...parts.map(({ stage, label, ms }) => h("div", {}, h("dt", { class: `stage-name ${stage}` }, label), h("dd", {}, duration(ms)))),
    ),
  );
}
