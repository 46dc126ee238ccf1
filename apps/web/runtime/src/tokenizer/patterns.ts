import { codePoints, type Match } from "./aligned.js";
import { corrupt } from "./checks.js";
import { classOf } from "./characters/index.js";

const LONGEST_EXPRESSION = 2_000; // characters; those of large models' tokenizers have 200
// A repeated group that holds a repetition: it may try every way to divide a text between the two.
const NESTED = /\([^()]*[+*}][^()]*\)[+*{]/;

/** Finds parts of a text that cover all of it, in order. */
export type Pattern = (codes: readonly number[]) => Match[];

/** A pattern of one character at a time. */
export function each(test: (code: number) => boolean): Pattern {
  return (codes) => {
    const found: Match[] = [];
    let last = 0;
    codes.forEach((code, i) => {
      if (!test(code)) return;
      if (last < i) found.push({ start: last, end: i, matched: false });
      found.push({ start: i, end: i + 1, matched: true });
      last = i + 1;
    });
    if (last < codes.length) found.push({ start: last, end: codes.length, matched: false });
    return found;
  };
}

/** A pattern of a text that is searched for as it stands. */
export function literal(text: string): Pattern {
  const wanted = codePoints(text);
  return (codes) => {
    const found: Match[] = [];
    let last = 0;
    for (let i = 0; wanted.length && i + wanted.length <= codes.length; ) {
      if (!wanted.every((code, k) => codes[i + k] === code)) {
        i++;
        continue;
      }
      if (last < i) found.push({ start: last, end: i, matched: false });
      last = i + wanted.length;
      found.push({ start: i, end: last, matched: true });
      i = last;
    }
    if (last < codes.length) found.push({ start: last, end: codes.length, matched: false });
    return found;
  };
}

/** A pattern of a regular expression in the dialect of `tokenizers` (Oniguruma's). */
export function expression(source: string): Pattern {
  if (typeof source !== "string" || source.length > LONGEST_EXPRESSION || NESTED.test(source)) {
    throw corrupt(`expression ${JSON.stringify(source)?.slice(0, 60)} could take forever`);
  }
  const regex = new RegExp(translate(source), "gu");
  return (codes) => {
    const { text, places } = indexed(codes);
    const found: Match[] = [];
    let last = 0;
    for (const match of text.matchAll(regex)) {
      const start = places[match.index]!;
      const end = places[match.index + match[0].length]!;
      if (start === end) continue;
      if (last < start) found.push({ start: last, end: start, matched: false });
      found.push({ start, end, matched: true });
      last = end;
    }
    if (last < codes.length) found.push({ start: last, end: codes.length, matched: false });
    return found;
  };
}

/** Return a pattern that matches what another one does not. */
export function inverted(pattern: Pattern): Pattern {
  return (codes) => pattern(codes).map((match) => ({ ...match, matched: !match.matched }));
}

/** The text, and for each of its UTF-16 units the number of its code point. */
function indexed(codes: readonly number[]): { text: string; places: Int32Array } {
  let text = "";
  const places: number[] = [];
  codes.forEach((code, i) => {
    const character = String.fromCodePoint(code);
    for (let k = 0; k < character.length; k++) places.push(i);
    text += character;
  });
  places.push(codes.length);
  return { text, places: Int32Array.from(places) };
}

const CLASSES: Readonly<Record<string, string>> = {
  L: classOf("LETTER"),
  N: classOf("NUMBER"),
  M: classOf("MARK"),
  P: classOf("PUNCTUATION_CLASS"),
  S: classOf("SYMBOL"),
  Lu: classOf("UPPER"),
  Ll: classOf("LOWER"),
};
const WORD = classOf("WORD");
const BLANK = classOf("BLANK");

/**
 * Write an expression in JavaScript's dialect, with the library's classes of characters for the
 * engine's, which are of another version of Unicode.
 */
export function translate(source: string): string {
  let made = "";
  let inClass = false;
  for (let i = 0; i < source.length; ) {
    const rest = source.slice(i);
    const property = /^\\(p)\{\^?(\w+)\}|^\\(P)\{(\w+)\}/.exec(rest);
    if (property) {
      const negated = property[3] !== undefined || rest.startsWith("\\p{^");
      const inside = CLASSES[property[2] ?? property[4] ?? ""];
      made += inside === undefined ? property[0] : classed(inside, negated, inClass, source);
      i += property[0].length;
    } else if (/^\\[sSwW]/.test(rest)) {
      const letter = rest[1]!;
      const inside = letter.toLowerCase() === "s" ? BLANK : WORD;
      made += classed(inside, letter !== letter.toLowerCase(), inClass, source);
      i += 2;
    } else if (rest.startsWith("(?i:")) {
      const end = rest.indexOf(")");
      made += `(?:${rest.slice(4, end).replace(/[a-z]/gi, (c) => `[${c.toLowerCase()}${c.toUpperCase()}]`)})`;
      i += end + 1;
    } else if (rest[0] === "\\") {
      made += /^\\[-'"#@!%&,:;<=>~` ]/.test(rest) && !(inClass && rest[1] === "-") ? rest[1] : rest.slice(0, 2);
      i += 2;
    } else {
      if (rest[0] === "[") inClass = true;
      if (rest[0] === "]") inClass = false;
      made += rest[0];
      i++;
    }
  }
  return made;
}

function classed(inside: string, negated: boolean, inClass: boolean, source: string): string {
  if (!inClass) return negated ? `[^${inside}]` : `[${inside}]`;
  if (!negated) return inside;
  if (inside === BLANK) return "\\S";
  throw new SyntaxError(`a negated class within a class is not supported: ${source}`);
}
