import { BundleError } from "../../errors.js";
import { bpe } from "./bpe.js";
import { unsupported, type Description } from "../description.js";
import { unigram } from "./unigram.js";
import { wordPiece } from "./wordpiece.js";

/** A token of a piece: where it starts and ends there, in code points. */
export interface Part {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

/** The vocabulary of a tokenizer, and how a piece is divided into its entries. */
export interface Model {
  readonly ids: ReadonlyMap<string, number>;
  divide(codes: readonly number[]): Part[];
}

/** Read `tokenizer.json`'s `model`. */
export function readModel(read: Description): Model {
  switch (read.type) {
    case "WordPiece":
      return wordPiece(read);
    case "BPE":
      return bpe(read);
    case "Unigram":
      return unigram(read);
    default:
      if (read.type === undefined && Array.isArray(read.merges)) return bpe(read);
      throw unsupported("model", read.type);
  }
}

/** Read a vocabulary that is written as an object. */
export function vocabulary(read: Description): Map<string, number> {
  if (typeof read.vocab !== "object" || read.vocab === null || Array.isArray(read.vocab)) {
    throw new BundleError("tokenizer.json has no vocabulary: fetch the bundle again");
  }
  return new Map(Object.entries(read.vocab as Record<string, number>));
}
