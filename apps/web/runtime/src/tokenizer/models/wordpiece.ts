import { BundleError } from "../../errors.js";
import { textOf } from "../aligned.js";
import type { Description } from "../description.js";
import { vocabulary, type Model, type Part } from "./index.js";

/** WordPiece: the longest entry that a word begins with, then the longest that goes on. */
export function wordPiece(read: Description): Model {
  const ids = vocabulary(read);
  const unknown = ids.get(String(read.unk_token));
  const prefix = String(read.continuing_subword_prefix ?? "##");
  const longest = Number(read.max_input_chars_per_word ?? 100);
  if (unknown === undefined) {
    throw new BundleError(`tokenizer.json's vocabulary has no ${read.unk_token}: fetch the bundle again`);
  }
  const divide = (codes: readonly number[]): Part[] => {
    const whole = [{ id: unknown, start: 0, end: codes.length }];
    if (codes.length > longest) return whole;
    const parts: Part[] = [];
    for (let start = 0; start < codes.length; ) {
      let end = codes.length;
      let id: number | undefined;
      for (; end > start; end--) {
        id = ids.get((start > 0 ? prefix : "") + textOf(codes.slice(start, end)));
        if (id !== undefined) break;
      }
      if (id === undefined) return whole;
      parts.push({ id, start, end });
      start = end;
    }
    return parts;
  };
  return { ids, divide };
}
