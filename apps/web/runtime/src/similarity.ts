import type { Similarity } from "./bundle/manifest.js";
import { InputError, InputTypeError } from "./errors.js";
import { kind } from "./calls.js";
import { normalize } from "./pooling.js";

/** Numbers of one vector. */
export type Vector = ArrayLike<number>;

// Source: SentenceTransformer.similarity; distances are negated, so that more is always nearer.

/** Compare each vector of `first` with each of `second`: a row for each of `first`. */
export function allPairs(
  first: Vector | readonly Vector[],
  second: Vector | readonly Vector[],
  name: Similarity,
): Float32Array[] {
  const [a, b] = [prepared(first, name), prepared(second, name)];
  checkLengths([...a, ...b]);
  return a.map((one) => Float32Array.from(b, (other) => COMPARE[name](one, other)));
}

/** Compare the vectors at the same places. */
export function pairwise(first: readonly Vector[], second: readonly Vector[], name: Similarity): Float32Array {
  const [a, b] = [prepared(first, name), prepared(second, name)];
  if (a.length !== b.length) {
    throw new InputError(
      `got ${a.length} and ${b.length} vectors, expected as many of each: use similarity to compare all with all`,
    );
  }
  checkLengths([...a, ...b]);
  return Float32Array.from(a, (one, i) => COMPARE[name](one, b[i]!));
}

const NO_VECTORS = -1e9; // of a text without vectors: sentence-transformers' number

/** Compare each query with each document by their tokens' vectors, by MaxSim or its mean: a row for each query. */
export function maxSims(
  queries: readonly (readonly Vector[])[],
  documents: readonly (readonly Vector[])[],
  mean: boolean,
): Float32Array[] {
  const [a, b] = [tokensOf(queries, "queries"), tokensOf(documents, "documents")];
  checkLengths([...a.flat(), ...b.flat()]);
  return a.map((query) => Float32Array.from(b, (document) => maxSim(query, document) / (mean ? Math.max(1, query.length) : 1)));
}

/** Add up each query vector's greatest product with any of the document's. */
function maxSim(query: readonly Float32Array[], document: readonly Float32Array[]): number {
  if (document.length === 0) return NO_VECTORS;
  let total = 0;
  for (const one of query) {
    let best = -Infinity;
    for (const other of document) best = Math.max(best, dot(one, other));
    total += best;
  }
  return total;
}

function tokensOf(given: readonly (readonly Vector[])[], name: string): Float32Array[][] {
  const lists = Array.isArray(given) && given.every((text) => Array.isArray(text) && typeof text[0] !== "number");
  if (!lists) {
    throw new InputTypeError(`${name} are ${kind(given)}, expected the vectors of each text: give what encoding many gives`);
  }
  return given.map((text) => prepared(text, "dot"));
}

function prepared(given: Vector | readonly Vector[], name: Similarity): Float32Array[] {
  const single = ArrayBuffer.isView(given) || (Array.isArray(given) && typeof given[0] === "number");
  const vectors = (single ? [given] : given) as readonly Vector[];
  if (!Array.isArray(vectors)) {
    throw new InputTypeError(`the embeddings are ${kind(given)}, expected what encode gives`);
  }
  return vectors.map((vector) => {
    if (!ArrayBuffer.isView(vector) && !Array.isArray(vector)) {
      throw new InputTypeError(`an embedding is ${kind(vector)}, expected what encode gives`);
    }
    const floats = Float32Array.from(vector as Vector);
    return name === "cosine" ? normalize(floats) : floats;
  });
}

function checkLengths(vectors: readonly Float32Array[]): void {
  const lengths = new Set(vectors.map((vector) => vector.length));
  if (lengths.size > 1) {
    throw new InputError(
      `got embeddings of ${[...lengths].join(" and ")} dimensions, expected one dimension: give what encode gives`,
    );
  }
}

function sum(a: Float32Array, b: Float32Array, term: (x: number, y: number) => number): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += term(a[i]!, b[i]!);
  return total;
}

const dot = (a: Float32Array, b: Float32Array): number => sum(a, b, (x, y) => x * y);
const COMPARE: Readonly<Record<Similarity, (a: Float32Array, b: Float32Array) => number>> = {
  cosine: dot, // of vectors of length 1
  dot,
  euclidean: (a, b) => -Math.sqrt(sum(a, b, (x, y) => (x - y) ** 2)),
  manhattan: (a, b) => -sum(a, b, (x, y) => Math.abs(x - y)),
};
