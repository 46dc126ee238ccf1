// Reads [{bundle, variant, use, cases}] from stdin and writes what each call gives:
// node node_cases.mjs RUNTIME MODULES
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { runFile } from "./run_cases.mjs";

const [runtime, modules] = process.argv.slice(2);
const ort = createRequire(`${modules}/`)("onnxruntime-node");
const ed = await import(pathToFileURL(`${runtime}/index.js`).href);
const results = [];
for (const file of JSON.parse(readFileSync(0, "utf8"))) {
  results.push(await runFile(ed, ort, file));
}
console.log(JSON.stringify(results));
