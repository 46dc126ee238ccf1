/** One model in a worker: opened once, asked, timed. */

/// <reference lib="webworker" />
import { Embedding, load, QuestionAnswering } from "edge-distil";
import { Clock, loadEngine } from "./engine";
import { heapBytes, initialHeapBytes, watchHeap } from "./heap";
import type { Answered, Call, Calls, EmbedKind, Opened, Opening, Query, Reply, Request, Timing, Turn, Vectors } from "./protocol";

declare const self: DedicatedWorkerGlobalScope;
type Task = QuestionAnswering | Embedding;
type Async<F> = F extends (...values: infer V) => infer R ? (...values: V) => Promise<R> : never;

const clock = new Clock();
const stages = { tokenize: 0, run: 0, tokens: 0 };
let task: Task;
let asked: readonly Query[] = [];

const calls: { [K in Call]: Async<Calls[K]> } = {
  open,
  answer,
  embed,
  async queries(queries) {
    asked = queries;
  },
  turn,
  heap: async () => heapBytes(),
};

watchHeap();
self.onmessage = async ({ data }: MessageEvent<Request>) => {
  const call = calls[data.call] as (...values: unknown[]) => Promise<unknown>;
  try {
    send({ id: data.id, value: await call(...(data.values as unknown[])) });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
    send({ id: data.id, error: { name: error instanceof Error ? error.constructor.name || name : name, message } });
  }
};

async function open(opening: Opening): Promise<Opened> {
  const begun = performance.now();
  const engine = await loadEngine(opening, clock);
  const loaded = performance.now();
  const found = await load(opening.url, {
    engine,
    variant: opening.variant,
    threads: opening.threads,
    providers: [opening.provider],
    onProgress: ({ loaded, total, cached }) => {
      if (!cached && total > 1e6) send({ progress: { done: loaded, total } });
    },
  });
  task = found as Task;
  const [engineMs, sessionMs] = [loaded - begun, performance.now() - loaded];
  return { task: found.bundle.manifest.task, engineMs, sessionMs, heapBefore: initialHeapBytes(), heap: heapBytes() };
}

async function answer(question: string, context: string): Promise<Answered> {
  const { value, timing, tokens, passes } = await timed(() => questions().run(question, context, { onStage }));
  const { text, score, start, end } = value;
  return { text, score, start, end, tokens, windows: passes, timing };
}

async function embed(texts: readonly string[], kind: EmbedKind = "text"): Promise<Vectors> {
  const start = performance.now();
  const rows = await vectors(texts, kind);
  const ms = performance.now() - start;
  const dimension = rows[0]?.length ?? 0;
  const values = new Float32Array(rows.length * dimension);
  rows.forEach((row, index) => values.set(row, index * dimension));
  return { rows: rows.length, dimension, values, ms };
}

async function turn(items: readonly number[]): Promise<Turn> {
  const timings: Timing[] = [];
  for (const item of items) timings.push((await timed(() => run(asked[item]!))).timing);
  const column = (value: (timing: Timing) => number): number[] => timings.map((one) => Math.round(value(one) * 1e6));
  return {
    start_ns: column((one) => performance.timeOrigin + one.start),
    total_ns: column((one) => one.total),
    stage_ns: {
      tokenize: column((one) => one.tokenize),
      features: column((one) => one.features),
      forward: column((one) => one.forward),
      decode: column((one) => one.decode),
    },
  };
}

/** Answer a query of the measurement: question and context, or one text. */
function run(query: Query): Promise<unknown> {
  const [first, second] = query;
  return second === undefined ? vectors([first!]) : questions().run(first!, second, { onStage });
}

function questions(): QuestionAnswering {
  if (task instanceof QuestionAnswering) return task;
  throw new TypeError("this bundle answers no questions: choose a question-answering bundle");
}

function vectors(texts: readonly string[], kind: EmbedKind = "text"): Promise<Float32Array[]> {
  if (!(task instanceof Embedding)) throw new TypeError("this bundle makes no vectors: choose an embedding bundle");
  if (kind === "query") return task.encodeQuery(texts, { onStage });
  return kind === "document" ? task.encodeDocument(texts, { onStage }) : task.encode(texts, { onStage });
}

function onStage({ stage, milliseconds, tokens }: { stage: string; milliseconds: number; tokens: number }): void {
  if (stage === "tokenize") stages.tokenize += milliseconds;
  if (stage === "run") stages.run += milliseconds;
  stages.tokens += tokens;
}

/** Time a query; what is neither tokens, nor features, nor the pass is decoding. */
async function timed<T>(work: () => Promise<T>): Promise<{ value: T; timing: Timing; tokens: number; passes: number }> {
  clock.reset();
  stages.tokenize = stages.run = stages.tokens = 0;
  const start = performance.now();
  const value = await work();
  const total = performance.now() - start;
  const { tokenize } = stages;
  const { forward, passes } = clock;
  const features = Math.max(0, stages.run - forward);
  const decode = Math.max(0, total - tokenize - features - forward);
  return { value, timing: { start, tokenize, features, forward, decode, total }, tokens: stages.tokens, passes };
}

function send(reply: Reply): void {
  self.postMessage(reply);
}
