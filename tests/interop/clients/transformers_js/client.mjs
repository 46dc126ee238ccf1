// Open a bundle with transformers.js in Node; print vectors, or answers and logits, as JSON.
//
// Usage: node client.mjs BUNDLE FILE REQUEST.json
//
// transformers.js picks the file by its dtype: 'fp32' is onnx/model.onnx and 'q8' is
// onnx/model_quantized.onnx. It finds a model by name below `env.localModelPath`.

import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';

import { env, pipeline } from '@huggingface/transformers';

const DTYPES = { 'onnx/model.onnx': 'fp32', 'onnx/model_quantized.onnx': 'q8' };

async function embed(name, options, request) {
  const extractor = await pipeline('feature-extraction', name, options);
  const vectors = [];
  for (let first = 0; first < request.texts.length; first += request.batch_size) {
    const texts = request.texts.slice(first, first + request.batch_size);
    const batch = await extractor(texts, { pooling: 'mean', normalize: true });
    vectors.push(...batch.tolist());
  }
  return { vectors };
}

async function answer(name, options, request) {
  const ask = await pipeline('question-answering', name, options);
  const result = { answers: [], start_logits: [], end_logits: [] };
  for (const [question, context] of request.pairs) {
    const found = await ask(question, context);
    result.answers.push({ text: found.answer, score: found.score });
    const inputs = ask.tokenizer(question, { text_pair: context, truncation: true });
    const outputs = await ask.model(inputs);
    result.start_logits.push(outputs.start_logits.tolist()[0]);
    result.end_logits.push(outputs.end_logits.tolist()[0]);
  }
  return result;
}

const [bundle, file, requestPath] = process.argv.slice(2);
const request = JSON.parse(readFileSync(requestPath, 'utf8'));
env.allowRemoteModels = false;
env.localModelPath = dirname(resolve(bundle));
env.useFSCache = false;
const options = { dtype: DTYPES[file], device: 'cpu' };
const run = request.pairs ? answer : embed;
console.log(JSON.stringify(await run(basename(bundle), options, request)));
