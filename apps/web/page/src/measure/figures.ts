/** What the samples say, as the page shows it. */

import type { Measurements, Run } from "./document";
import { drift, quantile, timed, timesAsFast, type Ratio, type Sample } from "./statistics";

/** One model on one number of threads. */
export interface Figure {
  readonly model: string;
  readonly variant: string;
  readonly threads: number;
  readonly samples: readonly Sample[];
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly drift: number;
  /** Against fp32 on as many threads; null for fp32 itself. */
  readonly speed: Ratio | null;
}

export interface Start {
  readonly model: string;
  readonly variant: string;
  readonly engine: number;
  readonly session: number;
  readonly first: number;
  readonly heap: number | null;
}

export function figures(measured: Measurements): Figure[] {
  const threads = [...new Set(measured.runs.map((run) => run.threads))].sort((a, b) => a - b);
  return threads.flatMap((n) => measured.models.map((model) => figure(measured, model.id, n)));
}

function figure(measured: Measurements, id: string, threads: number): Figure {
  const model = measured.models.find((one) => one.id === id)!;
  const samples = timed(runsOf(measured, id, threads), "total");
  const times = samples.map((one) => one.ms);
  const [reference] = measured.models;
  const other = reference && reference.id !== id ? timed(runsOf(measured, reference.id, threads), "total") : null;
  return {
    model: id,
    variant: model.variant,
    threads,
    samples,
    p50: quantile(times, 0.5),
    p90: quantile(times, 0.9),
    p99: quantile(times, 0.99),
    drift: drift(samples),
    speed: other ? timesAsFast(samples, other) : null,
  };
}

/** What two workers of one model differed by: 0.02 is 2 %. Below that, a difference is noise. */
export function noise(measured: Measurements): number | null {
  const copies = measured.runs.filter((run) => run.copy === 1);
  const found = copies.map((run) => {
    const own = timed([run], "total");
    const other = timed(measured.runs.filter((one) => one.copy === 0 && same(one, run)), "total");
    return Math.abs(timesAsFast(own, other).value - 1);
  });
  return found.length ? Math.max(...found) : null;
}

export function starts(measured: Measurements): Start[] {
  return measured.cold_starts.map((one) => ({
    model: one.model,
    variant: measured.models.find((model) => model.id === one.model)!.variant,
    engine: quantile(one.import_ns, 0.5) / 1e6,
    session: quantile(one.session_ns, 0.5) / 1e6,
    first: quantile(one.first_ns, 0.5) / 1e6,
    heap: measured.memory.find((memory) => memory.model === one.model)?.answered ?? null,
  }));
}

const same = (a: Run, b: Run): boolean => a.model === b.model && a.threads === b.threads && a.process === b.process;

function runsOf(measured: Measurements, id: string, threads: number): Run[] {
  return measured.runs.filter((run) => run.model === id && run.copy === 0 && run.threads === threads);
}
