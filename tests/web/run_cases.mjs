// Makes the calls of golden cases with the JavaScript runtime; used by Node (node_cases.mjs) and by a
// page. What is expected is compared in Python.

const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());

// Offsets count code points, as Python's do; that the UTF-16 ones cut the same text is checked here.
const placed = (source) => (found) => {
  if (found.text && source.slice(found.start, found.end) !== found.text) throw new Error(`"${found.text}" does not stand there`);
  const { codePoints, ...rest } = found;
  return codePoints ? { ...rest, start: codePoints[0], end: codePoints[1] } : rest;
};
const rows = (vectors) => vectors.map((vector) => [...vector]);

const CALLS = {
  answers: async (ed, task, pairs, options) =>
    (await task.batch(pairs, options)).map((answers, i) => answers.map(placed(pairs[i][1]))),
  labels: (ed, task, texts, options) => task.batch(texts, options),
  ranked: (ed, task, [query, passages], options) => task.run(query, passages, options),
  scores: async (ed, task, pairs, options) => Array.from(await task.score(pairs, options), (score) => ({ score })),
  chosen_labels: (ed, task, [texts, labels], options) => task.batch(texts, labels, options),
  choices: (ed, task, questions, options) => task.batch(questions, options),
  entities: async (ed, task, texts, options) =>
    (await task.batch(texts, options)).map((found, i) => found.map(placed(texts[i]))),
  candidates: async (ed, task, texts, options) => {
    const found = [];
    for (const text of texts) found.push(await task.eachMask(text, options));
    return found;
  },
  vectors: async (ed, task, texts, options) => rows(await task.encode(texts, options)),
  query_vectors: async (ed, task, texts, options) => rows(await task.encodeQuery(texts, options)),
  document_vectors: async (ed, task, texts, options) => rows(await task.encodeDocument(texts, options)),
  query_tokens: async (ed, task, texts, options) => (await task.encodeQuery(texts, options)).map(rows),
  document_tokens: async (ed, task, texts, options) => (await task.encodeDocument(texts, options)).map(rows),
  matched: (ed, task, [query, documents], options) => task.rank(query, documents, options),
  similarity: async (ed, task, texts) => rows(task.similarity(await task.encode(texts), await task.encode(texts.slice(0, 2)))),
  sparse: async (ed, task, texts, { side = "", ...options }) => {
    const encode = `encode${side && side[0].toUpperCase() + side.slice(1)}`;
    return (await task[encode](texts, options)).map(({ indices, values }) =>
      Object.fromEntries([...indices].map((token, i) => [token, values[i]])),
    );
  },
  tokens: async (ed, task, texts, options) =>
    Promise.all((await task.encode(texts)).map((vector) => task.decode(vector, options))),
  quantized: async (ed, task, texts, { precision, ranges }) =>
    rows(ed.quantizeEmbeddings(await task.encode(texts), precision, ranges)),
};

/** Make all calls of a file; `bundle` is where its bundle lies, `use` what it is opened for. */
export async function runFile(ed, engine, { bundle, variant, use, cases }) {
  const task = await ed.load(bundle, { engine, variant, threads: 1, ...(use && { task: use }) });
  const found = [];
  for (const { call, inputs, options } of cases) {
    const named = Object.fromEntries(Object.entries(options).map(([name, value]) => [camel(name), value]));
    try {
      found.push(await CALLS[call](ed, task, inputs, named));
    } catch (error) {
      if (!(error instanceof ed.EdgeDistilError)) throw error;
      found.push({ error: error.name });
    }
  }
  await task.close();
  return found;
}
