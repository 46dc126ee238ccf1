import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { BundleError, EdgeDistilError, Tokenizer } from "../src/index.js";

const REPOSITORY = new URL("../../../../../", import.meta.url);
const FILES = ["apps/models/minilm-l6-squad/tokenizer.json", "tests/golden/tokenizers/bpe.json", "tests/golden/tokenizers/unigram.json"];
const TEXTS = ["Ada's 12 ships, at 5 o'clock.", "🙂 東京\u0301 ﬁ", "[MASK] <mask> x".repeat(9), " ", "a".repeat(500)];
const ROUNDS = 1_000;
const SLOW = 1_000; // milliseconds, for a few short texts
const PUT: readonly unknown[] = [
  null, true, -1, 1.5, 1e300, "", "x", "\ud800", "(a+)+$", "(?<", [], [[]], {}, [null], { type: "Nothing" }, { type: 5 },
  { type: "Sequence" }, { type: "Replace", pattern: { String: "a" }, content: "aa".repeat(5000) },
  { type: "Precompiled", precompiled_charsmap: "////AAAA" }, { Regex: "((a*)*)*b" }, { type: "ByteLevel" },
];

type Json = Record<string, unknown>;

/** A sequence of numbers from 0 to 1 that is the same every time (mulberry32). */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Put something else somewhere; large vocabularies are kept by reference, all else is copied. */
function damaged(value: unknown, next: () => number, depth = 0): unknown {
  if (typeof value !== "object" || value === null || (depth > 1 && next() < 0.3)) return PUT[Math.floor(next() * PUT.length)];
  const keys = Object.keys(value);
  if (!keys.length) return PUT[Math.floor(next() * PUT.length)];
  const key = keys[Math.floor(next() * keys.length)]!;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Json;
  if (next() < 0.1) delete copy[key];
  else copy[key] = damaged(copy[key], next, depth + 1);
  return copy;
}

/** Milliseconds of processor time so far: a busy machine does not count. */
function spent(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}

for (const file of FILES) {
  test(`a damaged ${file} is read, or refused in our words, and never hangs`, () => {
    const whole = JSON.parse(readFileSync(new URL(file, REPOSITORY), "utf8")) as { model: { vocab: object; merges?: unknown[] } };
    const { vocab, merges } = whole.model;
    // A part of the vocabulary: a thousand rounds over 30,000 entries would take minutes.
    const some = Array.isArray(vocab) ? vocab.slice(0, 400) : Object.fromEntries(Object.entries(vocab).slice(0, 1_300));
    const small = { ...whole, model: { ...whole.model, vocab: some, ...(merges ? { merges: [] } : {}) } };
    const next = random(7);
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const json = damaged(small, next);
      const before = spent();
      try {
        const tokenizer = new Tokenizer(json);
        for (const text of TEXTS) {
          const { ids } = tokenizer.encode(text, "pair", 40);
          assert.ok(ids.every((id) => Number.isInteger(id) && id >= 0), `round ${round}`);
        }
      } catch (error) {
        assert.ok(error instanceof EdgeDistilError, `round ${round}: ${(error as Error).stack}`);
        assert.match(error.message, /\S/);
        refused++;
      }
      assert.ok(spent() - before < SLOW, `round ${round}`);
    }
    assert.ok(refused > ROUNDS / 10 && refused < ROUNDS);
  });
}

test("what would exhaust its reader is refused", () => {
  const base = JSON.parse(readFileSync(new URL(FILES[1]!, REPOSITORY), "utf8")) as { model: Json };
  const doubling = { type: "Replace", pattern: { Regex: "." }, content: "aaaaaaaaaa" };
  const refused = (changes: object): void => {
    assert.throws(() => new Tokenizer({ ...base, ...changes }).encode("a long text"), BundleError);
  };
  refused({ normalizer: { type: "Sequence", normalizers: Array(20).fill(doubling) } });
  refused({ pre_tokenizer: { type: "Split", pattern: { Regex: "(a+)+b" }, behavior: "Isolated" } });
  refused({ model: { ...base.model, merges: [["a", "nothing of the vocabulary"]] } });
  refused({ model: { ...base.model, vocab: { a: -1 } } });
  refused({ added_tokens: [{ id: 1, content: "" }] });
  refused({ normalizer: { type: "Unheard" } });
});

test("a word without end takes no square of its length", () => {
  const tokenizer = new Tokenizer(JSON.parse(readFileSync(new URL(FILES[1]!, REPOSITORY), "utf8")));
  const before = spent();
  assert.ok(tokenizer.encode("the".repeat(60_000)).ids.length > 1_000);
  assert.ok(spent() - before < 20_000);
});
