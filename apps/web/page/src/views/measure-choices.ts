/** What is measured: bundle, variants, threads, the GPU. */

import type { BundleInfo } from "../device/bundles";
import { h } from "../ui/dom";
import { megabytes } from "../ui/words";

const COMPARED = ["fp32", "int8"];

/** Make a choice of the bundle. */
export function chooseBundle(bundles: readonly BundleInfo[], onChange: () => void): { element: HTMLElement; chosen: () => BundleInfo } {
  const select = h("select", { id: "bundle", onchange: onChange }, ...bundles.map(({ name }, index) => h("option", { value: index }, name)));
  return {
    element: h("label", { class: "field" }, h("span", {}, "Bundle"), select),
    chosen: () => bundles[Number(select.value)]!,
  };
}

/** Make the boxes to tick for a bundle. */
export function choices(bundle: BundleInfo, threads: number, webgpu: boolean): HTMLElement[] {
  const variants = COMPARED.filter((name) => name in bundle.variants);
  const numbers = threads > 1 ? [1, threads] : [1];
  const gpuVariant = "fp16" in bundle.variants ? "fp16" : variants[0];
  return [
    group("Variants", variants.map((name) => box("variant", name, `${name}, ${megabytes(bundle.variants[name]!)}`))),
    group("Threads", numbers.map((n) => box("threads", String(n), n === 1 ? "one" : `${n}`))),
    ...(webgpu && gpuVariant
      ? [group("Graphics processor", [box("webgpu", gpuVariant, `${gpuVariant} on WebGPU: loads a larger engine, once; its answers are compared before it is measured`, false)])]
      : []),
  ];
}

/** Read what was ticked. */
export function readChoices(options: HTMLElement): { variants: string[]; threads: number[]; webgpu: string | null } {
  const ticked = (name: string): string[] =>
    [...options.querySelectorAll<HTMLInputElement>(`input[name=${name}]:checked`)].map((input) => input.value);
  const threads = ticked("threads").map(Number);
  return { variants: ticked("variant"), threads: threads.length ? threads : [1], webgpu: ticked("webgpu")[0] ?? null };
}

function group(title: string, boxes: readonly HTMLElement[]): HTMLElement {
  return h("fieldset", {}, h("legend", {}, title), h("div", { class: "boxes" }, ...boxes));
}

function box(name: string, value: string, label: string, checked = true): HTMLElement {
  return h("label", { class: "box" }, h("input", { type: "checkbox", name, value, checked }), h("span", {}, label));
}
