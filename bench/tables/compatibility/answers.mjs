// Asks a bundle with the JavaScript runtime: {bundle, task, inputs} on stdin, what it says on stdout.
//
//     node answers.mjs RUNTIME MODULES
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

process.env.ORT_DISABLE_TELEMETRY ??= "1";
const [runtime, modules] = process.argv.slice(2);
const engine = createRequire(`${modules}/`)("onnxruntime-node");
const { load } = await import(pathToFileURL(`${runtime}/index.js`).href);
const { bundle, task, inputs } = JSON.parse(readFileSync(0, "utf8"));
const model = await load(bundle, { engine, variant: "fp32", threads: 1 });

const each = async (call) => {
  const found = [];
  for (const input of inputs) found.push(await call(input));
  return found;
};
const ASKED = {
  "sentence-similarity": async () => (await model.encode(inputs)).map((vector) => [...vector]),
  "question-answering": () => model.batch(inputs),
  "text-classification": () => model.batch(inputs, { topK: null }),
  "token-classification": () => model.batch(inputs, { aggregationStrategy: "none", ignoreLabels: [] }),
  "multiple-choice": () => model.batch(inputs),
  "fill-mask": () => each((text) => model.run(text)),
};
console.log(JSON.stringify(await ASKED[task]()));
await model.close();
