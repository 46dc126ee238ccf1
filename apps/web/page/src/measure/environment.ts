/** What this device and its browser are, as far as they say. */

import { isolated } from "../device/isolation";

interface Hints {
  readonly platform?: string;
  readonly brands?: readonly { brand: string; version: string }[];
  getHighEntropyValues?(names: readonly string[]): Promise<Record<string, unknown>>;
}

/** Return the environment's record in a document of measurements. */
export async function environment(threads: number): Promise<Record<string, unknown>> {
  const hints = (navigator as { userAgentData?: Hints }).userAgentData;
  const more = await hints?.getHighEntropyValues?.(["architecture", "model", "platformVersion"]).catch(() => undefined);
  const gigabytes = (navigator as { deviceMemory?: number }).deviceMemory;
  return {
    cpu: String(more?.["model"] || more?.["architecture"] || platform()),
    system: [hints?.platform ?? platform(), more?.["platformVersion"]].filter(Boolean).join(" "),
    browser: browser(hints),
    user_agent: navigator.userAgent,
    cores: navigator.hardwareConcurrency ?? null,
    threads,
    memory_bytes: gigabytes === undefined ? null : gigabytes * 2 ** 30,
    isolated,
    clock_resolution_ns: clockResolution(),
    hidden_while_measuring: false,
    loaded: false,
    loaded_reason: null,
  };
}

/** A name for this device that a person may change: `"Android, Chrome 141"`. */
export function deviceName(): string {
  const hints = (navigator as { userAgentData?: Hints }).userAgentData;
  return `${hints?.platform || platform()}, ${browser(hints)}`;
}

function platform(): string {
  const found = /\(([^;)]+)(?:; ([^;)]+))?/.exec(navigator.userAgent);
  const [first, second] = [found?.[1] ?? "unknown system", found?.[2]];
  return first === "Linux" && second ? second : first;
}

function browser(hints: Hints | undefined): string {
  const real = hints?.brands?.filter(({ brand }) => !/not.?a.?brand/i.test(brand)) ?? [];
  const named = real.find(({ brand }) => brand !== "Chromium") ?? real[0];
  if (named) return `${named.brand} ${named.version}`;
  const version = /(Firefox|Version|Chrome)\/(\d+)/.exec(navigator.userAgent);
  return version ? `${version[1] === "Version" ? "Safari" : version[1]} ${version[2]}` : "a browser";
}

/** The smallest step of the clock, in nanoseconds: browsers make it coarse. */
function clockResolution(): number {
  let least = Infinity;
  for (let tries = 0; tries < 20; tries++) {
    const before = performance.now();
    let after = before;
    while (after === before) after = performance.now();
    least = Math.min(least, after - before);
  }
  return Math.round(least * 1e6);
}
