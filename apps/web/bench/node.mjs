// A process that embeds texts whenever it is asked to, and times itself:
//
//     node node.mjs own|peer BUNDLE VARIANT THREADS BATCH
//
// BATCH is the peer's texts a call; edge-distil makes its own batches. Both run on the onnxruntime-node
// of this folder, on one file. Each line on stdin is a request, each reply a line of JSON:
// {"encode": [text, ...], "vectors": FILE} -> {"seconds", "cpu", "megabytes"}; where there is a FILE
// the vectors go there as float32.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";

process.env.ORT_DISABLE_TELEMETRY ??= "1";
const [side, bundle, variant, threads, batch] = process.argv.slice(2);
const require = createRequire(import.meta.url);

async function own() {
  const ort = require("onnxruntime-node");
  const { load } = await import("../runtime/dist/index.js");
  const task = await load(bundle, { engine: ort, variant, threads: Number(threads) });
  return (texts) => task.encode(texts);
}

async function peer() {
  const { env, pipeline } = await import("@huggingface/transformers");
  env.allowRemoteModels = false;
  env.localModelPath = dirname(bundle);
  const options = { intraOpNumThreads: Number(threads), interOpNumThreads: 1 };
  const dtype = { fp32: "fp32", int8: "q8" }[variant];
  const run = await pipeline("feature-extraction", basename(bundle), { dtype, device: "cpu", session_options: options });
  return async (texts) => {
    const vectors = [];
    for (let start = 0; start < texts.length; start += Number(batch)) {
      const { data, dims } = await run(texts.slice(start, start + Number(batch)), { pooling: "mean", normalize: true });
      for (let row = 0; row < dims[0]; row++) vectors.push(data.slice(row * dims[1], (row + 1) * dims[1]));
    }
    return vectors;
  };
}

const encode = await { own, peer }[side]();
const version = (path) => JSON.parse(readFileSync(join(import.meta.dirname, path, "package.json"))).version;
const modules = "node_modules/";
const versions = {
  node: process.versions.node,
  "transformers.js": version(`${modules}@huggingface/transformers`),
  "onnxruntime-node": version(`${modules}onnxruntime-node`),
};
console.log(JSON.stringify({ versions }));
for await (const line of createInterface({ input: process.stdin })) {
  const { encode: texts, vectors } = JSON.parse(line);
  const [started, before] = [performance.now(), process.cpuUsage()];
  const found = await encode(texts);
  const [seconds, used] = [(performance.now() - started) / 1e3, process.cpuUsage(before)];
  if (vectors) writeFileSync(vectors, Buffer.concat(found.map((one) => Buffer.from(one.buffer, one.byteOffset, one.byteLength))));
  const megabytes = process.resourceUsage().maxRSS * 1024 / 1e6;
  console.log(JSON.stringify({ seconds, cpu: (used.user + used.system) / 1e6, megabytes }));
}
