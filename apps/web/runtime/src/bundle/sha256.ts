// Primes' roots, FIPS 180-4, section 4.2.2.
const K = Uint32Array.from({ length: 64 }, (_, i) => fraction(Math.cbrt(prime(i))));
const BLOCK = 64; // bytes

/**
 * SHA-256 of bytes that come piece by piece (FIPS 180-4).
 *
 * The engine's own, `crypto.subtle`, takes a file as a whole, and is absent where a phone opens a
 * page of the local network by plain HTTP.
 */
export class Sha256 {
  readonly #state = Uint32Array.from({ length: 8 }, (_, i) => fraction(Math.sqrt(prime(i))));
  readonly #words = new Int32Array(64);
  readonly #held = new Uint8Array(BLOCK);
  #holds = 0;
  #length = 0;

  update(bytes: Uint8Array): this {
    this.#length += bytes.length;
    let at = 0;
    if (this.#holds) {
      at = Math.min(BLOCK - this.#holds, bytes.length);
      this.#held.set(bytes.subarray(0, at), this.#holds);
      this.#holds += at;
      if (this.#holds < BLOCK) return this;
      this.#block(this.#held, 0);
    }
    for (; at + BLOCK <= bytes.length; at += BLOCK) this.#block(bytes, at);
    this.#held.set(bytes.subarray(at));
    this.#holds = bytes.length - at;
    return this;
  }

  /** Return the hash as hexadecimal digits; nothing can be added after that. */
  hex(): string {
    const bits = this.#length * 8;
    const padding = new Uint8Array((this.#holds < 56 ? 56 : 120) - this.#holds + 8);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(padding.length - 4, bits >>> 0);
    this.update(padding);
    return Array.from(this.#state, (word) => word.toString(16).padStart(8, "0")).join("");
  }

  #block(bytes: Uint8Array, at: number): void {
    const [w, s] = [this.#words, this.#state];
    for (let i = 0, from = at; i < 16; i++, from += 4) {
      w[i] = (bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!;
    }
    for (let i = 16; i < 64; i++) {
      const [x, y] = [w[i - 15]!, w[i - 2]!];
      const low = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const high = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16]! + low + w[i - 7]! + high) | 0;
    }
    let a = s[0]! | 0, b = s[1]! | 0, c = s[2]! | 0, d = s[3]! | 0;
    let e = s[4]! | 0, f = s[5]! | 0, g = s[6]! | 0, h = s[7]! | 0;
    for (let i = 0; i < 64; i++) {
      const first = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const one = (h + first + ((e & f) ^ (~e & g)) + K[i]! + w[i]!) | 0;
      const second = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const two = (second + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0;
      d = c; c = b; b = a; a = (one + two) | 0;
    }
    s[0]! += a; s[1]! += b; s[2]! += c; s[3]! += d;
    s[4]! += e; s[5]! += f; s[6]! += g; s[7]! += h;
  }
}

/** Return the first 32 bits of a number's fraction. */
function fraction(value: number): number {
  return Math.floor((value - Math.floor(value)) * 2 ** 32);
}

/** Return the prime of an index, 2 being the first. */
function prime(index: number): number {
  let candidate = 1;
  for (let found = -1; found < index; ) {
    candidate++;
    let divisor = 2;
    while (divisor * divisor <= candidate && candidate % divisor !== 0) divisor++;
    if (divisor * divisor > candidate) found++;
  }
  return candidate;
}
