/** Which bundle and which variant. */

import type { BundleInfo } from "../device/bundles";
import { usualVariant } from "../device/bundles";
import { h } from "./dom";
import { megabytes } from "./words";

export interface Choice {
  readonly bundle: BundleInfo;
  readonly variant: string;
}

/** Make a labelled choice of models; with one model it is a line of text. */
export function chooser(bundles: readonly BundleInfo[], onChange: () => void): { element: HTMLElement; chosen: () => Choice } {
  const choices = bundles.flatMap((bundle) =>
    Object.keys(bundle.variants)
      .filter((variant) => ["int8", "fp32", "fp16"].includes(variant))
      .map((variant) => ({ bundle, variant })),
  );
  const usual = choices.findIndex(({ bundle, variant }) => bundle === bundles[0] && variant === usualVariant(bundle));
  const select = h(
    "select",
    { id: `model-${bundles[0]!.task}`, onchange: onChange },
    ...choices.map(({ bundle, variant }, index) =>
      h("option", { value: index, selected: index === usual }, `${bundle.name} · ${variant} · ${megabytes(bundle.variants[variant]!)}`),
    ),
  );
  const element = h("label", { class: "field inline" }, h("span", {}, "Model"), select);
  return { element, chosen: () => choices[Number(select.value)]! };
}

/** Say what a choice costs, before it is paid. */
export function onceLoaded({ bundle, variant }: Choice): string {
  return `The model is loaded once: ${megabytes(bundle.variants[variant]!)}.`;
}
