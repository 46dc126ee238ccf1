import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import * as ort from "onnxruntime-node";
import {
  Embedding, InputError, InputTypeError, LateInteraction, load, MultipleChoice, Reranker, SparseEmbedding,
  TextClassification, ZeroShotClassification,
  type AnyTask, type Engine, type Stage, type Use,
} from "../src/index.js";
import { allPairs as densePairs } from "../src/similarity.js";
import { allPairs as sparsePairs } from "../src/sparse.js";
import { host, loadInWorker, type Port, type Remote } from "../src/worker/index.js";

const TINY = new URL("../../../../../tests/golden/tiny/", import.meta.url);
const ports: MessagePort[] = [];

/** A host at the other end of a channel, which clones what it carries as a worker's does. */
async function opened<T extends AnyTask>(name: string, engine: Engine = ort, task?: Use): Promise<Remote<T>> {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1);
  host(engine, port2 as unknown as Port);
  return loadInWorker<T>(port1 as unknown as Port, new URL(`${name}/`, TINY), { task });
}

/** The engine, which says whenever it runs. */
function telling(ran: () => void): Engine {
  const create = async (path: string, options: ort.InferenceSession.SessionOptions): Promise<ort.InferenceSession> => {
    const session = await ort.InferenceSession.create(path, options);
    const run = session.run.bind(session);
    return Object.assign(session, { run: (...given: Parameters<typeof run>) => (ran(), run(...given)) });
  };
  return { ...ort, InferenceSession: { create } as unknown as typeof ort.InferenceSession };
}

const truth = JSON.parse(readFileSync(new URL("embedding.json", TINY), "utf8"));
const texts: string[] = truth.texts;

test("a worker gives what the task object gives", async () => {
  const [there, here] = [await opened<Embedding>("embedding"), await load<Embedding>(new URL("embedding/", TINY), { engine: ort })];
  assert.deepEqual(await there.encode(texts), await here.encode(texts));
  assert.deepEqual(await there.encodeQuery("a ship", { truncateDim: 4 }), await here.encodeQuery("a ship", { truncateDim: 4 }));
  const vectors = await there.encode(texts.values() as Iterable<string>);
  assert.deepEqual(there.similarity(vectors, vectors), here.similarity(vectors, vectors));
  assert.equal(there.variant, "fp32");
  const blocks = [];
  for await (const block of there.stream(texts, { window: 3 })) blocks.push(block.length);
  assert.deepEqual(blocks, [3, 3, 2]);
  await there.close();
});

test("its errors, callbacks and cancellation come through", async () => {
  let runs = 0;
  const labels = await opened<TextClassification>("text_classification", telling(() => runs++));
  const stages: Stage[] = [];
  await labels.run("a film", { onStage: (stage) => stages.push(stage) });
  assert.deepEqual(stages.map(({ stage }) => stage), ["tokenize", "run"]);
  await assert.rejects(labels.batch(["a"], { topK: 0 }), (error) => error instanceof InputError && /topK is 0/.test(error.message));
  const controller = new AbortController();
  const onStage = ({ stage }: Stage): void => {
    if (stage === "run") controller.abort(new Error("enough"));
  };
  const texts = Array<string>(2_000).fill("a long text ".repeat(20));
  runs = 0;
  await assert.rejects(labels.batch(texts, { signal: controller.signal, onStage, batchSize: 1 }), /enough/);
  assert.equal((await labels.batch(["a", "b"])).length, 2); // it works on
  assert.ok(runs < texts.length, `${runs} runs`);
});

async function listed<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of stream) found.push(one);
  return found;
}

test("tasks that take two values give there what they give here", async () => {
  const at = (name: string): URL => new URL(`${name}/`, TINY);
  const texts = ["a storm", "the river", "Ada"];
  const pairs = texts.map((text): [string, string] => ["who ?", text]);

  const ranker = await opened<Reranker>("ranking", ort, "reranking");
  const ours = await load<Reranker>(at("ranking"), { engine: ort, task: "reranking" });
  assert.deepEqual(await ranker.run("who ?", texts, { topK: 2 }), await ours.run("who ?", texts, { topK: 2 }));
  assert.deepEqual(await ranker.score(pairs), await ours.score(pairs));
  assert.deepEqual(await listed(ranker.stream(pairs)), [...(await ours.score(pairs))]);

  const labeller = await opened<ZeroShotClassification>("nli", ort, "zero-shot-classification");
  const own = await load<ZeroShotClassification>(at("nli"), { engine: ort, task: "zero-shot-classification" });
  const wanted = await own.batch(texts, "a film, the sea", { multiLabel: true });
  assert.deepEqual(await labeller.batch(texts, "a film, the sea", { multiLabel: true }), wanted);
  assert.deepEqual(await listed(labeller.stream(texts, ["a film", "the sea"], { multiLabel: true })), wanted);
  assert.deepEqual(await listed(own.stream(texts, ["a film", "the sea"], { multiLabel: true })), wanted);

  const chooser = await opened<MultipleChoice>("multiple_choice");
  const here = await load<MultipleChoice>(at("multiple_choice"), { engine: ort });
  assert.deepEqual(await chooser.run("who ?", texts), await here.run("who ?", texts));
  const questions = texts.map((text, i): [string, string[]] => [text, texts.slice(i)]);
  assert.deepEqual(await listed(chooser.stream(questions, { topK: 1 })), await here.batch(questions, { topK: 1 }));
});

test("a worker gives a vector a token, and compares them", async () => {
  const there = await opened<LateInteraction>("late_interaction");
  const here = await load<LateInteraction>(new URL("late_interaction/", TINY), { engine: ort });
  const [queries, documents] = [await there.encodeQuery(texts), await there.encodeDocument(texts)];
  assert.deepEqual(queries, await here.encodeQuery(texts));
  assert.deepEqual(documents, await here.encodeDocument(texts));
  assert.deepEqual(there.similarity(queries, documents), here.similarity(queries, documents));
  assert.deepEqual(await there.rank(texts[0]!, texts, { topK: 2 }), await here.rank(texts[0]!, texts, { topK: 2 }));
  for (const [index, text] of texts.entries()) assert.deepEqual(await here.encodeDocument(text), documents[index]);
  for (const options of [{}, { query: true }]) {
    const wanted = options.query ? queries : documents;
    for (const task of [there, here]) {
      const found = [];
      for await (const vectors of task.stream(texts, options)) found.push(vectors);
      assert.deepEqual(found, wanted);
    }
  }
  assert.throws(() => here.similarity(queries[0] as never, documents), InputTypeError);
  assert.throws(() => here.similarity([[new Float32Array(2)]], documents), InputError);
});

test("sparse embeddings are the same there, and compared by every function", async () => {
  const at = new URL("sparse_embedding/", TINY);
  const [there, here] = [await opened<SparseEmbedding>("sparse_embedding"), await load<SparseEmbedding>(at, { engine: ort })];
  const vectors = await there.encode(texts);
  assert.deepEqual(vectors, await here.encode(texts));
  assert.deepEqual(await there.encodeQuery("a ship", { maxActiveDims: 4 }), await here.encodeQuery("a ship", { maxActiveDims: 4 }));
  assert.deepEqual(await there.decode(vectors[0]!, { topK: 3 }), await here.decode(vectors[0]!, { topK: 3 }));
  assert.deepEqual(there.similarity(vectors, vectors), here.similarity(vectors, vectors));
  assert.equal(there.similarityFnName, "dot");
  assert.deepEqual((await listed(there.stream(texts, { window: 3 }))).map((block) => block.length), [3, 3, 2]);
  const width = 1 + Math.max(...vectors.flatMap(({ indices }) => [...indices]));
  const dense = vectors.map(({ indices, values }) => {
    const row = new Float32Array(width);
    indices.forEach((token, i) => (row[token] = values[i]!));
    return row;
  });
  for (const name of ["cosine", "dot", "euclidean", "manhattan"] as const) {
    const [found, wanted] = [sparsePairs(vectors, vectors, name), densePairs(dense, dense, name)];
    found.forEach((row, i) => row.forEach((number, j) => assert.ok(Math.abs(number - wanted[i]![j]!) < 1e-3, `${name} ${i} ${j}`)));
  }
  assert.throws(() => here.similarity([dense[0]] as never, vectors), /embedding 0 is .*expected what encode gives/);
  assert.throws(() => here.similarityPairwise(vectors, vectors.slice(1)), /got 8 and 7 embeddings/);
});

test.after(() => ports.forEach((port) => port.close()));
