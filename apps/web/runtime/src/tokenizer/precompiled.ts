import { AlignedText, codePoints, textOf, type Change } from "./aligned.js";
import { graphemes } from "./characters/graphemes.js";
import type { Normalizer } from "./normalizers.js";

const LONGEST_GRAPHEME = 6; // bytes below which a cluster is looked up as a whole

/**
 * sentencepiece's compiled map of characters: a trie of UTF-8 in a double array, and the texts that
 * its leaves point to.
 *
 * Source: the crate `spm_precompiled`.
 */
export function precompiled(base64: string): Normalizer {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  if (bytes.length < 4) return (text) => text;
  const view = new DataView(bytes.buffer);
  const size = view.getUint32(0, true);
  const units = new Uint32Array(size / 4);
  for (let i = 0; i < units.length; i++) units[i] = view.getUint32(4 + 4 * i, true);
  const texts = bytes.subarray(4 + size);
  const encoder = new TextEncoder();
  const lookUp = (key: string): number[] | undefined => find(units, texts, encoder.encode(key));
  return (text) => normalize(text, encoder, lookUp);
}

function normalize(
  text: AlignedText,
  encoder: TextEncoder,
  lookUp: (key: string) => number[] | undefined,
): AlignedText {
  const changes: Change[] = [];
  let changed = false;
  for (const grapheme of graphemes(text.codes)) {
    const whole = textOf(grapheme);
    const made = encoder.encode(whole).length < LONGEST_GRAPHEME ? lookUp(whole) : undefined;
    if (made) {
      changed = true;
      replace(changes, grapheme.length, made);
      continue;
    }
    for (const code of grapheme) {
      const single = lookUp(String.fromCodePoint(code));
      if (single) {
        changed = true;
        replace(changes, 1, single);
      } else changes.push([code, 0]);
    }
  }
  return changed ? text.transform(changes) : text;
}

/** Note that `count` characters became others. */
function replace(changes: Change[], count: number, made: readonly number[]): void {
  const first = changes.length;
  for (const code of made) changes.push([code, 0]);
  const more = made.length - count;
  if (more < 0 && changes.length) {
    const [code, change] = changes.at(-1)!;
    changes[changes.length - 1] = [code, change + more];
  }
  for (let i = Math.max(first, changes.length - more); more > 0 && i < changes.length; i++) {
    changes[i] = [changes[i]![0], 1];
  }
}

/** The first text whose key begins what is looked up, as the library takes it. */
function find(units: Uint32Array, texts: Uint8Array, key: Uint8Array): number[] | undefined {
  let place = 0;
  let unit = units[place] ?? 0;
  place ^= offset(unit);
  for (const byte of key) {
    if (byte === 0) break;
    place ^= byte;
    unit = units[place] ?? 0;
    if ((unit & 0x800000ff) !== byte) return undefined;
    place ^= offset(unit);
    if ((unit >>> 8) & 1) {
      const value = (units[place] ?? 0) & 0x7fffffff;
      let end = value;
      while (end < texts.length && texts[end] !== 0) end++;
      return codePoints(new TextDecoder().decode(texts.subarray(value, end)));
    }
  }
  return undefined;
}

function offset(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
