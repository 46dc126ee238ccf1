import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { InputError, Tokenizer, utf16Offsets } from "../src/index.js";

const REPOSITORY = new URL("../../../../../", import.meta.url);
const GOLDEN = new URL("tests/golden/tokenizers/", REPOSITORY);
const FILES = {
  wordpiece: new URL("apps/models/minilm-l6-squad/tokenizer.json", REPOSITORY),
  bpe: new URL("bpe.json", GOLDEN),
  unigram: new URL("unigram.json", GOLDEN),
};

function json(url: URL): unknown {
  return JSON.parse(readFileSync(url, "utf8"));
}

type Kind = keyof typeof FILES;
type Case = Record<Kind, unknown> & { text: string };
const cases = json(new URL("cases.json", GOLDEN)) as Case[];

for (const kind of Object.keys(FILES) as Kind[]) {
  const tokenizer = new Tokenizer(json(FILES[kind]));

  test(`${kind}: ids, offsets, words and types are those of the library`, () => {
    assert.ok(cases.length > 200);
    for (const { text, ...expected } of cases) {
      const { ids, offsets, words, typeIds } = tokenizer.encode(text);
      assert.deepEqual([ids, offsets, words, typeIds], expected[kind], JSON.stringify(text));
    }
  });
}

const tokenizer = new Tokenizer(json(FILES.wordpiece));

test("offsets in UTF-16 units cut the text that JavaScript sees", () => {
  const text = "I ❤ 🍕 and 👩‍🚀 in Zürich";
  const unit = utf16Offsets(text);
  const { offsets } = tokenizer.pieces(text);
  const words = offsets.map(([start, end]) => text.slice(unit(start), unit(end)));
  assert.deepEqual(words, ["I", "❤", "🍕", "and", "👩‍🚀", "in", "Zürich"]);
});

test("windows cover a text and overlap", () => {
  const text = Array.from({ length: 100 }, (_, i) => `word${i}`).join(" ");
  const windows = tokenizer.windows(text, 32, 8);
  const whole = tokenizer.pieces(text).offsets;
  const seen = windows.flatMap((window) => window.offsets.slice(1, -1));
  assert.ok(windows.every((window) => window.ids.length <= 32));
  assert.deepEqual(new Set(seen.map(String)), new Set(whole.map(String)));
  assert.deepEqual(windows[0]!.offsets.slice(-9, -1), windows[1]!.offsets.slice(1, 9));
});

test("what is no text is refused", () => {
  assert.throws(() => tokenizer.encode(5 as unknown as string), InputError);
  assert.throws(() => tokenizer.pairWindows("who?", "text", 16, 16, 64), /lower docStride/);
});
