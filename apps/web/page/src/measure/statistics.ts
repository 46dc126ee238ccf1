/** Percentiles and ratios, as `edge-distil study` computes them anew from the samples. */

import { SplitMix64 } from "./random";
import type { Run } from "./document";

const RESAMPLES = 1000;

/** Return a quantile by linear interpolation, as numpy does. `quantile([1, 2], 0.5)` is 1.5. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const first = sorted[low] ?? NaN;
  return first + (place - low) * ((sorted[low + 1] ?? first) - first);
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);
export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

export interface Sample {
  readonly block: number;
  readonly process: number;
  readonly start: number;
  /** Milliseconds. */
  readonly ms: number;
}

/** Return the timed samples of runs, in milliseconds; warm-up and lead queries are left out. */
export function timed(runs: readonly Run[], stage: "total" | "forward"): Sample[] {
  return runs.flatMap((run) =>
    run.phase.flatMap((phase, i) => {
      if (phase !== "timed") return [];
      const ns = stage === "total" ? run.total_ns[i] : run.stage_ns[stage]?.[i];
      return [{ block: run.block[i]!, process: run.process, start: run.start_ns[i]!, ms: ns! / 1e6 }];
    }),
  );
}

export interface Ratio {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * How many times as fast `own` is as `other`: the ratio of mean times over blocks that both ran in,
 * with a 95 % interval from resampling the blocks.
 */
export function timesAsFast(own: readonly Sample[], other: readonly Sample[], seed: number): Ratio {
  const [mine, theirs] = [blockMeans(own), blockMeans(other)];
  const pairs = [...mine].flatMap(([block, value]) => {
    const reference = theirs.get(block);
    return reference === undefined ? [] : [[value, reference] as const];
  });
  const random = new SplitMix64(BigInt(seed));
  const ratio = (chosen: readonly (readonly [number, number])[]): number =>
    mean(chosen.map(([, theirs]) => theirs)) / mean(chosen.map(([mine]) => mine));
  const drawn = Array.from({ length: RESAMPLES }, () =>
    ratio(pairs.map(() => pairs[random.below(pairs.length)]!)),
  );
  return { value: ratio(pairs), low: quantile(drawn, 0.025), high: quantile(drawn, 0.975) };
}

/** Return the mean time of each block, by round and block, in the order in which they ran. */
export function blockMeans(samples: readonly Sample[]): Map<string, number> {
  const blocks = new Map<string, number[]>();
  for (const { process, block, ms } of samples) {
    const key = `${process}/${block}`;
    blocks.set(key, [...(blocks.get(key) ?? []), ms]);
  }
  return new Map([...blocks].map(([key, values]) => [key, mean(values)]));
}

/** How the second half of the samples differs from the first: 0.1 is 10 % slower. */
export function drift(samples: readonly Sample[]): number {
  const ordered = [...samples].sort((a, b) => a.start - b.start);
  const half = Math.floor(ordered.length / 2);
  const part = (from: number, to: number): number => median(ordered.slice(from, to).map((s) => s.ms));
  return part(half, ordered.length) / part(0, half) - 1;
}
