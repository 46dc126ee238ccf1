/** What is served: `bundles.json`, and each bundle's golden answers. */

import { Failure } from "./failure";
import type { Opening, Provider, Query } from "./protocol";
import { threads } from "./isolation";

export interface BundleInfo {
  readonly name: string;
  readonly url: string;
  readonly task: string;
  readonly checkpoint: string;
  /** Variant -> bytes of its model. */
  readonly variants: Readonly<Record<string, number>>;
}

export interface Served {
  readonly uploads: boolean;
  readonly bundles: readonly BundleInfo[];
}

export interface PythonAnswer {
  readonly text: string;
  readonly score: number;
  /** In characters (code points). */
  readonly start: number;
  readonly end: number;
}

/** What Python answered with the same files. */
export interface Golden {
  readonly inputs: {
    readonly id: string;
    readonly description: string;
    /** Length of each query; the tokenizers of both languages give the same. */
    readonly tokens: readonly number[];
    readonly texts: readonly Query[];
  } | null;
  readonly answers: Readonly<Record<string, readonly (PythonAnswer | readonly number[])[]>>;
}

export const loadServed = (): Promise<Served> => json<Served>("bundles.json");
export const loadGolden = (bundle: BundleInfo): Promise<Golden> => json<Golden>(`${bundle.url}golden.json`);

export const isQuestionAnswering = (bundle: BundleInfo): boolean => bundle.task === "question-answering";
export const isEmbedding = (bundle: BundleInfo): boolean =>
  bundle.task === "sentence-similarity" || bundle.task === "feature-extraction";

/** The variant that a phone should run: the smallest that is exact enough, and runs on any CPU. */
export function usualVariant(bundle: BundleInfo): string {
  const preferred = ["int8", "fp32"].find((name) => name in bundle.variants);
  const first = preferred ?? Object.keys(bundle.variants)[0];
  if (first === undefined) throw new Failure("other", `${bundle.name} has no model, expected one variant at least.`);
  return first;
}

export function opening(
  bundle: BundleInfo,
  options: { variant?: string; threads?: number; provider?: Provider } = {},
): Opening {
  return {
    page: new URL(".", document.baseURI).href,
    url: new URL(bundle.url, document.baseURI).href,
    variant: options.variant ?? usualVariant(bundle),
    threads: options.threads ?? threads,
    provider: options.provider ?? "wasm",
  };
}

async function json<T>(address: string): Promise<T> {
  let response: Response;
  try {
    response = await fetch(address);
  } catch {
    throw new Failure("network", "The server does not answer, and this page has not been here before.");
  }
  if (!response.ok) throw new Failure("network", `${address} is not there (${response.status}): serve the bundle again.`);
  return (await response.json()) as T;
}
