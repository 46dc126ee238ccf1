import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { BundleFileMissing, load, type Embedding, type Engine, type QuestionAnswering } from "edge-distil";
import { filesOf, folderSource, pathOf, type FileLike } from "../src/folder.js";

const ROOT = new URL("../../../../", import.meta.url); // from build/test
const TINY = pathOf(new URL("tests/golden/tiny/", ROOT).href);
const engine = createRequire(new URL("apps/web/runtime/package.json", ROOT))("onnxruntime-node") as Engine;

/** A file as expo-file-system gives it, of this machine. */
function fileOf(path: string): FileLike {
  const stat = statSync(path, { throwIfNoEntry: false });
  return {
    uri: pathToFileURL(path).href,
    exists: stat !== undefined,
    size: stat?.size ?? 0,
    open() {
      const handle = openSync(path, "r");
      return {
        async readBytes(length) {
          const block = new Uint8Array(length);
          return block.subarray(0, readSync(handle, block));
        },
        close: () => closeSync(handle),
      };
    },
  };
}

const open = (name: string) => folderSource(name, (path) => fileOf(`${TINY}${name}/${path}`));
const golden = (name: string): unknown => JSON.parse(readFileSync(`${TINY}${name}.json`, "utf8"));

test("a bundle in a folder of the device answers", async () => {
  const task = await load<QuestionAnswering>(open("question_answering"), { engine, verify: true });
  const context = "The old lighthouse keeper lives in London.";
  const answer = await task.run("Who keeps the light?", context);
  assert.equal(context.slice(answer.start, answer.end), answer.text);
});

test("vectors are sentence-transformers' own", async () => {
  const { texts, vectors } = golden("embedding") as { texts: string[]; vectors: number[][] };
  const task = await load<Embedding>(open("embedding"), { engine });
  const made = await task.encode(texts);
  made.forEach((vector, i) => vector.forEach((value, k) => assert.ok(Math.abs(value - vectors[i]![k]!) < 1e-4)));
});

test("a file that is not there is missing", async () => {
  await assert.rejects(open("nothing").read("edge_distil.json"), BundleFileMissing);
});

test("a file's address becomes its path", () => {
  assert.equal(pathOf("file:///data/user/0/host.exp/files/My%20bundle/onnx/model.onnx"), "/data/user/0/host.exp/files/My bundle/onnx/model.onnx");
});

test("the files that a variant needs are the small ones and its model", () => {
  const manifest: unknown = JSON.parse(readFileSync(`${TINY}question_answering/edge_distil.json`, "utf8"));
  assert.deepEqual(filesOf(manifest, "int8"), [
    "config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "onnx/model_quantized.onnx",
  ]);
  assert.throws(() => filesOf(manifest, "int3"), BundleFileMissing);
});
