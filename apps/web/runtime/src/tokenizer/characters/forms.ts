import { type AlignedText, type Change } from "../aligned.js";
import { characters } from "./index.js";

// Unicode's normal forms, change by change, as the library's crate `unicode-normalization-alignments`
// counts them. Which characters have a decomposition is the library's to say (`unicode.ts`); what it
// is has never changed in Unicode and comes from the engine: the library knows none that is of
// Unicode 12.1 or newer (not even U+32FF), and an engine with WebAssembly's SIMD is of Unicode 13.

const canonical = characters("DECOMPOSED");
const compatible = characters("COMPATIBLE");
const nonStarter = characters("NON_STARTER");

/** The canonical (NFD) or compatibility (NFKD) decomposition. */
export function decomposed(text: AlignedText, compatibility: boolean): AlignedText {
  const has = compatibility ? compatible : canonical;
  if (!text.codes.some((code) => code >= 0x80 && (has(code) || nonStarter(code)))) return text;
  return text.transform(decompositions(text.codes, compatibility));
}

/** The canonical (NFC) or compatibility (NFKC) composition. */
export function composed(text: AlignedText, compatibility: boolean): AlignedText {
  if (!text.codes.some((code) => code >= 0x80)) return text;
  return text.transform(compositions(decompositions(text.codes, compatibility)));
}

function decompositions(codes: readonly number[], compatibility: boolean): Change[] {
  const has = compatibility ? compatible : canonical;
  const form = compatibility ? "NFKD" : "NFD";
  const changes: Change[] = [];
  for (const code of codes) {
    const made = has(code) ? [...String.fromCodePoint(code).normalize(form)] : [String.fromCodePoint(code)];
    made.forEach((character, i) => {
      changes.push([character.codePointAt(0)!, i > 0 ? 1 : 0]);
      let place = changes.length - 1;
      while (place > 0 && comesBefore(changes[place]![0], changes[place - 1]![0])) {
        [changes[place - 1], changes[place]] = [changes[place]!, changes[place - 1]!];
        place--;
      }
    });
  }
  return changes;
}

/** Whether a mark is put before another one: it is of a lower combining class. */
function comesBefore(mark: number, other: number): boolean {
  if (!nonStarter(mark) || !nonStarter(other)) return false;
  const pair = String.fromCodePoint(other, mark);
  return pair.normalize("NFD").startsWith(String.fromCodePoint(mark)) && mark !== other;
}

function compositions(changes: readonly Change[]): Change[] {
  const made: Change[] = [];
  let starter = -1; // place in `made` of what marks are added to
  for (const [code, change] of changes) {
    const last = made.at(-1);
    const adjacent = starter >= 0 && starter === made.length - 1;
    const blocked = !adjacent && last !== undefined && !comesBefore(last[0], code);
    const joined = starter >= 0 && !blocked ? compose(made[starter]![0], code) : undefined;
    if (joined !== undefined) {
      made[starter] = [joined, made[starter]![1] + change - 1];
      continue;
    }
    made.push([code, change]);
    if (!nonStarter(code)) starter = made.length - 1;
  }
  return made;
}

/** Return the character that two make, where they make one. */
function compose(first: number, second: number): number | undefined {
  if (first < 0x80 && second < 0x80) return undefined;
  const pair = String.fromCodePoint(first, second).normalize("NFC");
  const joined = pair.codePointAt(0)!;
  if (pair.length !== (joined > 0xffff ? 2 : 1)) return undefined;
  return canonical(joined) ? joined : undefined;
}
