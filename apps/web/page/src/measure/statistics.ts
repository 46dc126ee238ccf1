/** Percentiles and ratios, as `edge-distil study` computes them anew from the samples. */

import type { Run } from "./document";

/** Return a quantile by linear interpolation, as numpy does. `quantile([1, 2], 0.5)` is 1.5. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const first = sorted[low] ?? NaN;
  return first + (place - low) * ((sorted[low + 1] ?? first) - first);
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export interface Sample {
  readonly block: number;
  readonly process: number;
  readonly item: number;
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
      return [{ block: run.block[i]!, process: run.process, item: run.item[i]!, start: run.start_ns[i]!, ms: ns! / 1e6 }];
    }),
  );
}

export interface Ratio {
  readonly value: number;
  /** The least and the greatest of the blocks'. */
  readonly low: number;
  readonly high: number;
}

/**
 * How many times as fast `own` is as `other`, as `edge_distil_bench.statistics.comparison` estimates it: the
 * median over blocks that both ran in; of a block, the median over its queries; of a query, the
 * median of its samples there. Its interval needs the report.
 */
export function timesAsFast(own: readonly Sample[], other: readonly Sample[]): Ratio {
  const mine = medians(own, queryOf);
  const theirs = medians(other, queryOf);
  const shared = [...mine].flatMap(([key, ms]) => {
    const reference = theirs.get(key);
    return reference === undefined ? [] : [{ key, ms: Math.log(reference / ms) }];
  });
  const blocks = [...medians(shared, ({ key }) => key.slice(0, key.lastIndexOf("/"))).values()];
  const [low, high] = [Math.min(...blocks), Math.max(...blocks)];
  return { value: Math.exp(median(blocks)), low: Math.exp(low), high: Math.exp(high) };
}

const queryOf = ({ process, block, item }: Sample): string => `${process}/${block}/${item}`;

/** Return the median of each group, in the order in which the groups came. */
export function medians<T extends { readonly ms: number }>(samples: readonly T[], keyOf: (sample: T) => string): Map<string, number> {
  const groups = new Map<string, number[]>();
  for (const sample of samples) {
    const key = keyOf(sample);
    const group = groups.get(key);
    if (group) group.push(sample.ms);
    else groups.set(key, [sample.ms]);
  }
  return new Map([...groups].map(([key, values]) => [key, median(values)]));
}

/** How the second half of the samples differs from the first: 0.1 is 10 % slower. */
export function drift(samples: readonly Sample[]): number {
  const ordered = [...samples].sort((a, b) => a.start - b.start);
  const half = Math.floor(ordered.length / 2);
  const part = (from: number, to: number): number => median(ordered.slice(from, to).map((s) => s.ms));
  return part(half, ordered.length) / part(0, half) - 1;
}
