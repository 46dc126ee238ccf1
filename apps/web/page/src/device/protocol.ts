/** What the page and its workers say to each other. A worker holds one model. */

export type Provider = "wasm" | "webgpu";

/** What to open, and how. */
export interface Opening {
  /** Address of the page's folder, absolute. */
  readonly page: string;
  /** Address of the bundle's folder, absolute. */
  readonly url: string;
  readonly variant: string;
  readonly threads: number;
  readonly provider: Provider;
}

export interface Opened {
  readonly task: string;
  /** Milliseconds of getting the engine, and of opening the bundle and the session. */
  readonly engineMs: number;
  readonly sessionMs: number;
  /** Bytes of the engine's heap before it held the model, and after; null where it cannot be read. */
  readonly heapBefore: number | null;
  readonly heap: number | null;
}

/** Milliseconds of a query by stage; they add up to the total. */
export interface Timing {
  readonly start: number;
  readonly tokenize: number;
  readonly features: number;
  readonly forward: number;
  readonly decode: number;
  readonly total: number;
}

export interface Answered {
  readonly text: string;
  readonly score: number;
  /** In UTF-16 units, as JavaScript slices strings. */
  readonly start: number;
  readonly end: number;
  readonly tokens: number;
  readonly windows: number;
  readonly timing: Timing;
}

/** Rows of one width. */
export interface Vectors {
  readonly rows: number;
  readonly dimension: number;
  readonly values: Float32Array;
  readonly ms: number;
}

/** What a text is for: models with prompts treat queries and documents each in their way. */
export type EmbedKind = "text" | "query" | "document";

/** A query of the measurement: question and context, or one text. */
export type Query = readonly string[];

/** What one turn of queries took: columns of equal length, in nanoseconds. */
export interface Turn {
  readonly start_ns: number[];
  readonly stage_ns: Record<Stage, number[]>;
  readonly total_ns: number[];
}
export const STAGES = ["tokenize", "features", "forward", "decode"] as const;
export type Stage = (typeof STAGES)[number];

export interface Calls {
  open(opening: Opening): Opened;
  answer(question: string, context: string): Answered;
  embed(texts: readonly string[], kind?: EmbedKind): Vectors;
  queries(queries: readonly Query[]): void;
  turn(items: readonly number[]): Turn;
  heap(): number | null;
}
export type Call = keyof Calls;

export interface Request<K extends Call = Call> {
  readonly id: number;
  readonly call: K;
  readonly values: Parameters<Calls[K]>;
}
export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { name: string; message: string } }
  | { readonly progress: { readonly done: number; readonly total: number } };
