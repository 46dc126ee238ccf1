import { FUNCTIONS, type FunctionToApply } from "../bundle/manifest.js";
import * as calls from "../calls.js";
import type { Encoder, RunOptions } from "../encoder.js";
import { TaskError } from "../errors.js";
import { ranked } from "../numbers.js";
import { readLogits, scores, type Row } from "./logits.js";
import { inBlocks, Task } from "./task.js";

const NAMES = ["query", "passage"] as const;
const OPTIONS = ["functionToApply", "batchSize", "signal", "onStage"];

/** A query and a passage. */
export type QueryAndPassage =
  | readonly [query: string, passage: string]
  | { readonly query: string; readonly passage: string };

/** A passage: its place among those given, how relevant it is, and its text. */
export interface Ranked {
  readonly index: number;
  readonly score: number;
  readonly text: string;
}

export interface ScoreOptions extends RunOptions {
  /** What makes a score of a logit; by default what the checkpoint says, else the logistic function. */
  readonly functionToApply?: FunctionToApply | undefined;
}

export interface RankOptions extends ScoreOptions {
  /** Return the best so many, by default all. */
  readonly topK?: number | null | undefined;
}

/** Says how relevant passages are to a query: a cross-encoder of one score a pair. */
export class Reranker extends Task {
  constructor(encoder: Encoder) {
    super(encoder, ["text-classification"]);
    this.#requireOne(this.bundle.manifest.labels.length || 1);
  }

  /** Order passages by how relevant they are to a query: the most relevant first, of equal ones the earlier. */
  async run(query: string, passages: Iterable<string>, options: RankOptions = {}): Promise<Ranked[]> {
    calls.known("run", options, [...OPTIONS, "topK"]);
    const { topK, ...rest } = options;
    calls.whole(1, { topK });
    calls.text(query, "query");
    const texts = [...calls.many(passages, "passages")].map((text, i) => calls.text(text, `passage ${i}`));
    const found = await this.#score(texts.map((text) => [query, text]), checked(rest));
    return ranked(found, topK ?? Infinity).map((index) => ({ index, score: found[index]!, text: texts[index]! }));
  }

  /** Score pairs of a query and a passage, in their order. */
  async score(pairs: Iterable<QueryAndPassage>, options: ScoreOptions = {}): Promise<Float32Array> {
    calls.known("score", options, OPTIONS);
    return this.#score([...calls.many(pairs, "pairs")].map(checkedPair), checked(options));
  }

  /** Score a stream of pairs, in order; they are read ahead by at most one block. */
  async *stream(
    pairs: AsyncIterable<QueryAndPassage> | Iterable<QueryAndPassage>,
    options: ScoreOptions = {},
  ): AsyncGenerator<number> {
    calls.known("stream", options, OPTIONS);
    checked(options);
    let first = 0;
    for await (const block of inBlocks(pairs)) {
      yield* await this.#score(block.map((pair, i) => checkedPair(pair, first + i)), options);
      first += block.length;
    }
  }

  async #score(rows: readonly Row[], options: ScoreOptions): Promise<Float32Array> {
    const name = options.functionToApply ?? this.bundle.manifest.functionToApply ?? "sigmoid";
    const found = await readLogits(this.encoder, rows, options);
    return Float32Array.from(found, (logits) => {
      this.#requireOne(logits.length);
      return scores(logits, name)[0]!;
    });
  }

  #requireOne(count: number): void {
    if (count === 1) return;
    throw new TaskError(
      `${this.bundle.name} gives a pair ${count} scores, expected one: load it without task for its labels, ` +
        "or export a cross-encoder for reranking",
    );
  }
}

function checked(options: ScoreOptions): ScoreOptions {
  calls.whole(1, { batchSize: options.batchSize });
  calls.choice("functionToApply", options.functionToApply, FUNCTIONS);
  return options;
}

function checkedPair(pair: QueryAndPassage, number: number): Row {
  return calls.pair(pair, NAMES, `pair ${number}: `);
}
