import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as ort from "onnxruntime-node";
import { BundleNotFound, Embedding, InputTypeError, load, OutOfMemory, SessionError } from "../src/index.js";

const TINY = new URL("../../../../../tests/golden/tiny/", import.meta.url);
const VECTORS = 1e-5; // greatest difference of a number of a vector in float32

test("vectors are those of sentence-transformers", async () => {
  const model = await load<Embedding>(new URL("embedding/", TINY), { engine: ort });
  const truth = JSON.parse(readFileSync(new URL("embedding.json", TINY), "utf8"));
  const texts: string[] = truth.texts;
  const near = (found: readonly Float32Array[], expected: number[][]): void =>
    found.forEach((vector, i) =>
      vector.forEach((value, k) => assert.ok(Math.abs(value - expected[i]![k]!) < VECTORS, `text ${i}`)),
    );
  assert.ok(model instanceof Embedding);
  near(await model.encode(texts), truth.vectors);
  near(await model.encodeQuery(texts), truth.query_vectors);
  near(await model.encode(texts, { truncateDim: 6, normalizeEmbeddings: true }), truth.truncated);
  await model.close();
});

test("a bundle is opened for what is asked, or refused by name", async () => {
  const opened = (name: string, task: string): Promise<unknown> => load(new URL(`${name}/`, TINY), { engine: ort, task } as never);
  await assert.rejects(opened("embedding", "reranking"), /sentence-similarity bundle, expected text-classification/);
  await assert.rejects(opened("text_classification", "reranking"), /gives a pair 3 scores, expected one/);
  await assert.rejects(opened("text_classification", "zero-shot-classification"), /expected one that begins with 'entail'/);
  await assert.rejects(opened("text_classification", "multiple-choice"), /expected multiple-choice/);
  await assert.rejects(opened("text_classification", "ranking"), /task is 'ranking', expected one of feature-extraction/);
});

test("what cannot be opened is named", async () => {
  await assert.rejects(load(new URL("nothing/", TINY), { engine: ort }), BundleNotFound);
  await assert.rejects(load(new URL("embedding/", TINY), { engine: {} as typeof ort }), InputTypeError);
  await assert.rejects(load(new URL("embedding/", TINY), { engine: ort, variants: "int8" } as never), /no option 'variants'/);
});

// As engines word it: onnxruntime's web build, its arenas, V8, WebAssembly, Emscripten.
const LACKING = [
  "Can't create a session. failed to allocate a buffer of size 90295847.",
  "Failed to allocate memory for requested buffer of size 1572864",
  "std::bad_alloc",
  "Array buffer allocation failed",
  "WebAssembly.Memory(): could not allocate memory",
  "memory access out of bounds",
  "Aborted(OOM). Build with -sASSERTIONS for more info.",
];

test("an engine without memory is told from one with a bad model", async () => {
  const opened = (message: string): Promise<unknown> => {
    const InferenceSession = { create: () => Promise.reject(new Error(message)) } as unknown as typeof ort.InferenceSession;
    return load(new URL("embedding/", TINY), { engine: { ...ort, InferenceSession } });
  };
  for (const message of LACKING) await assert.rejects(opened(message), OutOfMemory, message);
  const other = (error: unknown): boolean => error instanceof SessionError && !(error instanceof OutOfMemory);
  await assert.rejects(opened("index 5 is out of bounds"), other);
});
