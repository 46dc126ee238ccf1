import { AlignedText, codePoints, type Match } from "./aligned.js";
import { BYTE_CHARACTERS, utf8 } from "./characters/bytes.js";
import { characters } from "./characters/index.js";
import { unsupported, type Description } from "./description.js";
import { readPattern } from "./normalizers.js";
import { each, expression, inverted, type Pattern } from "./patterns.js";

/** Divides a text into pieces, of which the model takes one at a time. */
export type PreTokenizer = (piece: AlignedText) => AlignedText[];

type Behavior = "Removed" | "Isolated" | "MergedWithPrevious" | "MergedWithNext" | "Contiguous";

const punctuation = characters("PUNCTUATION");
const blank = characters("WHITESPACE");
const number = characters("NUMBER");
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const SPACE = 0x20;

/** Read `tokenizer.json`'s `pre_tokenizer`. */
export function readPreTokenizer(read: Description | null): PreTokenizer {
  if (read === null) return (piece) => [piece];
  switch (read.type) {
    case "Sequence": {
      const all = (read.pretokenizers as Description[]).map(readPreTokenizer);
      return (piece) => all.reduce((pieces, one) => pieces.flatMap(one), [piece]);
    }
    case "BertPreTokenizer":
      return (piece) =>
        split(piece, each(blank), "Removed").flatMap((word) => split(word, each(punctuation), "Isolated"));
    case "Whitespace":
      return by(inverted(expression("\\w+|[^\\w\\s]+")), "Removed");
    case "WhitespaceSplit":
      return by(each(blank), "Removed");
    case "Punctuation":
      return by(each(punctuation), read.behavior as Behavior);
    case "Digits":
      return by(each(number), read.individual_digits === true ? "Isolated" : "Contiguous");
    case "CharDelimiterSplit": {
      const [delimiter] = codePoints(String(read.delimiter));
      return by(each((code) => code === delimiter), "Removed");
    }
    case "Split": {
      const pattern = readPattern(read.pattern);
      return by(read.invert === true ? inverted(pattern) : pattern, read.behavior as Behavior);
    }
    case "ByteLevel":
      return byteLevel(read);
    case "Metaspace":
      return metaspace(read);
    default:
      throw unsupported("pre-tokenizer", read.type);
  }
}

function by(pattern: Pattern, behavior: Behavior): PreTokenizer {
  return (piece) => split(piece, pattern, behavior);
}

function byteLevel(read: Description): PreTokenizer {
  const words = expression(GPT2);
  return (piece) => {
    const spaced = read.add_prefix_space === true && piece.codes[0] !== SPACE ? piece.prepend([SPACE]) : piece;
    const parts = read.use_regex === false ? [spaced] : split(spaced, words, "Isolated");
    return parts.map((part) => part.expand((code) => utf8(code).map((byte) => BYTE_CHARACTERS[byte]!)));
  };
}

function metaspace(read: Description): PreTokenizer {
  const mark = codePoints(String(read.replacement ?? "▁"));
  // Files of older releases say add_prefix_space.
  const scheme = read.prepend_scheme ?? (read.add_prefix_space === false ? "never" : "always");
  const isMark: Pattern = each((code) => code === mark[0]);
  return (piece) => {
    let made = piece.replace(each((code) => code === SPACE)(piece.codes), mark);
    const wanted = scheme === "always" || (scheme === "first" && made.first === 0);
    if (wanted && made.codes[0] !== mark[0]) made = made.prepend(mark);
    return read.split === false ? [made] : split(made, isMark, "MergedWithNext");
  };
}

/** Divide a piece; empty parts are left out. */
export function split(piece: AlignedText, pattern: Pattern, behavior: Behavior): AlignedText[] {
  return joined(pattern(piece.codes), behavior)
    .filter(({ start, end }) => start < end)
    .map(({ start, end }) => piece.slice(start, end));
}

function joined(matches: readonly Match[], behavior: Behavior): Match[] {
  switch (behavior) {
    case "Removed":
      return matches.filter((match) => !match.matched);
    case "Isolated":
      return [...matches];
    case "Contiguous":
      return merged(matches, (match, last) => match.matched === last.matched);
    case "MergedWithPrevious":
      return merged(matches, (match, last) => match.matched && !last.matched);
    case "MergedWithNext":
      return merged([...matches].reverse(), (match, last) => match.matched && !last.matched).reverse();
    default:
      throw unsupported("behavior", String(behavior));
  }
}

/** Join neighbours; whether a match joins depends on it and on the match before it. */
function merged(matches: readonly Match[], joins: (match: Match, last: Match) => boolean): Match[] {
  const made: Match[] = [];
  matches.forEach((match, i) => {
    const last = matches[i - 1];
    const before = made.at(-1);
    if (last && before && joins(match, last)) {
      made[made.length - 1] = {
        start: Math.min(before.start, match.start),
        end: Math.max(before.end, match.end),
        matched: before.matched,
      };
    } else made.push(match);
  });
  return made;
}
