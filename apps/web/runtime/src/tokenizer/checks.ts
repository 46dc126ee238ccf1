import { Fields } from "../bundle/fields.js";
import { BundleCorrupt } from "../errors.js";

// Far more than any tokenizer has: what is beyond was made to exhaust its reader.
const MOST_ENTRIES = 2_000_000;
const MOST_ADDED = 100_000;
const LONGEST_ENTRY = 10_000; // characters
const LARGEST_ID = 2 ** 31 - 1;
const AGAIN = "fetch the bundle again, from a source that you trust";

/** Check what `tokenizer.json` holds in bulk: its vocabulary, merges and added tokens. */
export function checkTokenizer(json: unknown): void {
  const read = Fields.of(json, "tokenizer.json");
  const model = Fields.of(read.values.model, "tokenizer.json", "model");
  if (Array.isArray(model.values.vocab)) checkPieces(model.values.vocab);
  else checkVocabulary(Fields.of(model.values.vocab, "tokenizer.json", "model.vocab").values);
  if (model.has("merges")) checkMerges(model);
  if (model.has("max_input_chars_per_word")) model.whole("max_input_chars_per_word", 0, LARGEST_ID);
  if (model.has("unk_id")) model.whole("unk_id", 0, (model.values.vocab as unknown[]).length - 1);
  for (const name of ["unk_token", "continuing_subword_prefix", "end_of_word_suffix"]) model.optionalText(name);
  for (const token of read.objects("added_tokens", MOST_ADDED)) {
    token.whole("id", 0, LARGEST_ID);
    if (!token.text("content", [], LONGEST_ENTRY)) throw token.wrong("content", "a text that is not empty");
    for (const name of ["single_word", "lstrip", "rstrip", "normalized", "special"]) token.flag(name);
  }
}

function checkVocabulary(vocab: Readonly<Record<string, unknown>>): void {
  let count = 0;
  for (const token in vocab) {
    if (++count > MOST_ENTRIES) throw corrupt(`vocabulary has more than ${MOST_ENTRIES} entries`);
    const id = vocab[token];
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id > LARGEST_ID || token.length > LONGEST_ENTRY) {
      throw corrupt(`vocabulary has the entry '${token.slice(0, 40)}' with the id ${JSON.stringify(id)?.slice(0, 40)}`);
    }
  }
  if (!count) throw corrupt("vocabulary is empty");
}

function checkPieces(vocab: readonly unknown[]): void {
  if (!vocab.length || vocab.length > MOST_ENTRIES) throw corrupt(`vocabulary has ${vocab.length} entries`);
  vocab.forEach((entry, id) => {
    const [text, score] = Array.isArray(entry) && entry.length === 2 ? (entry as unknown[]) : [];
    if (typeof text !== "string" || text.length > LONGEST_ENTRY || typeof score !== "number") {
      throw corrupt(`vocabulary has the entry ${JSON.stringify(entry)?.slice(0, 40)} at ${id}`);
    }
  });
}

/** Each merge joins two entries to a third. */
function checkMerges(model: Fields): void {
  const vocab = model.values.vocab as Readonly<Record<string, unknown>>;
  const prefix = String(model.values.continuing_subword_prefix ?? "").length;
  for (const merge of model.list("merges", MOST_ENTRIES)) {
    const parts: unknown = typeof merge === "string" ? merge.split(" ") : merge;
    const pair = Array.isArray(parts) && parts.length === 2 && parts.every((part) => typeof part === "string");
    const [first, second] = pair ? (parts as [string, string]) : ["", ""];
    if (!pair || ![first, second, first + second.slice(prefix)].every((token) => Object.hasOwn(vocab, token))) {
      throw corrupt(`merges have ${JSON.stringify(merge)?.slice(0, 60)}, whose parts and whole are not all in its vocabulary`);
    }
  }
}

/** Read a part of the description; what is of a wrong kind there is the file's fault. */
export function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError || error instanceof DOMException)) {
      throw error;
    }
    throw new BundleCorrupt(`tokenizer.json cannot be read (${error.message.slice(0, 100)}): ${AGAIN}`, { cause: error });
  }
}

export function corrupt(what: string): BundleCorrupt {
  return new BundleCorrupt(`tokenizer.json's ${what}, expected a tokenizer's: ${AGAIN}`);
}
