/**
 * The document that `edge-distil study --merge` reads: raw samples, no conclusions.
 *
 * Its format is described in `bench/edge_distil_bench/records/document.py`, schema version 2. Times are
 * whole nanoseconds of a monotonic clock. What could not be read is null, never 0.
 */

import type { Stage } from "../device/protocol";

export interface MeasuredModel {
  readonly id: string;
  readonly model: string;
  readonly variant: string;
  readonly engine: string;
  readonly trained: boolean;
  readonly bytes: number;
  readonly sha256: string | null;
  readonly tokenizer_sha256: string | null;
  readonly parameters: number | null;
  readonly flops: null;
  readonly options: Record<string, unknown>;
}

export interface MeasuredInputs {
  readonly id: string;
  readonly description: string;
  readonly tokens: readonly number[];
  readonly padded_to: null;
}

export type Phase = "warmup" | "lead" | "timed";

/** The samples of one model in one worker: columns of equal length. */
export interface Run {
  readonly model: string;
  readonly copy: number;
  readonly inputs: string;
  readonly threads: number;
  readonly process: number;
  readonly phase: Phase[];
  readonly block: number[];
  readonly item: number[];
  readonly start_ns: number[];
  readonly stage_ns: Record<Stage, number[]>;
  readonly total_ns: number[];
  /** A browser does not say what the processor spent. */
  readonly cpu_ns: readonly never[];
  /** Null: each model runs in a worker of its own. */
  readonly host: null;
}

export interface Memory {
  readonly model: string;
  readonly inputs: string;
  readonly threads: number;
  readonly baseline: number | null;
  readonly loaded: number | null;
  readonly answered: number | null;
  readonly peak: number | null;
}

export interface ColdStart {
  readonly model: string;
  readonly threads: number;
  readonly import_ns: number[];
  readonly session_ns: number[];
  readonly first_ns: number[];
  readonly process_ns: number[];
}

export interface Measurements {
  readonly schema: "edge-distil/measurements";
  readonly schema_version: 2;
  readonly device: string;
  readonly created: string;
  readonly protocol: Record<string, unknown>;
  readonly environment: Record<string, unknown>;
  readonly models: readonly MeasuredModel[];
  readonly inputs: readonly MeasuredInputs[];
  readonly runs: readonly Run[];
  readonly memory: readonly Memory[];
  readonly cold_starts: readonly ColdStart[];
  readonly curves: readonly never[];
  readonly peak_rates: readonly never[];
  readonly accuracy: readonly never[];
  readonly checks: readonly never[];
  readonly readings: readonly never[];
}

export const EMPTY = { curves: [], peak_rates: [], accuracy: [], checks: [], readings: [] } as const;

/** The time now as Python's reader takes it: ISO 8601 with a time zone, to the second. */
export const timestamp = (now = new Date()): string => now.toISOString().replace(/\.\d+Z$/, "+00:00");

/** Write the document as a file has it. */
export const serialised = (measured: Measurements): string => `${JSON.stringify(measured)}\n`;
