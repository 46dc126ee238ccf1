/** The numbers of the protocol; names as in `bench/edge_distil_bench/protocol/design.py`. */

export interface Effort {
  readonly name: string;
  /** Rounds, each with fresh workers: a page cannot start processes. */
  readonly rounds: number;
  /** Timed queries of each model, and their time in seconds, at least, over all rounds. */
  readonly queries: number;
  readonly seconds: number;
  readonly warmupRuns: number;
  readonly warmupSeconds: number;
  /** Timed queries in a turn; a block holds twice as many of each model. */
  readonly turn: number;
  /** Fresh workers to the first answer, a model. */
  readonly coldStarts: number;
  readonly seed: number;
}

const RULES = { warmupRuns: 10, turn: 6, seed: 2019 };

/** The protocol's quick mode, with five cold starts as `edge-distil study --quick` has. */
export const QUICK: Effort = { ...RULES, name: "quick", rounds: 2, queries: 128, seconds: 10, warmupSeconds: 3, coldStarts: 5 };
/** A first look: too short to publish, long enough to see which model is faster. */
export const GLANCE: Effort = { ...RULES, name: "glance", rounds: 2, queries: 48, seconds: 1, warmupSeconds: 0.2, coldStarts: 2 };

export function blocksPerRound(effort: Effort): number {
  return Math.ceil(effort.queries / effort.rounds / (2 * effort.turn));
}

/** The protocol's record in a document of measurements. */
export function protocolRecord(effort: Effort, notes: readonly string[]): Record<string, unknown> {
  return {
    name: effort.name,
    processes: effort.rounds,
    queries: effort.queries,
    seconds: effort.seconds,
    warmup_runs: effort.warmupRuns,
    warmup_seconds: effort.warmupSeconds,
    turn: effort.turn,
    cold_starts: effort.coldStarts,
    seed: effort.seed,
    notes,
  };
}

/** What this protocol does otherwise than the one of `edge-distil study`. */
export const NOTES = [
  "Measured in a browser: a round opens every model anew in workers of their own, in place of fresh processes.",
  "Memory is the heap of the engine (WebAssembly), not that of the whole process.",
  "Cold starts open the engine and the model from the browser's cache.",
];
