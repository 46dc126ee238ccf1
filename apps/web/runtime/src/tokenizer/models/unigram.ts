import { utf8 } from "../characters/bytes.js";
import type { Description } from "../description.js";
import type { Model, Part } from "./index.js";

const UNKNOWN_PENALTY = 10; // below the least score of an entry (sentencepiece's)

interface Node {
  readonly children: Map<number, Node>;
  id?: number;
}

/** Unigram: of all ways to divide a piece the one whose entries' scores add up to most. */
export function unigram(read: Description): Model {
  const entries = read.vocab as [string, number][];
  const ids = new Map(entries.map(([text], id) => [text, id]));
  const root: Node = { children: new Map() };
  entries.forEach(([text], id) => insert(root, text, ids.get(text) ?? id));
  const unknown = read.unk_id === null || read.unk_id === undefined ? undefined : Number(read.unk_id);
  const least = entries.reduce((min, [, score]) => Math.min(min, score), Infinity);
  const bytes = read.byte_fallback === true ? byteIds(ids) : undefined;
  const divide = (codes: readonly number[]): Part[] => {
    const spans = bestSpans(codes, root, entries, least - UNKNOWN_PENALTY);
    return spans.flatMap(({ id, start, end }): Part[] => {
      if (id !== undefined) return [{ id, start, end }];
      const made = bytes && codes.slice(start, end).flatMap(utf8).map((byte) => bytes[byte]!);
      if (made) return made.map((byte) => ({ id: byte, start, end }));
      return unknown === undefined ? [] : [{ id: unknown, start, end }];
    });
  };
  return { ids, divide };
}

function insert(root: Node, text: string, id: number): void {
  let node = root;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    let next = node.children.get(code);
    if (!next) node.children.set(code, (next = { children: new Map() }));
    node = next;
  }
  node.id = id;
}

/** Viterbi's way; neighbouring unknown characters are one span without an id. */
function bestSpans(
  codes: readonly number[],
  root: Node,
  entries: readonly [string, number][],
  unknownScore: number,
): { id: number | undefined; start: number; end: number }[] {
  const size = codes.length;
  const scores = new Float64Array(size + 1);
  const from = new Int32Array(size + 1).fill(-1);
  const taken = new Int32Array(size + 1).fill(-1); // -1: unknown
  const offer = (start: number, end: number, id: number, score: number): void => {
    const total = score + scores[start]!;
    if (from[end] !== -1 && total <= scores[end]!) return;
    scores[end] = total;
    from[end] = start;
    taken[end] = id;
  };
  for (let start = 0; start < size; start++) {
    let single = false;
    let node: Node | undefined = root;
    for (let end = start; end < size; end++) {
      node = node.children.get(codes[end]!);
      if (!node) break;
      if (node.id === undefined) continue;
      offer(start, end + 1, node.id, entries[node.id]![1]);
      single ||= end === start;
    }
    if (!single) offer(start, start + 1, -1, unknownScore);
  }
  const spans: { id: number | undefined; start: number; end: number }[] = [];
  for (let end = size; end > 0; end = from[end]!) {
    const last = spans.at(-1);
    const start = from[end]!;
    if (taken[end] !== -1) spans.push({ id: taken[end]!, start, end });
    else if (last && last.id === undefined && last.start === end) last.start = start;
    else spans.push({ id: undefined, start, end });
  }
  return spans.reverse();
}

/** The ids of the 256 bytes, where the vocabulary has all of them. */
function byteIds(ids: ReadonlyMap<string, number>): number[] | undefined {
  const found = Array.from({ length: 256 }, (_, byte) =>
    ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
  );
  return found.every((id) => id !== undefined) ? (found as number[]) : undefined;
}
