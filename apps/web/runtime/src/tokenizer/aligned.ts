/** A character of a new text, and how it came about: see `AlignedText.transform`. */
export type Change = readonly [code: number, change: number];

/** Return the code points of a text. A lone surrogate is one too. */
export function codePoints(text: string): number[] {
  const codes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i)!;
    if (code > 0xffff) i++;
    codes.push(code);
  }
  return codes;
}

/** Return the text of code points. */
export function textOf(codes: readonly number[]): string {
  let text = "";
  for (let i = 0; i < codes.length; i += 4096) {
    text += String.fromCodePoint(...codes.slice(i, i + 4096));
  }
  return text;
}

/**
 * A text each of whose characters knows which characters of the original it stands for.
 *
 * Source: `NormalizedString` of Hugging Face's `tokenizers`, with code points for bytes.
 */
export class AlignedText {
  /**
   * @param codes Code points of the text as it is now.
   * @param starts For each, where its part of the original starts, in code points of the original.
   * @param ends For each, where that part ends.
   * @param first Where the original of this piece starts.
   */
  private constructor(
    readonly codes: readonly number[],
    readonly starts: readonly number[],
    readonly ends: readonly number[],
    readonly first: number,
  ) {}

  static of(codes: readonly number[]): AlignedText {
    return new AlignedText(
      codes,
      codes.map((_, i) => i),
      codes.map((_, i) => i + 1),
      0,
    );
  }

  get length(): number {
    return this.codes.length;
  }

  get text(): string {
    return textOf(this.codes);
  }

  slice(start: number, end: number): AlignedText {
    return new AlignedText(
      this.codes.slice(start, end),
      this.starts.slice(start, end),
      this.ends.slice(start, end),
      this.starts[start] ?? this.first,
    );
  }

  /**
   * Make a new text of the old one, character by character.
   *
   * A change of 0 replaces the next old character; of 1 adds one, which shares the alignment of the
   * character before it; of -n replaces one and removes the n old ones behind it.
   *
   * @param removed Old characters to leave out at the start.
   */
  transform(changes: readonly Change[], removed = 0): AlignedText {
    const codes: number[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    let next = removed;
    for (const [code, change] of changes) {
      const from = change > 0 ? next - 1 : next;
      codes.push(code);
      starts.push(this.starts[from] ?? 0);
      ends.push(this.ends[from] ?? 0);
      if (change <= 0) next += 1 - change;
    }
    return new AlignedText(codes, starts, ends, this.first);
  }

  filter(keep: (code: number) => boolean): AlignedText {
    const kept = this.codes.map((_, i) => i).filter((i) => keep(this.codes[i]!));
    const take = (from: readonly number[]): number[] => kept.map((i) => from[i]!);
    return new AlignedText(take(this.codes), take(this.starts), take(this.ends), this.first);
  }

  /** Put something for each character; what is more than one shares its alignment. */
  expand(made: (code: number) => readonly number[]): AlignedText {
    return this.transform(
      this.codes.flatMap((code) => made(code).map((c, i): Change => [c, i > 0 ? 1 : 0])),
    );
  }

  prepend(codes: readonly number[]): AlignedText {
    if (!this.length || !codes.length) return this;
    const repeat = (first: number): number[] => codes.map(() => first);
    return new AlignedText(
      [...codes, ...this.codes],
      [...repeat(this.starts[0]!), ...this.starts],
      [...repeat(this.ends[0]!), ...this.ends],
      this.first,
    );
  }

  append(codes: readonly number[]): AlignedText {
    if (!this.length || !codes.length) return this;
    const repeat = (last: number): number[] => codes.map(() => last);
    return new AlignedText(
      [...this.codes, ...codes],
      [...this.starts, ...repeat(this.starts.at(-1)!)],
      [...this.ends, ...repeat(this.ends.at(-1)!)],
      this.first,
    );
  }

  /** Put `content` for each match; it is aligned with the last character of the match. */
  replace(matches: Iterable<Match>, content: readonly number[]): AlignedText {
    const codes: number[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    for (const { start, end, matched } of matches) {
      for (let i = start; !matched && i < end; i++) {
        codes.push(this.codes[i]!);
        starts.push(this.starts[i]!);
        ends.push(this.ends[i]!);
      }
      if (!matched) continue;
      for (const code of content) {
        codes.push(code);
        starts.push(end > 0 ? this.starts[end - 1]! : 0);
        ends.push(end > 0 ? this.ends[end - 1]! : 0);
      }
    }
    return new AlignedText(codes, starts, ends, this.first);
  }

  /** Return where characters stand in the original. */
  original(start: number, end: number): [number, number] {
    return [this.starts[start] ?? this.first, this.ends[end - 1] ?? this.first];
  }
}

/** A part of a text that a pattern matches, or that lies between two such parts. */
export interface Match {
  readonly start: number;
  readonly end: number;
  readonly matched: boolean;
}
