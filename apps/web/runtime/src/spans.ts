import { utf16Offsets } from "./tokenizer/encoding.js";
import { trimEnd, trimStart } from "./spaces.js";

/** Where something stands in a text. */
export interface Place {
  /** In UTF-16 units, in which JavaScript counts: `source.slice(start, end) === text`. */
  readonly start: number;
  readonly end: number;
  /** In code points, in which Python counts. */
  readonly codePoints: readonly [start: number, end: number];
}

/** Cuts parts out of a text, given in code points. */
export class Cutter {
  readonly #unit: (codePoint: number) => number;

  constructor(private readonly source: string) {
    this.#unit = utf16Offsets(source);
  }

  /** The part without white space at its ends; empty where it is white space alone. */
  cut(start: number, end: number): Place & { text: string } {
    const span = this.source.slice(this.#unit(start), this.#unit(end));
    const rest = trimStart(span);
    if (!rest) return this.#place("", start, start);
    // All white space is of one UTF-16 unit, as it is of one code point.
    const begin = start + span.length - rest.length;
    const text = trimEnd(rest);
    return this.#place(text, begin, end - (rest.length - text.length));
  }

  #place(text: string, start: number, end: number): Place & { text: string } {
    return { text, start: this.#unit(start), end: this.#unit(end), codePoints: [start, end] };
  }
}

/** Tokens from first to last, and the product of their probabilities. */
export interface TokenSpan {
  readonly first: number;
  readonly last: number;
  readonly score: number;
}

/**
 * Return the `count` spans with the greatest product of probabilities; ties in order of the tokens.
 *
 * @param start Probability that an answer starts at a token; -1 where it cannot.
 * @param end The same for its last token.
 */
export function topSpans(start: Float32Array, end: Float32Array, maxLength: number, count: number): TokenSpan[] {
  const best: TokenSpan[] = []; // the best first
  for (let first = 0; first < start.length; first++) {
    if (start[first]! < 0) continue;
    for (let last = first; last < Math.min(first + maxLength, end.length); last++) {
      if (end[last]! < 0) continue;
      const score = Math.fround(start[first]! * end[last]!);
      if (best.length === count && score <= best[count - 1]!.score) continue;
      let place = best.length;
      while (place > 0 && best[place - 1]!.score < score) place--;
      best.splice(place, 0, { first, last, score });
      if (best.length > count) best.pop();
    }
  }
  return best;
}
