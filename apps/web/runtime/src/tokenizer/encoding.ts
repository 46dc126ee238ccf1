/**
 * Tokens of a text, or of a pair, as columns of equal length.
 *
 * Offsets are in code points of the text that a token belongs to; see `utf16Offsets`.
 */
export interface Encoding {
  readonly ids: readonly number[];
  /** The vocabulary's entries; of an added token the text that it took, spaces included. */
  readonly tokens: readonly string[];
  readonly typeIds: readonly number[];
  readonly offsets: readonly (readonly [start: number, end: number])[];
  /** The number of the word that a token is a piece of; `null` for what the template adds. */
  readonly words: readonly (number | null)[];
  /** 0 for the first text, 1 for the second, `null` for what the template adds. */
  readonly sequences: readonly (number | null)[];
}

/** Return tokens `start` to `end`. */
export function cut(encoding: Encoding, start: number, end: number): Encoding {
  return {
    ids: encoding.ids.slice(start, end),
    tokens: encoding.tokens.slice(start, end),
    typeIds: encoding.typeIds.slice(start, end),
    offsets: encoding.offsets.slice(start, end),
    words: encoding.words.slice(start, end),
    sequences: encoding.sequences.slice(start, end),
  };
}

/** Return the first so many tokens, or the last. */
export function cutTo(encoding: Encoding, length: number, left: boolean): Encoding {
  const size = encoding.ids.length;
  if (size <= length) return encoding;
  return left ? cut(encoding, size - length, size) : cut(encoding, 0, length);
}

/** Put encodings behind each other. */
export function joined(parts: readonly Encoding[]): Encoding {
  return {
    ids: parts.flatMap((part) => part.ids),
    tokens: parts.flatMap((part) => part.tokens),
    typeIds: parts.flatMap((part) => part.typeIds),
    offsets: parts.flatMap((part) => part.offsets),
    words: parts.flatMap((part) => part.words),
    sequences: parts.flatMap((part) => part.sequences),
  };
}

/** Cut into windows of at most `length` tokens that overlap by `stride`, counted from the end on the left. */
export function windows(encoding: Encoding, length: number, stride: number, left = false): Encoding[] {
  const size = encoding.ids.length;
  if (size <= length) return [encoding];
  const made: Encoding[] = [];
  for (let done = 0; ; done += length - stride) {
    const end = Math.min(done + length, size);
    made.push(left ? cut(encoding, size - end, size - done) : cut(encoding, done, end));
    if (end === size) return made;
  }
}

/**
 * Return a function from code points of a text to its UTF-16 units, in which JavaScript counts:
 * `text.slice(unit(start), unit(end))`.
 */
export function utf16Offsets(text: string): (codePoint: number) => number {
  if (!/[\ud800-\udbff]/.test(text)) return (codePoint) => codePoint;
  const units: number[] = [];
  for (let i = 0; i < text.length; i++) {
    units.push(i);
    if (text.codePointAt(i)! > 0xffff) i++;
  }
  units.push(text.length);
  return (codePoint) => units[codePoint] ?? text.length;
}
