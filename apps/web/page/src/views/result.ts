/** What was measured: figures in large type, drawings, a table, and the raw samples to take along. */

import { failure } from "../device/failure";
import { serialised } from "../measure/document";
import { figures, noise, starts, type Figure } from "../measure/figures";
import type { Result } from "../measure/measure";
import type { Parity } from "../measure/parity";
import { picture } from "../measure/picture";
import { coldStarts, distributions, drifts } from "../measure/plots";
import { download, hasToken, send } from "../measure/upload";
import { h } from "../ui/dom";
import { notice, statusLine } from "../ui/notice";
import { duration, megabytes } from "../ui/words";

export function resultView(result: Result, uploads: boolean): HTMLElement {
  const { measurements: measured, parity, distrusted } = result;
  const found = figures(measured);
  const reason = measured.environment["loaded_reason"];
  return h(
    "div",
    { class: "result-view" },
    h("h2", { tabindex: -1 }, measured.device),
    reason ? notice(`These figures are not to be trusted: ${String(reason)}.`, "warn") : null,
    ...distrusted.map((id) => notice(`${id} answered otherwise than Python, so it was not measured.`, "warn")),
    h("div", { class: "tiles" }, ...tiles(found, parity, noise(measured))),
    panel("Time of a query", distributions(found), legend([["median", "median"], ["p90", "90th percentile"]])),
    panel("Percentiles", table(found)),
    panel("Cold start", coldStarts(starts(measured)), legend([["engine", "engine"], ["session", "model"], ["first", "first answer"]])),
    panel("Memory of the engine", memoryTable(result)),
    panel("While it was measured", drifts(found), h("p", { class: "facts" }, "A dot is a block of queries against its model's median. A phone that grows hot climbs.")),
    panel("Answers, compared with Python's", parityList(parity)),
    actions(result, uploads),
  );
}

function tiles(found: readonly Figure[], parity: ReadonlyMap<string, Parity>, band: number | null): HTMLElement[] {
  const fastest = [...found].sort((a, b) => a.p50 - b.p50)[0]!;
  const best = found.filter((one) => one.speed && one.threads === fastest.threads && one.variant === "int8")[0]?.speed;
  const compared = [...parity.values()];
  const sum = (value: (one: Parity) => number): number => compared.reduce((total, one) => total + value(one), 0);
  return [
    tile(duration(fastest.p50), `median of a query: ${fastest.variant}, ${fastest.threads === 1 ? "one thread" : `${fastest.threads} threads`}`),
    ...(best ? [tile(`${best.value.toFixed(2)}×`, `int8 as fast as fp32 (blocks from ${best.low.toFixed(2)} to ${best.high.toFixed(2)}${band === null ? "" : `; noise ${(100 * band).toFixed(1)} %`})`)] : []),
    tile(`${sum((one) => one.equal)} of ${sum((one) => one.count)}`, "answers equal to Python's"),
  ];
}

const tile = (figure: string, words: string): HTMLElement => h("div", { class: "tile" }, h("p", { class: "figure" }, figure), h("p", {}, words));

function panel(title: string, ...content: (Node | null)[]): HTMLElement {
  return h("section", { class: "card panel" }, h("h3", {}, title), ...content);
}

function legend(entries: readonly (readonly [string, string])[]): HTMLElement {
  return h("p", { class: "legend" }, ...entries.map(([kind, words]) => h("span", {}, h("i", { class: `key ${kind}`, "aria-hidden": "true" }), words)));
}

function table(found: readonly Figure[]): HTMLElement {
  const columns = ["model", "threads", "p50", "p90", "p99", "× fp32"];
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": "Percentiles" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ...columns.map((one) => h("th", { scope: "col" }, one)))),
      h("tbody", {}, ...found.map(row)),
    ),
  );
}

function row(one: Figure): HTMLElement {
  const speed = one.speed ? `${one.speed.value.toFixed(2)}×` : "";
  const cells = [String(one.threads), ...[one.p50, one.p90, one.p99].map(duration), speed];
  return h("tr", {}, h("th", { scope: "row" }, one.variant), ...cells.map((cell) => h("td", {}, cell)));
}

function memoryTable({ measurements }: Result): HTMLElement {
  const rows = measurements.memory.map(({ model, baseline, loaded, answered }) => {
    const cells = [baseline, loaded, answered].map((bytes) => (bytes === null ? "–" : megabytes(bytes)));
    return h("tr", {}, h("th", { scope: "row" }, model.split("/")[1]!), ...cells.map((cell) => h("td", {}, cell)));
  });
  const head = h("tr", {}, ...["model", "engine alone", "loaded", "after an answer"].map((one) => h("th", { scope: "col" }, one)));
  return h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Memory" }, h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows)));
}

function parityList(parity: ReadonlyMap<string, Parity>): HTMLElement {
  const items = [...parity].map(([id, { count, equal, difference }]) => {
    const all = equal === count;
    const words = count === 0 ? "Python gave no answers to compare with" : `${equal} of ${count} equal; scores differ by ${difference.toExponential(0)} at most`;
    return h("li", { class: all ? "good" : "warn" }, `${id.split("/")[1]}: ${words}`);
  });
  return h("ul", { class: "plain" }, ...items);
}

function actions(result: Result, uploads: boolean): HTMLElement {
  const status = statusLine();
  const { measurements } = result;
  const name = measurements.device.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "device";
  const act = (work: () => Promise<string>) => async (): Promise<void> => {
    try {
      status.say(await work(), "good");
    } catch (error) {
      status.say(failure(error).message, "bad");
    }
  };
  const keep = act(async () => {
    download(`measurements-${name}.json`, new Blob([serialised(measurements)], { type: "application/json" }));
    return "Saved. On the computer: edge-distil study --merge FILES -o report";
  });
  const upload = act(async () => `Stored there as ${await send(measurements)}.`);
  const draw = act(async () => {
    download(`edge-distil-${name}.png`, await picture(result));
    return "Saved.";
  });
  return h(
    "section",
    { class: "card panel take-along" },
    h("h3", {}, "Take it along"),
    h(
      "div",
      { class: "actions" },
      uploads && hasToken() ? h("button", { type: "button", class: "primary", onclick: () => void upload() }, "Send to the computer") : null,
      h("button", { type: "button", class: "secondary", onclick: () => void keep() }, "Download measurements.json"),
      h("button", { type: "button", class: "secondary", onclick: () => void draw() }, "Save a picture"),
    ),
    status.element,
  );
}
