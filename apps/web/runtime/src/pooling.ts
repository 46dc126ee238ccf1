import type { PoolingMode } from "./bundle/manifest.js";
import type { Floats } from "./outputs.js";

const SMALLEST_COUNT = 1e-9; // torch.clamp's floor in sentence-transformers' Pooling
const SMALLEST_NORM = 1e-12; // torch.nn.functional.normalize's eps

/** Token vectors of one text: `tokens` rows of `hidden` numbers, and which take part. */
interface Tokens {
  readonly values: Float32Array;
  readonly mask: Int32Array;
  readonly hidden: number;
}

type Pool = (tokens: Tokens) => Float32Array;

/**
 * Pool token vectors `(rows, width, hidden)` as sentence-transformers does, one vector a row.
 *
 * @param mask `(rows, width)`, 1 where a token takes part.
 * @param modes One, or several whose vectors stand behind each other.
 */
export function pool({ dims, data }: Floats, mask: Int32Array, modes: readonly PoolingMode[]): Float32Array[] {
  const [rows = 0, tokens = 0, hidden = 0] = dims;
  const width = mask.length / rows;
  return Array.from({ length: rows }, (_, row) => {
    const values = data.subarray(row * tokens * hidden, (row + 1) * tokens * hidden);
    const one = { values, mask: mask.subarray(row * width, (row + 1) * width), hidden };
    // A graph may compute the first token alone, which is all that CLS pooling reads.
    const pooled = modes.map((mode) => (tokens === 1 ? values.slice(0, hidden) : MODES[mode](one)));
    if (pooled.length === 1) return pooled[0]!;
    const made = new Float32Array(hidden * pooled.length);
    pooled.forEach((vector, i) => made.set(vector, i * hidden));
    return made;
  });
}

/** Add up token vectors, each times a weight of its position. */
function total({ values, mask, hidden }: Tokens, weight: (position: number) => number): { sum: Float64Array; count: number } {
  const sum = new Float64Array(hidden);
  let count = 0;
  for (let token = 0; token < mask.length; token++) {
    if (mask[token] !== 1) continue;
    const factor = weight(token);
    count += factor;
    for (let i = 0; i < hidden; i++) sum[i]! += factor * values[token * hidden + i]!;
  }
  return { sum, count: Math.max(count, SMALLEST_COUNT) };
}

function divided({ sum, count }: { sum: Float64Array; count: number }): Float32Array {
  return Float32Array.from(sum, (value) => value / count);
}

function vectorAt({ values, hidden }: Tokens, token: number): Float32Array {
  return values.slice(token * hidden, (token + 1) * hidden);
}

const one = (): number => 1;
const MODES: Readonly<Record<PoolingMode, Pool>> = {
  mean: (tokens) => divided(total(tokens, one)),
  mean_sqrt_len_tokens: (tokens) => {
    const { sum, count } = total(tokens, one);
    return divided({ sum, count: Math.sqrt(count) });
  },
  weightedmean: (tokens) => divided(total(tokens, (position) => position + 1)),
  max: ({ values, mask, hidden }) => {
    const made = new Float32Array(hidden).fill(-Infinity);
    for (let token = 0; token < mask.length; token++) {
      for (let i = 0; mask[token] === 1 && i < hidden; i++) made[i] = Math.max(made[i]!, values[token * hidden + i]!);
    }
    return made;
  },
  cls: (tokens) => vectorAt(tokens, Math.max(tokens.mask.indexOf(1), 0)),
  lasttoken: (tokens) => {
    const last = tokens.mask.lastIndexOf(1);
    return last < 0 ? new Float32Array(tokens.hidden) : vectorAt(tokens, last);
  },
};

/** Scale a vector to Euclidean length 1; zeros stay zeros. */
export function normalize(vector: Float32Array): Float32Array {
  let sum = 0;
  for (const value of vector) sum += value * value;
  const norm = Math.max(Math.sqrt(sum), SMALLEST_NORM);
  return vector.map((value) => value / norm);
}
