/** A generator with a seed (Steele, Lea and Flood 2014, SplitMix64): JavaScript's own has none. */
export class SplitMix64 {
  constructor(private state: bigint) {}

  /** Return 64 random bits. */
  next(): bigint {
    this.state = BigInt.asUintN(64, this.state + 0x9e3779b97f4a7c15n);
    let mixed = this.state;
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n);
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
    return mixed ^ (mixed >> 31n);
  }

  /** Return a whole number from 0 below `limit`; the bias of 2^-53 is of no account here. */
  below(limit: number): number {
    return Math.floor((Number(this.next() >> 11n) / 2 ** 53) * limit);
  }

  /** Return the values in a random order (Fisher and Yates). */
  shuffled<T>(values: readonly T[]): T[] {
    const found = [...values];
    for (let i = found.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [found[i], found[j]] = [found[j]!, found[i]!];
    }
    return found;
  }
}
