// Texts and pairs to logits: what every classifier is made of.

import type { FunctionToApply } from "../bundle/manifest.js";
import { tokenized, type Encoder, type RunOptions } from "../encoder.js";
import { sigmoid, softmax } from "../numbers.js";

/** A text, or a pair. */
export type Row = readonly [text: string, pair?: string];

/**
 * Run texts or pairs, and read the logits of each.
 *
 * @param onlyFirst A pair that is too long loses of its first text alone, which has room.
 */
export async function readLogits(
  encoder: Encoder,
  rows: readonly Row[],
  options: RunOptions,
  onlyFirst = false,
): Promise<Float32Array[]> {
  const encodings = tokenized(options, () => rows.map(([text, pair]) => encoder.encode(text, pair, onlyFirst)));
  const found = new Array<Float32Array>(rows.length);
  for await (const { indices, outputs } of encoder.run(encodings, ["logits"], options)) {
    const { data, dims } = outputs.get("logits")!;
    const classes = dims[1]!;
    indices.forEach((index, row) => (found[index] = data.slice(row * classes, (row + 1) * classes)));
  }
  return found;
}

/** Turn the logits of a row into scores. */
export function scores(logits: Float32Array, name: FunctionToApply): Float32Array {
  if (name === "none") return logits;
  return name === "sigmoid" ? sigmoid(logits) : softmax(logits);
}
