import type { FunctionToApply } from "../bundle/manifest.js";
import { FUNCTIONS } from "../bundle/manifest.js";
import * as calls from "../calls.js";
import type { Encoder, RunOptions } from "../encoder.js";
import { ranked } from "../numbers.js";
import { readLogits, scores, type Row } from "./logits.js";
import { inBlocks, Task } from "./task.js";

const NAMES = ["text", "textPair"] as const;
const OPTIONS = ["topK", "functionToApply", "batchSize", "signal", "onStage"];

/** A text, or a pair of them: premise and hypothesis. */
export type TextOrPair =
  | string
  | readonly [text: string, textPair: string]
  | { readonly text: string; readonly textPair?: string };

/** A class and its probability (its raw value for a regression). */
export interface Label {
  readonly label: string;
  readonly score: number;
}

export interface ClassifyOptions extends RunOptions {
  /** Return the best so many labels of each text, by default one; all when `null`. */
  readonly topK?: number | null | undefined;
  /** What makes scores of logits; by default what the checkpoint says. */
  readonly functionToApply?: FunctionToApply | undefined;
}

/** Labels texts, or pairs of texts. */
export class TextClassification extends Task {
  constructor(encoder: Encoder) {
    super(encoder, ["text-classification"]);
  }

  /** Label one text, or one pair: its labels, the most probable first. */
  async run(text: TextOrPair, options: ClassifyOptions = {}): Promise<Label[]> {
    const row = one(text, "text", "the pair ");
    return (await this.#label([row], checked("run", options)))[0]!;
  }

  /** Label texts: for each its labels, the most probable first. */
  async batch(texts: Iterable<TextOrPair>, options: ClassifyOptions = {}): Promise<Label[][]> {
    const rows = [...calls.many(texts, "texts")].map((row, i) => one(row, `text ${i}`, `pair ${i}: `));
    return this.#label(rows, checked("batch", options));
  }

  /** Label a stream of texts, in order; texts are read ahead by at most one block. */
  async *stream(texts: AsyncIterable<TextOrPair> | Iterable<TextOrPair>, options: ClassifyOptions = {}): AsyncGenerator<Label[]> {
    checked("stream", options);
    let first = 0;
    for await (const block of inBlocks(texts)) {
      const rows = block.map((row, i) => one(row, `text ${first + i}`, `pair ${first + i}: `));
      yield* await this.#label(rows, options);
      first += block.length;
    }
  }

  async #label(rows: readonly Row[], options: ClassifyOptions): Promise<Label[][]> {
    const given = options.functionToApply ?? this.bundle.manifest.functionToApply;
    const found = await readLogits(this.encoder, rows, options);
    return found.map((logits) => this.#ranked(scores(logits, given ?? this.#usual(logits.length)), options.topK));
  }

  #usual(classes: number): FunctionToApply {
    const problem = this.bundle.manifest.problemType;
    if (problem === "regression") return "none";
    return problem === "multi_label_classification" || classes === 1 ? "sigmoid" : "softmax";
  }

  #ranked(scores: Float32Array, topK: number | null = 1): Label[] {
    const { labels } = this.bundle.manifest;
    return ranked(scores, topK ?? Infinity).map((i) => ({ label: labels[i] ?? `LABEL_${i}`, score: scores[i]! }));
  }
}

function checked(call: string, options: ClassifyOptions): ClassifyOptions {
  calls.known(call, options, OPTIONS);
  calls.whole(1, { topK: options.topK, batchSize: options.batchSize });
  calls.choice("functionToApply", options.functionToApply, FUNCTIONS);
  return options;
}

/** Check one text or one pair. */
function one(value: TextOrPair, name: string, where: string): Row {
  if (typeof value !== "object" || value === null) return [calls.text(value, name)];
  if (Object.hasOwn(value, "text") && !Object.hasOwn(value, "textPair")) return [calls.text((value as { text: string }).text, name)];
  return calls.pair(value, NAMES, where);
}
