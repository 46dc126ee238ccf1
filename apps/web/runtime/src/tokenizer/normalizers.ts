import { AlignedText, codePoints, type Change } from "./aligned.js";
import { corrupt } from "./checks.js";
import { characters, lowerCase } from "./characters/index.js";
import { composed, decomposed } from "./characters/forms.js";
import { unsupported, type Description } from "./description.js";
import { each, expression, literal, type Pattern } from "./patterns.js";
import { precompiled } from "./precompiled.js";

/** Changes a text before it is divided. */
export type Normalizer = (text: AlignedText) => AlignedText;

const SPACE = 0x20;
const LONGEST_CONTENT = 100; // characters that a normalizer puts for a match
const LARGEST_GROWTH = 100; // times; the longest decomposition of a character has 18
const removed = characters("REMOVED");
const spaces = characters("SPACE");
const chinese = characters("CHINESE");
const nonspacing = characters("NONSPACING");
const combining = characters("COMBINING");
const blank = characters("WHITESPACE");

/** Read `tokenizer.json`'s `normalizer`. */
export function readNormalizer(read: Description | null): Normalizer {
  if (read === null) return (text) => text;
  switch (read.type) {
    case "Sequence": {
      const all = (read.normalizers as Description[]).map(readNormalizer);
      return (text) => all.reduce((made, one) => grown(one(made), text), text);
    }
    case "BertNormalizer":
      return bert(read);
    case "Lowercase":
      return (text) => text.expand(lowerCase);
    case "NFC":
    case "NFKC":
      return (text) => composed(text, read.type === "NFKC");
    case "NFD":
    case "NFKD":
      return (text) => decomposed(text, read.type === "NFKD");
    case "StripAccents":
      return (text) => text.filter((code) => !combining(code));
    case "Strip":
      return (text) => strip(text, read.strip_left === true, read.strip_right === true);
    case "Replace": {
      const pattern = readPattern(read.pattern);
      const content = put(read.content);
      return (text) => text.replace(pattern(text.codes), content);
    }
    case "Prepend": {
      const codes = put(read.prepend);
      return (text) => text.prepend(codes);
    }
    case "Precompiled":
      return precompiled(String(read.precompiled_charsmap));
    case "Nmt":
      return nmt;
    default:
      throw unsupported("normalizer", read.type);
  }
}

/** Read what a normalizer puts into a text. */
function put(value: unknown): number[] {
  if (typeof value !== "string" || value.length > LONGEST_CONTENT) throw corrupt("normalizer puts what is no short text");
  return codePoints(value);
}

/** Refuse steps that multiply a text again and again. */
function grown(made: AlignedText, text: AlignedText): AlignedText {
  if (made.length > LARGEST_GROWTH * (text.length + 1)) throw corrupt(`normalizer makes ${made.length} characters of ${text.length}`);
  return made;
}

/** Read a pattern: `{"String": text}` or `{"Regex": expression}`. */
export function readPattern(read: unknown): Pattern {
  const { String: text, Regex: source } = (read ?? {}) as { String?: string; Regex?: string };
  if (text !== undefined) {
    const codes = codePoints(text);
    return codes.length === 1 ? each((code) => code === codes[0]) : literal(text);
  }
  if (source !== undefined) return expression(source);
  throw unsupported("pattern", JSON.stringify(read));
}

function bert(read: Description): Normalizer {
  const lower = read.lowercase !== false;
  const accents = (read.strip_accents ?? lower) === true;
  return (text) => {
    let made = text;
    if (read.clean_text !== false) {
      made = made.filter((code) => !removed(code));
      made = made.expand((code) => [spaces(code) ? SPACE : code]);
    }
    if (read.handle_chinese_chars !== false) {
      made = made.expand((code) => (chinese(code) ? [SPACE, code, SPACE] : [code]));
    }
    if (accents) made = decomposed(made, false).filter((code) => !nonspacing(code));
    return lower ? made.expand(lowerCase) : made;
  };
}

function strip(text: AlignedText, left: boolean, right: boolean): AlignedText {
  let [start, end] = [0, text.length];
  while (left && start < end && blank(text.codes[start]!)) start++;
  while (right && end > start && blank(text.codes[end - 1]!)) end--;
  const place = new Set(text.codes.map((_, i) => i).slice(start, end));
  let at = 0;
  return text.filter(() => place.has(at++));
}

/** sentencepiece's rules for machine translation. */
function nmt(text: AlignedText): AlignedText {
  const dropped = (c: number): boolean =>
    (c >= 1 && c <= 8) || c === 0xb || (c >= 0xe && c <= 0x1f) || c === 0x7f || c === 0x8f || c === 0x9f;
  const blanks = new Set([
    0x9, 0xa, 0xc, 0xd, 0x1680, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x2581, 0xfeff, 0xfffd,
  ]);
  const changes = text
    .filter((code) => !dropped(code));
  return changes.transform(changes.codes.map((code): Change => [blanks.has(code) ? SPACE : code, 0]));
}
