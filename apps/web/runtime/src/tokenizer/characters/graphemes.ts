import { characters } from "./index.js";

// Clusters of characters that are seen as one (Unicode's Annex 29), as the library divides them: an
// engine's own `Intl.Segmenter` is of another Unicode, and Hermes has none. Flags are left out: of
// two regional indicators each is looked up alone, whether they are one cluster or two.

const alone = characters("ALONE");
const joinedTo = characters("JOINED");
const extending = characters("EXTENDING");
const prepended = characters("PREPENDED");
const pictograph = characters("PICTOGRAPH");
const consonant = characters("CONSONANT");
const linker = characters("LINKER");
const between = characters("BETWEEN");
const RETURN = 0xd;
const NEWLINE = 0xa;
const JOINER = 0x200d;
const UNJOINED = 0x300; // below it nothing joins but a return and a newline

/** Divide a text into clusters. */
export function* graphemes(codes: readonly number[]): Generator<readonly number[]> {
  let start = 0;
  for (let end = 1; end <= codes.length; end++) {
    if (end < codes.length && joins(codes, end)) continue;
    yield codes.slice(start, end);
    start = end;
  }
}

function joins(codes: readonly number[], place: number): boolean {
  const [before, code] = [codes[place - 1]!, codes[place]!];
  if (before === RETURN && code === NEWLINE) return true;
  if ((code < UNJOINED && before < UNJOINED) || alone(before) || alone(code)) return false;
  if (joinedTo(code) || prepended(before) || hangulJoins(before, code)) return true;
  return (consonant(code) && afterLinker(codes, place)) || (pictograph(code) && afterJoiner(codes, place));
}

const within = (code: number, first: number, last: number): boolean => code >= first && code <= last;
const isInitial = (code: number): boolean => within(code, 0x1100, 0x115f) || within(code, 0xa960, 0xa97c);
const isVowel = (code: number): boolean => within(code, 0x1160, 0x11a7) || within(code, 0xd7b0, 0xd7c6);
const isFinal = (code: number): boolean => within(code, 0x11a8, 0x11ff) || within(code, 0xd7cb, 0xd7fb);
const isSyllable = (code: number): boolean => within(code, 0xac00, 0xd7a3);

function hangulJoins(before: number, code: number): boolean {
  if (isInitial(before)) return isInitial(code) || isVowel(code) || isSyllable(code);
  const open = isVowel(before) || (isSyllable(before) && (before - 0xac00) % 28 === 0);
  if (open && isVowel(code)) return true;
  return isFinal(code) && (open || isFinal(before) || isSyllable(before));
}

/** Whether a consonant stands before, and between only what links, at least once, or extends. */
function afterLinker(codes: readonly number[], place: number): boolean {
  let at = place - 1;
  let linked = false;
  for (; at >= 0 && (linker(codes[at]!) || between(codes[at]!)); at--) linked ||= linker(codes[at]!);
  return linked && at >= 0 && consonant(codes[at]!);
}

function afterJoiner(codes: readonly number[], place: number): boolean {
  let at = place - 1;
  if (codes[at--] !== JOINER) return false;
  while (at >= 0 && extending(codes[at]!)) at--;
  return at >= 0 && pictograph(codes[at]!);
}
