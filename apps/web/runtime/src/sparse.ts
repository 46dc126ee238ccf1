import type { Similarity } from "./bundle/manifest.js";
import { kind } from "./calls.js";
import { InputError, InputTypeError } from "./errors.js";

/** The embedding of a text: its active tokens, by ascending id, and their weights. */
export interface SparseVector {
  readonly indices: Int32Array;
  readonly values: Float32Array;
}

/** Keep the numbers that are not 0, of more than `most` the greatest (of equals the first). */
export function sparse(dense: Float32Array, most = Infinity): SparseVector {
  let active: number[] = [];
  dense.forEach((weight, token) => weight !== 0 && active.push(token));
  if (active.length > most) {
    const greatest = active.sort((a, b) => dense[b]! - dense[a]! || a - b).slice(0, most);
    active = greatest.sort((a, b) => a - b);
  }
  return { indices: Int32Array.from(active), values: Float32Array.from(active, (token) => dense[token]!) };
}

/** Compare each embedding with each: a row for each of `first`. */
export function allPairs(
  first: SparseVector | readonly SparseVector[],
  second: SparseVector | readonly SparseVector[],
  name: Similarity,
): Float32Array[] {
  const others = checked(second);
  return checked(first).map((one) => Float32Array.from(others, (other) => COMPARE[name](one, other)));
}

/** Compare the embeddings at the same places. */
export function pairwise(
  first: SparseVector | readonly SparseVector[],
  second: SparseVector | readonly SparseVector[],
  name: Similarity,
): Float32Array {
  const [a, b] = [checked(first), checked(second)];
  if (a.length !== b.length) {
    throw new InputError(
      `got ${a.length} and ${b.length} embeddings, expected as many of each: use similarity to compare all with all`,
    );
  }
  return Float32Array.from(a, (one, i) => COMPARE[name](one, b[i]!));
}

/** See that something is what encode gives: an embedding or several. */
export function checked(given: SparseVector | readonly SparseVector[]): readonly SparseVector[] {
  const vectors = (Array.isArray(given) ? given : [given]) as readonly SparseVector[];
  vectors.forEach((vector, i) => {
    if (vector?.indices instanceof Int32Array && vector.values instanceof Float32Array) return;
    throw new InputTypeError(`embedding ${i} is ${kind(vector)}, expected what encode gives`);
  });
  return vectors;
}

/** Add up a term over the tokens that either has, a weight that is absent being 0. */
function sum(a: SparseVector, b: SparseVector, term: (x: number, y: number) => number): number {
  let total = 0;
  for (let i = 0, j = 0; i < a.indices.length || j < b.indices.length; ) {
    const [left, right] = [a.indices[i] ?? Infinity, b.indices[j] ?? Infinity];
    total += term(left <= right ? a.values[i++]! : 0, right <= left ? b.values[j++]! : 0);
  }
  return total;
}

const dot = (a: SparseVector, b: SparseVector): number => sum(a, b, (x, y) => x * y);
const COMPARE: Readonly<Record<Similarity, (a: SparseVector, b: SparseVector) => number>> = {
  cosine: (a, b) => dot(a, b) / Math.max(Math.sqrt(dot(a, a) * dot(b, b)), 1e-24),
  dot,
  euclidean: (a, b) => -Math.sqrt(sum(a, b, (x, y) => (x - y) ** 2)),
  manhattan: (a, b) => -sum(a, b, (x, y) => Math.abs(x - y)),
};
