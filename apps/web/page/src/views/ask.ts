/** Ask: a text, a question, the answer where it stands. */

import type { BundleInfo } from "../device/bundles";
import { failure } from "../device/failure";
import { Holder } from "../device/holder";
import type { Answered } from "../device/protocol";
import { SAMPLES } from "../samples";
import { chooser, onceLoaded } from "../ui/chooser";
import { drawn, fill, h } from "../ui/dom";
import { statusLine } from "../ui/notice";
import { progressBar } from "../ui/progress";
import type { View } from "../ui/tabs";
import { megabytes } from "../ui/words";
import { answerCard, emptyCard } from "./answer";

const OWN = "own";

export function askView(bundles: readonly BundleInfo[]): View {
  const bar = progressBar("Loading the model");
  const status = statusLine();
  const holder = new Holder((done, total) => bar.set(done / total, `Loading the model, once: ${megabytes(done)} of ${megabytes(total)}`));
  const model = chooser(bundles, () => status.say(onceLoaded(model.chosen())));

  let text = SAMPLES[0]!.text;
  const reading = h("div", { class: "reading", tabindex: 0, role: "group", "aria-label": "The text" });
  const editor = h("textarea", { class: "reading", rows: 9, "aria-label": "Your text", placeholder: "Paste a text here.", hidden: true });
  const source = h(
    "select",
    { id: "source", onchange: () => choose(source.value) },
    ...SAMPLES.map(({ title }, index) => h("option", { value: index }, title)),
    h("option", { value: OWN }, "My own text…"),
  );
  const suggestions = h("div", { class: "chips", role: "group", "aria-label": "Questions to try" });
  const question = h("input", { id: "question", type: "text", autocomplete: "off", enterkeyhint: "go", placeholder: "Ask about the text" });
  const button = h("button", { type: "submit", class: "primary" }, "Ask");
  const result = h("section", { class: "card result", "aria-label": "Answer", "aria-live": "polite" }, ...emptyCard());

  const form = h(
    "form",
    { class: "ask-bar", onsubmit: (event: Event) => (event.preventDefault(), void ask()) },
    h("label", { class: "visually-hidden", for: "question" }, "Question"),
    question,
    button,
  );
  const element = h(
    "div",
    { class: "view ask" },
    h(
      "section",
      { class: "card text", "aria-labelledby": "text-title" },
      h("div", { class: "card-head" }, h("h1", { id: "text-title" }, "Text"), h("label", { class: "field inline" }, h("span", { class: "visually-hidden" }, "Which text"), source)),
      reading,
      editor,
    ),
    h("div", { class: "side" }, suggestions, form, h("div", { class: "feedback" }, status.element, bar.element), result, model.element),
  );

  function choose(value: string): void {
    const own = value === OWN;
    editor.hidden = !own;
    reading.hidden = own;
    if (own) {
      editor.value = "";
      editor.focus();
      fill(suggestions);
    } else {
      const sample = SAMPLES[Number(value)]!;
      text = sample.text;
      fill(suggestions, ...sample.questions.slice(0, 4).map(chip));
    }
    fill(reading, text);
    fill(result, ...emptyCard());
  }

  const chip = (words: string): HTMLElement =>
    h("button", { type: "button", class: "chip", onclick: () => ((question.value = words), void ask()) }, words);

  async function ask(): Promise<void> {
    if (!editor.hidden) text = editor.value;
    if (!text.trim() || !question.value.trim()) {
      status.say(text.trim() ? "Type a question first." : "Paste a text first.", "warn");
      (text.trim() ? question : editor).focus();
      return;
    }
    button.disabled = true;
    element.setAttribute("aria-busy", "true");
    status.say("");
    bar.set(null, "Opening the model…");
    try {
      const opened = await holder.get(model.chosen());
      bar.set(null, "Reading…");
      show(await opened.call("answer", question.value, text));
    } catch (error) {
      status.say(failure(error).message, "bad");
    } finally {
      bar.clear();
      button.disabled = false;
      element.removeAttribute("aria-busy");
    }
  }

  function show(answer: Answered): void {
    const mark = h("mark", { id: "answer-mark" }, text.slice(answer.start, answer.end));
    fill(reading, text.slice(0, answer.start), mark, text.slice(answer.end));
    reading.hidden = false;
    editor.hidden = true;
    if (source.value === OWN) offerEditing();
    fill(result, ...answerCard(answer, model.chosen().variant));
    void drawn().then(() => scrollInside(reading, mark));
  }

  /** Let one's own text be changed again once it is shown with its answer. */
  function offerEditing(): void {
    const again = h("button", { type: "button", class: "chip", onclick: edit }, "Change the text");
    fill(suggestions, again);
  }

  function edit(): void {
    editor.hidden = false;
    reading.hidden = true;
    editor.value = text;
    editor.focus();
  }

  choose("0");
  status.say(onceLoaded(model.chosen()));
  return { element };
}

/** Bring the answer into sight within the text's own frame; the page itself does not jump. */
function scrollInside(frame: HTMLElement, mark: HTMLElement): void {
  const top = mark.offsetTop - frame.offsetTop;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  frame.scrollTo({ top: top - frame.clientHeight / 2, behavior: calm ? "auto" : "smooth" });
}
