/** Are the answers those that Python gave with the same files? */

import type { Golden, PythonAnswer } from "../device/bundles";
import type { Model } from "../device/model";

export interface Parity {
  /** Queries that were compared; 0 where Python gave none. */
  readonly count: number;
  readonly equal: number;
  /** Greatest difference of a score, or of 1 and a cosine. */
  readonly difference: number;
}

/** What a vector may differ in direction before it counts as another one. */
const COSINE = 1 - 1e-3;

/** Compare every golden answer of a variant with this device's. */
export async function compare(model: Model, golden: Golden, variant: string): Promise<Parity> {
  const expected = golden.answers[variant] ?? golden.answers["fp32"] ?? [];
  const texts = golden.inputs?.texts.slice(0, expected.length) ?? [];
  if (texts.length === 0) return { count: 0, equal: 0, difference: 0 };
  const differences = texts[0]?.length === 2 ? await answers(model, texts, expected as PythonAnswer[]) : await vectors(model, texts, expected as number[][]);
  const equal = differences.filter((one) => one !== null);
  return { count: texts.length, equal: equal.length, difference: Math.max(0, ...equal) };
}

/** Return each score's difference; null where text or place is another. */
async function answers(model: Model, texts: readonly (readonly string[])[], expected: readonly PythonAnswer[]): Promise<(number | null)[]> {
  const found: (number | null)[] = [];
  for (const [index, [question, context]] of texts.entries()) {
    const own = await model.call("answer", question!, context!);
    const python = expected[index]!;
    const start = utf16(context!, python.start);
    const same = own.text === python.text && own.start === start && own.end === start + python.text.length;
    found.push(same ? Math.abs(own.score - python.score) : null);
  }
  return found;
}

async function vectors(model: Model, texts: readonly (readonly string[])[], expected: readonly (readonly number[])[]): Promise<(number | null)[]> {
  const own = await model.call("embed", texts.map(([text]) => text!));
  return expected.map((vector, row) => {
    const mine = own.values.subarray(row * own.dimension, (row + 1) * own.dimension);
    const cosine = dot(mine, vector) / Math.sqrt(dot(mine, mine) * dot(vector, vector));
    return cosine >= COSINE ? Math.max(0, 1 - cosine) : null;
  });
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Turn a place counted in characters into one counted in UTF-16 units. */
function utf16(text: string, characters: number): number {
  let units = 0;
  for (const character of text) {
    if (characters-- <= 0) break;
    units += character.length;
  }
  return units;
}
