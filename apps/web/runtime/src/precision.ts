import * as calls from "./calls.js";
import { InputError } from "./errors.js";

export const PRECISIONS = ["float32", "int8", "uint8", "binary", "ubinary"] as const;

export type Precision = (typeof PRECISIONS)[number];

/** A vector of a precision. */
export type VectorOf<P extends Precision> = P extends "float32"
  ? Float32Array
  : P extends "int8" | "binary"
    ? Int8Array
    : Uint8Array;

/** Least and greatest value of each dimension. */
export type Ranges = readonly [least: ArrayLike<number>, greatest: ArrayLike<number>];

const LEVELS = 255; // steps of an 8-bit scale
const { fround } = Math;

/**
 * Make smaller forms of embeddings, as sentence-transformers' `quantize_embeddings` does.
 *
 * @param precision `int8` and `uint8` scale each dimension between its least and its greatest value;
 *   `binary` and `ubinary` keep the signs, eight a byte.
 * @param ranges Least and greatest values from a larger sample; by default those of `vectors`, of
 *   which there must be several.
 */
export function quantizeEmbeddings<P extends Precision>(
  vectors: readonly Float32Array[],
  precision: P,
  ranges?: Ranges,
): VectorOf<P>[] {
  calls.choice("precision", precision, PRECISIONS);
  return quantized(vectors, precision, ranges) as VectorOf<P>[];
}

function quantized(
  vectors: readonly Float32Array[],
  precision: Precision,
  ranges: Ranges | undefined,
): (Float32Array | Int8Array | Uint8Array)[] {
  if (precision === "float32") return [...vectors];
  if (precision === "ubinary") return vectors.map(packed);
  if (precision === "binary") return vectors.map((vector) => Int8Array.from(packed(vector), (byte) => byte - 128));
  const [least, greatest] = ranges ?? rangesOf(vectors, precision);
  const levels = vectors.map((vector) => Uint8Array.from(vector, (value, i) => level(value, least[i]!, greatest[i]!)));
  return precision === "uint8" ? levels : levels.map((row) => Int8Array.from(row, (value) => value - 128));
}

/** Each step is rounded to 32 bits, as numpy's are. */
function level(value: number, least: number, greatest: number): number {
  const step = fround(fround(greatest - least) / LEVELS);
  return Math.min(Math.max(Math.floor(fround(fround(value - least) / (step === 0 ? 1 : step))), 0), LEVELS);
}

function packed(vector: Float32Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(vector.length / 8));
  vector.forEach((value, i) => {
    if (value > 0) bytes[i >> 3]! |= 0x80 >> (i & 7);
  });
  return bytes;
}

function rangesOf(vectors: readonly Float32Array[], precision: Precision): Ranges {
  if (vectors.length === 1) {
    throw new InputError(
      `a single vector has no range to scale to ${precision}: embed several at once, or give quantizeEmbeddings the ` +
        "ranges of a larger sample",
    );
  }
  const dimension = vectors[0]?.length ?? 0;
  const [least, greatest] = [new Float32Array(dimension).fill(Infinity), new Float32Array(dimension).fill(-Infinity)];
  for (const vector of vectors) {
    vector.forEach((value, i) => {
      least[i] = Math.min(least[i]!, value);
      greatest[i] = Math.max(greatest[i]!, value);
    });
  }
  return [least, greatest];
}
