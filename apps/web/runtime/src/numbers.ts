// Each step is rounded to 32 bits, as numpy's are: equal probabilities stay equal.
const { fround } = Math;

/** Softmax of one row. */
export function softmax(logits: ArrayLike<number>): Float32Array {
  const size = logits.length;
  let most = -Infinity;
  for (let i = 0; i < size; i++) most = Math.max(most, logits[i]!);
  const powers = new Float32Array(size);
  let total = 0;
  for (let i = 0; i < size; i++) {
    powers[i] = Math.exp(fround(logits[i]! - most));
    total += powers[i]!;
  }
  for (let i = 0; i < size; i++) powers[i] = powers[i]! / fround(total);
  return powers;
}

/** Logistic function of each number, without overflow. */
export function sigmoid(logits: ArrayLike<number>): Float32Array {
  return Float32Array.from(logits, (logit) => {
    const power = Math.exp(-Math.abs(logit));
    return (logit >= 0 ? 1 : power) / (1 + power);
  });
}

/** Return the indices of the greatest numbers, the greatest first, ties in order. */
export function ranked(values: ArrayLike<number>, count = Infinity): number[] {
  const order = Array.from({ length: values.length }, (_, i) => i);
  return order.sort((a, b) => values[b]! - values[a]!).slice(0, count);
}

/** Return the index of the greatest number. */
export function greatest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
