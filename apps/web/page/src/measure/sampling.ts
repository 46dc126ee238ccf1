/**
 * Samples of several models on the same queries: fresh workers, randomised ABBA blocks. The twin of
 * `bench/edge_distil_bench/protocol/sampling.py`.
 */

import type { Model } from "../device/model";
import type { Query } from "../device/protocol";
import { blocksPerRound, type Effort } from "./effort";
import type { Phase, Run } from "./document";
import { SplitMix64 } from "./random";
import { median } from "./statistics";

/** A model that takes part: what it is called, and how it is opened anew. */
export interface Contestant {
  readonly id: string;
  /** 1 for the second worker of the same model, which the A/A comparison is made with. */
  readonly copy: number;
  readonly threads: number;
  readonly open: () => Promise<Model>;
}

interface Worker {
  readonly model: Model;
  readonly run: Run;
  secondsAQuery: number;
}

/** Called after every block, with how many are done. */
export type Tally = () => void;

/** Measure one group of models side by side, all rounds. */
export async function sample(
  contestants: readonly Contestant[],
  inputs: string,
  queries: readonly Query[],
  effort: Effort,
  options: { signal: AbortSignal; tally: Tally },
): Promise<Run[]> {
  const runs: Run[] = [];
  const random = new SplitMix64(BigInt(effort.seed));
  const items = random.shuffled([...queries.keys()]);
  for (let round = 0; round < effort.rounds; round++) {
    const workers: Worker[] = [];
    try {
      for (const one of contestants) workers.push(await started(one, inputs, queries, round));
      for (const worker of workers) await warmUp(worker, queries.length, effort, options.signal);
      await blocks(workers, items, round, effort, random, options);
    } finally {
      for (const worker of workers) worker.model.close();
    }
    runs.push(...workers.map(({ run }) => run));
  }
  return runs;
}

async function started(one: Contestant, inputs: string, queries: readonly Query[], process: number): Promise<Worker> {
  const model = await one.open();
  await model.call("queries", queries);
  const columns = { phase: [], block: [], item: [], start_ns: [], total_ns: [], cpu_ns: [], host: null };
  const stage_ns = { tokenize: [], features: [], forward: [], decode: [] };
  const run = { model: one.id, copy: one.copy, inputs, threads: one.threads, process, ...columns, stage_ns };
  return { model, run, secondsAQuery: 0 };
}

async function warmUp(worker: Worker, count: number, effort: Effort, signal: AbortSignal): Promise<void> {
  const end = performance.now() + 1e3 * effort.warmupSeconds;
  for (let runs = 0; runs < effort.warmupRuns || performance.now() < end; runs++) {
    await take(worker, ["warmup"], -1, [runs % count], signal);
  }
  worker.secondsAQuery = median(worker.run.total_ns) / 1e9;
}

async function blocks(
  workers: readonly Worker[],
  items: readonly number[],
  round: number,
  effort: Effort,
  random: SplitMix64,
  { signal, tally }: { signal: AbortSignal; tally: Tally },
): Promise<void> {
  const repeats = repetitions(workers, effort);
  const count = blocksPerRound(effort);
  for (let block = 0; block < count; block++) {
    const first = (round * count + block) * effort.turn;
    const asked = Array.from({ length: effort.turn }, (_, i) => items[(first + i) % items.length]!);
    const order = random.shuffled([...workers.keys()]);
    for (const index of [...order, ...[...order].reverse()]) {
      const timed = Array.from({ length: repeats[index]! }, () => asked).flat();
      const phases: Phase[] = ["lead", ...timed.map(() => "timed" as const)];
      await take(workers[index]!, phases, block, [asked[0]!, ...timed], signal);
    }
    tally();
  }
}

/**
 * Let a fast model answer each query several times in a turn, so that the time is reached. Two
 * workers of one model do so equally often: nothing but chance may tell them apart.
 */
function repetitions(workers: readonly Worker[], effort: Effort): number[] {
  const queries = blocksPerRound(effort) * 2 * effort.turn;
  const wanted = effort.seconds / effort.rounds;
  return workers.map(({ run }) => {
    const same = workers.filter((other) => other.run.model === run.model);
    const least = Math.max(1e-6, Math.min(...same.map((one) => one.secondsAQuery)));
    return Math.max(1, Math.ceil(wanted / (queries * least)));
  });
}

async function take(worker: Worker, phases: readonly Phase[], block: number, items: readonly number[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const turn = await worker.model.call("turn", items);
  const { run } = worker;
  run.phase.push(...phases);
  run.block.push(...items.map(() => block));
  run.item.push(...items);
  run.start_ns.push(...turn.start_ns);
  run.total_ns.push(...turn.total_ns);
  for (const [stage, column] of Object.entries(run.stage_ns)) {
    column.push(...turn.stage_ns[stage as keyof typeof turn.stage_ns]);
  }
}
