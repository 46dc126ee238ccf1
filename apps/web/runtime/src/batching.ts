/** Padded tokens in a batch: beyond this a CPU's matrix kernels gain nothing and memory grows. */
export const TOKEN_BUDGET = 512;
const EXACT = 32; // tokens; up to here a text is not padded at all

/**
 * Return the width to which a text is padded: at most 1/16 more than it has.
 *
 * It follows from the text's own length alone, and only texts of one width share a batch, so that
 * a text's numbers do not depend on what is embedded beside it.
 */
export function paddedLength(length: number, longest: number): number {
  let step = 1;
  while (length > EXACT * step) step *= 2;
  return Math.min(Math.ceil(length / step) * step, longest);
}

/** Texts that run together: their width in tokens and their indices. */
export interface Bucket {
  readonly width: number;
  readonly indices: readonly number[];
}

/** Divide texts into batches of one width each, the widest first. */
export function buckets(lengths: readonly number[], longest: number, batchSize = Infinity): Bucket[] {
  const open = new Map<number, number[]>();
  lengths.forEach((length, index) => {
    const width = paddedLength(length, longest);
    const indices = open.get(width);
    if (indices) indices.push(index);
    else open.set(width, [index]);
  });
  const made: Bucket[] = [];
  for (const width of [...open.keys()].sort((a, b) => b - a)) {
    const indices = open.get(width)!;
    const rows = Math.min(Math.max(1, Math.floor(TOKEN_BUDGET / width)), batchSize);
    for (let start = 0; start < indices.length; start += rows) made.push({ width, indices: indices.slice(start, start + rows) });
  }
  return made;
}

/** Group texts into batches of like length, longest first, ties in order, padded to the longest. */
export function batches(lengths: readonly number[], batchSize = Infinity): Bucket[] {
  const order = lengths.map((_, index) => index).sort((a, b) => lengths[b]! - lengths[a]!);
  const made: { width: number; indices: number[] }[] = [];
  for (const index of order) {
    const batch = made.at(-1);
    const full = !batch || batch.indices.length >= batchSize || (batch.indices.length + 1) * batch.width > TOKEN_BUDGET;
    if (full) made.push({ width: lengths[index]!, indices: [index] });
    else batch.indices.push(index);
  }
  return made;
}
