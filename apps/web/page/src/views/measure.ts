/** Measure: this device by the study's protocol, on answers that are checked. */

import { loadGolden, type BundleInfo } from "../device/bundles";
import { failure } from "../device/failure";
import { hasWebGpu, threads as mostThreads } from "../device/isolation";
import { deviceName } from "../measure/environment";
import { GLANCE, QUICK, type Effort } from "../measure/effort";
import { measure, type Plan } from "../measure/measure";
import { chooseBundle, choices, readChoices } from "./measure-choices";
import { fill, h } from "../ui/dom";
import { notice, statusLine } from "../ui/notice";
import { progressBar } from "../ui/progress";
import type { View } from "../ui/tabs";
import { timeLeft } from "../ui/words";
import { resultView } from "./result";

const EFFORTS: readonly [Effort, string][] = [
  [QUICK, "The study's quick mode: minutes"],
  [GLANCE, "A first look: seconds"],
];

export function measureView(bundles: readonly BundleInfo[], uploads: boolean): View {
  if (bundles.length === 0) {
    return { element: h("div", { class: "view" }, notice("No bundle that answers or embeds is served here.")) };
  }
  const bar = progressBar("Measuring");
  const status = statusLine();
  const results = h("div", { class: "results", "aria-live": "polite" });
  const bundle = chooseBundle(bundles, () => void refresh());
  const options = h("div", { class: "options" });
  const effort = h("select", { id: "effort" }, ...EFFORTS.map(([one, words]) => h("option", { value: one.name }, words)));
  const device = h("input", { id: "device", type: "text", value: deviceName(), maxlength: 80, autocomplete: "off" });
  const start = h("button", { type: "submit", class: "primary" }, "Measure");
  const cancel = h("button", { type: "button", class: "secondary", hidden: true, onclick: () => running?.abort() }, "Cancel");
  let running: AbortController | null = null;

  const form = h(
    "form",
    { class: "card", "aria-labelledby": "measure-title", onsubmit: (event: Event) => (event.preventDefault(), void run()) },
    h("h1", { id: "measure-title" }, "Measure"),
    h("p", { class: "lead" }, "Models answer the same questions in turns, and every answer is compared with Python's. Plug the device in, and leave this page in front."),
    bundle.element,
    options,
    h("label", { class: "field" }, h("span", {}, "How long"), effort),
    h("label", { class: "field" }, h("span", {}, "Name of this device"), device),
    h("div", { class: "actions" }, start, cancel),
    h("div", { class: "feedback" }, status.element, bar.element),
  );
  const element = h("div", { class: "view measure" }, form, results);

  async function refresh(): Promise<void> {
    fill(options, ...choices(bundle.chosen(), mostThreads, await hasWebGpu()));
  }

  async function plan(): Promise<Plan> {
    const chosen = bundle.chosen();
    return {
      bundle: chosen,
      golden: await loadGolden(chosen),
      ...readChoices(options),
      effort: EFFORTS.find(([one]) => one.name === effort.value)![0],
      device: device.value.trim() || deviceName(),
    };
  }

  async function run(): Promise<void> {
    running = new AbortController();
    const { signal } = running;
    const began = performance.now();
    working(true);
    const awake = await keepAwake();
    try {
      bar.set(null, "Asking Python for its answers, once…");
      const planned = await plan();
      if (!planned.golden.inputs) throw new Error("This model's longest input is too short for the study's questions: choose another bundle.");
      if (planned.variants.length === 0) throw new Error("Choose a variant at least.");
      const result = await measure(planned, signal, (share, words) => {
        const left = ((performance.now() - began) / 1e3) * (1 / Math.max(share, 0.01) - 1);
        bar.set(share, share > 0.08 ? `${words} · ${timeLeft(left)}` : words);
      });
      fill(results, resultView(result, uploads));
      status.say("Done.", "good");
      results.querySelector("h2")?.focus();
    } catch (error) {
      const { kind, message } = signal.aborted ? { kind: "cancelled", message: "Cancelled; nothing was kept." } : failure(error);
      status.say(message, kind === "cancelled" ? "plain" : "bad");
    } finally {
      awake?.release().catch(() => undefined);
      bar.clear();
      working(false);
      running = null;
    }
  }

  function working(busy: boolean): void {
    start.disabled = busy;
    cancel.hidden = !busy;
    for (const field of form.querySelectorAll<HTMLInputElement>("input, select")) field.disabled = busy;
    if (busy) {
      status.say("");
      cancel.focus();
    } else {
      start.focus();
    }
  }

  void refresh();
  status.say("Each model is loaded once, then measured from this device.");
  return { element };
}

/** Keep the screen on: a phone that dims measures its own sleep. */
async function keepAwake(): Promise<{ release(): Promise<void> } | null> {
  try {
    return await navigator.wakeLock.request("screen");
  } catch {
    return null;
  }
}
