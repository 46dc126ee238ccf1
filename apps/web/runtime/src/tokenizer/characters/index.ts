import * as packed from "./unicode.js";

/** A set of characters, asked by code point. */
export type Characters = (code: number) => boolean;

const cached = new Map<string, Characters>();

/** Return a set that is packed in `unicode.ts`. */
export function characters(name: Exclude<keyof typeof packed, "LOWER_CASE">): Characters {
  const known = cached.get(name);
  if (known) return known;
  const set = setOf(ranges(packed[name]));
  cached.set(name, set);
  return set;
}

/** Return the ranges of a set, both ends included, as the inside of a class of a regular expression. */
export function classOf(name: Exclude<keyof typeof packed, "LOWER_CASE">): string {
  const escape = (code: number): string => `\\u{${code.toString(16)}}`;
  return ranges(packed[name])
    .map(([start, end]) => (start === end ? escape(start) : `${escape(start)}-${escape(end)}`))
    .join("");
}

let lower: Map<number, number> | undefined;

/** Return the lower case of a character, without regard to what stands beside it. */
export function lowerCase(code: number): readonly number[] {
  if (code < 0x80) return [code >= 65 && code <= 90 ? code + 32 : code];
  if (code === 0x130) return [0x69, 0x307];
  lower ??= lowerCases();
  return [lower.get(code) ?? code];
}

function lowerCases(): Map<number, number> {
  const found = new Map<number, number>();
  for (const group of packed.LOWER_CASE.split(" ")) {
    const [start = 0, count = 0, step = 1, distance = 0] = group.split(",").map(Number);
    for (let i = 0; i < count; i++) found.set(start + i * step, start + i * step + distance);
  }
  return found;
}

function ranges(text: string): [number, number][] {
  let last = 0;
  return text.split(" ").map((word) => {
    const [distance = "0", length = "0"] = word.split(".");
    const start = last + Number.parseInt(distance, 36);
    last = start + Number.parseInt(length, 36);
    return [start, last];
  });
}

function setOf(found: readonly [number, number][]): Characters {
  const low = new Uint8Array(0x400);
  const starts = Uint32Array.from(found, ([start]) => start);
  const ends = Uint32Array.from(found, ([, end]) => end);
  const search: Characters = (code) => {
    let [from, to] = [0, starts.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (starts[middle]! <= code) from = middle + 1;
      else to = middle;
    }
    return from > 0 && code <= ends[from - 1]!;
  };
  for (let code = 0; code < low.length; code++) low[code] = Number(search(code));
  return (code) => (code < low.length ? low[code] === 1 : search(code));
}
