import type { Bundle } from "./bundle/files.js";
import { OutputError } from "./errors.js";
import type { Batch, Output } from "./session.js";

/** Numbers of a shape, the last axis innermost. */
export interface Floats {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

type Shape = readonly (number | undefined)[]; // undefined: of any length from 1

const EXPORT = "export the checkpoint again, or use another variant";

/** Checks the outputs of one variant: names, types, shapes, numbers. */
export class OutputCheck {
  constructor(
    private readonly bundle: Bundle,
    private readonly variant: string,
  ) {}

  /** Check that the model has the outputs that its task reads. */
  names(wanted: readonly string[], given: readonly string[]): void {
    const absent = wanted.find((name) => !given.includes(name));
    if (absent === undefined) return;
    throw new OutputError(
      `${this} has no output ${absent}, only ${given.join(", ")}: it is no ${this.bundle.manifest.task} model; ${EXPORT}`,
    );
  }

  /** Return an output as float32, if it is of the type and shape that its task reads. */
  floats(name: string, output: Output | undefined, { rows, width }: Batch): Floats {
    const expected = this.#expected(name, rows, width);
    const data = output && asFloats(output);
    if (output && data && fits(output.dims, expected) && data.length === size(output.dims)) {
      return { dims: output.dims, data };
    }
    const shape = expected.map((length) => length ?? "any").join(", ");
    const got = output ? `${output.type} of shape (${output.dims.join(", ")})` : "nothing";
    throw new OutputError(
      `${this} gives ${name} as ${got}, expected floats of shape (${shape}) for ${this.bundle.manifest.task}: ${EXPORT}`,
    );
  }

  /** Check that all numbers are finite; of an output by token those of no padding. */
  finite(name: string, { dims, data }: Floats, mask?: Int32Array): void {
    const perToken = mask !== undefined && dims[0]! * dims[1]! === mask.length;
    const inner = perToken ? data.length / mask.length : 1;
    let [wrong, read] = [0, 0];
    for (let i = 0; i < data.length; i++) {
      if (perToken && mask[Math.floor(i / inner)] !== 1) continue;
      read++;
      if (!Number.isFinite(data[i]!)) wrong++;
    }
    if (!wrong) return;
    throw new OutputError(
      `${this} gives ${name} with ${wrong} of ${read} numbers NaN or infinite, expected finite ones: the model is ` +
        `damaged or overflows; ${EXPORT}`,
    );
  }

  toString(): string {
    return `the variant ${this.variant} of ${this.bundle.name}`;
  }

  #expected(name: string, rows: number, width: number): Shape {
    const { task, labels, pooling, lateInteraction } = this.bundle.manifest;
    if (name === "start_logits" || name === "end_logits") return [rows, width];
    if (name === "sentence_embedding" || name === "sparse_embedding") return [rows, pooling?.dimension];
    if (name === "logits") {
      const classes = task.endsWith("-classification") && labels.length ? labels.length : undefined;
      if (task === "multiple-choice") return [rows, 1];
      return task === "text-classification" ? [rows, classes] : [rows, width, classes];
    }
    if (name === "token_embeddings" && lateInteraction) return [rows, width, lateInteraction.dimension];
    // CLS pooling may give its token alone.
    return [rows, pooling?.modes.join("+") === "cls" ? undefined : width, undefined];
  }
}

function asFloats({ type, data }: Output): Float32Array | undefined {
  if (type === "float32" && data instanceof Float32Array) return data;
  if (type === "float64" && data instanceof Float64Array) return Float32Array.from(data);
  if (type !== "float16") return undefined;
  if (data instanceof Uint16Array) return Float32Array.from(data, half);
  return ArrayBuffer.isView(data) ? Float32Array.from(data as unknown as ArrayLike<number>) : undefined; // Float16Array
}

/** Return the number of 16 bits (IEEE 754, binary16). */
function half(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 0x1f, bits & 0x3ff];
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

function fits(dims: readonly number[], expected: Shape): boolean {
  return dims.length === expected.length && dims.every((got, i) => (expected[i] === undefined ? got > 0 : got === expected[i]));
}

function size(dims: readonly number[]): number {
  return dims.reduce((product, length) => product * length, 1);
}
