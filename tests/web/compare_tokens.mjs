// Reads lines of [text, ids, offsets, words, types] from stdin, tokenizes each text, and writes those
// that come out otherwise: node compare_tokens.mjs RUNTIME TOKENIZER_JSON
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [runtime, file] = process.argv.slice(2);
const { Tokenizer } = await import(pathToFileURL(`${runtime}/index.js`).href);
const tokenizer = new Tokenizer(JSON.parse(readFileSync(file, "utf8")));
let count = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const [text, ...expected] = JSON.parse(line);
  const { ids, offsets, words, typeIds } = tokenizer.encode(text);
  const found = [ids, offsets, words, typeIds];
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    console.log(JSON.stringify({ text, expected, found }));
  }
  count++;
}
console.log(count);
