import { utf8 } from "../characters/bytes.js";
import type { Description } from "../description.js";
import { Heap } from "./heap.js";
import { vocabulary, type Model, type Part } from "./index.js";

const REMEMBERED = 20_000; // words

interface Merges {
  readonly ids: ReadonlyMap<string, number>;
  readonly ranks: ReadonlyMap<string, number>;
}

interface Symbol {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Byte-pair encoding: neighbours are merged, the pair of the lowest rank first. */
export function bpe(read: Description): Model {
  const ids = vocabulary(read);
  const merges = (read.merges as (string | [string, string])[]).map((pair) =>
    typeof pair === "string" ? pair : pair.join(" "),
  );
  const ranks = new Map(merges.map((pair, rank) => [pair, rank]));
  const prefix = String(read.continuing_subword_prefix ?? "");
  const suffix = String(read.end_of_word_suffix ?? "");
  const unknown = read.unk_token ? ids.get(String(read.unk_token)) : undefined;
  const remembered = new Map<string, Part[]>();

  const symbolsOf = (codes: readonly number[]): Symbol[] =>
    codes.map((code, i) => ({
      text:
        (i > 0 ? prefix : "") + String.fromCodePoint(code) + (i === codes.length - 1 ? suffix : ""),
      start: i,
      end: i + 1,
    }));

  const known = (symbols: readonly Symbol[], codes: readonly number[]): (Symbol & { id?: number })[] =>
    symbols.flatMap((symbol) => {
      const id = ids.get(symbol.text);
      if (id !== undefined) return [{ ...symbol, id }];
      if (read.byte_fallback === true) {
        const names = utf8(codes[symbol.start]!).map(
          (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
        );
        if (names.every((name) => ids.has(name))) {
          return names.map((name) => ({ ...symbol, text: name, id: ids.get(name)! }));
        }
      }
      return [symbol];
    });

  const divide = (codes: readonly number[]): Part[] => {
    const word = String.fromCodePoint(...codes.slice(0, 256));
    const whole = read.ignore_merges === true && codes.length <= 256 ? ids.get(word) : undefined;
    if (whole !== undefined) return [{ id: whole, start: 0, end: codes.length }];
    const cached = codes.length <= 256 ? remembered.get(word) : undefined;
    if (cached) return cached;
    const symbols = known(symbolsOf(codes), codes);
    const kept = fused(symbols, unknown, read.fuse_unk === true);
    const parts = merge(kept, { ids, ranks }, prefix.length);
    if (codes.length <= 256 && remembered.size < REMEMBERED) remembered.set(word, parts);
    return parts;
  };
  return { ids, divide };
}

/** Put the unknown token for what has no id, or leave it out where there is none. */
function fused(
  symbols: readonly (Symbol & { id?: number })[],
  unknown: number | undefined,
  fuse: boolean,
): (Symbol & { id: number })[] {
  const kept: (Symbol & { id: number; unknown?: boolean })[] = [];
  for (const symbol of symbols) {
    const last = kept.at(-1);
    if (symbol.id !== undefined) kept.push({ ...symbol, id: symbol.id });
    else if (unknown === undefined) continue;
    else if (fuse && last?.unknown) kept[kept.length - 1] = { ...last, end: symbol.end };
    else kept.push({ ...symbol, text: "\0", id: unknown, unknown: true });
  }
  return kept;
}

/** A pair of neighbours that may be merged. */
interface Offer {
  readonly rank: number;
  /** Places of the two, and the left one's text when it was offered: it may have been merged since. */
  readonly left: number;
  readonly right: number;
  readonly text: string;
}

/** Merge the pair of the lowest rank, of equals the first, until no pair is left. */
function merge(symbols: readonly (Symbol & { id: number })[], merges: Merges, prefix: number): Part[] {
  const parts: ((Symbol & { id: number }) | undefined)[] = [...symbols];
  const next = parts.map((_, i) => i + 1);
  const before = parts.map((_, i) => i - 1);
  const offers = new Heap<Offer>((a, b) => a.rank - b.rank || a.left - b.left);
  const offer = (left: number, right: number): void => {
    const [first, second] = [parts[left], parts[right]];
    const rank = first && second ? merges.ranks.get(`${first.text} ${second.text}`) : undefined;
    if (rank !== undefined) offers.push({ rank, left, right, text: `${first!.text} ${second!.text}` });
  };
  for (let i = 0; i + 1 < parts.length; i++) offer(i, i + 1);
  for (let best = offers.pop(); best; best = offers.pop()) {
    const { left, right } = best;
    const [first, second] = [parts[left], parts[right]];
    if (!first || !second || next[left] !== right || `${first.text} ${second.text}` !== best.text) continue;
    const text = first.text + second.text.slice(prefix);
    parts[left] = { text, start: first.start, end: second.end, id: merges.ids.get(text)! };
    parts[right] = undefined;
    next[left] = next[right]!;
    if (next[left]! < parts.length) before[next[left]!] = left;
    offer(before[left]!, left);
    offer(left, next[left]!);
  }
  return parts.flatMap((part) => (part ? [{ id: part.id, start: part.start, end: part.end }] : []));
}
