/** Tokens in a batch: beyond this a CPU's matrix kernels gain nothing and memory grows. */
export const TOKEN_BUDGET = 512;

/** Texts that run together: their width in tokens and their indices. */
export interface Bucket {
  readonly width: number;
  readonly indices: readonly number[];
}

/**
 * Divide texts into batches of as many tokens each, the longest first.
 *
 * None is padded, so that a text's numbers do not depend on what runs beside it: some families
 * give other numbers where padding follows, masked or not.
 */
export function buckets(lengths: readonly number[], batchSize = Infinity): Bucket[] {
  const open = new Map<number, number[]>();
  lengths.forEach((width, index) => {
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
