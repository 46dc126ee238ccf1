import { breathe } from "../abort.js";
import { buckets } from "../batching.js";
import type { Similarity } from "../bundle/manifest.js";
import * as calls from "../calls.js";
import { bag, tokenized, type Encoder, type Row, type RunOptions } from "../encoder.js";
import { TaskError } from "../errors.js";
import { normalize, pool } from "../pooling.js";
import { PRECISIONS, quantizeEmbeddings, type Precision, type VectorOf } from "../precision.js";
import { allPairs, pairwise, type Vector } from "../similarity.js";
import { findPrompt, named, type PromptOptions } from "./prompts.js";
import { inBlocks, Task } from "./task.js";

const POOLED = "sentence_embedding";
const HIDDEN = ["last_hidden_state", "token_embeddings"]; // ours and optimum's, sentence-transformers'
const WINDOW = 1024; // texts among which those of one length find each other
const SLICE = 32; // texts tokenized before the page has its turn
// Tokens from which a text of a static embedding is counted first: vectors of fewer take little.
const COUNTED = 2048;

/** Options of `Embedding.stream`, by sentence-transformers' names. */
export interface EmbedOptions extends RunOptions, PromptOptions {
  /** Scale vectors to length 1 (the bundle may do so already). */
  readonly normalizeEmbeddings?: boolean | undefined;
  /** Keep the first so many dimensions (Matryoshka models). */
  readonly truncateDim?: number | undefined;
  /** Texts a block; larger ones have fuller batches and take more memory. */
  readonly window?: number | undefined;
  /** Called with the number of texts done. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** Options of `Embedding.encode`. */
export interface EncodeOptions<P extends Precision = Precision> extends EmbedOptions {
  readonly precision?: P | undefined;
}

const OPTIONS = [
  "batchSize", "normalizeEmbeddings", "truncateDim", "promptName", "prompt", "window", "signal", "onStage", "onProgress",
];

/**
 * Embeds texts.
 *
 * A `sentence-similarity` bundle pools and normalises as its checkpoint says. A plain
 * `feature-extraction` bundle takes the mean over the tokens.
 */
export class Embedding extends Task {
  constructor(encoder: Encoder) {
    super(encoder, ["sentence-similarity", "feature-extraction"]);
  }

  /** Embed a text, or texts in order, each cut to the model's maximum length. */
  encode<P extends Precision = "float32">(text: string, options?: EncodeOptions<P>): Promise<VectorOf<P>>;
  encode<P extends Precision = "float32">(texts: Iterable<string>, options?: EncodeOptions<P>): Promise<VectorOf<P>[]>;
  encode<P extends Precision = "float32">(
    texts: string | Iterable<string>,
    options?: EncodeOptions<P>,
  ): Promise<VectorOf<P> | VectorOf<P>[]>;
  async encode(
    texts: string | Iterable<string>,
    options: EncodeOptions = {},
  ): Promise<VectorOf<Precision> | VectorOf<Precision>[]> {
    calls.known("encode", options, [...OPTIONS, "precision"]);
    const { precision = "float32", ...rest } = options;
    calls.choice("precision", precision, PRECISIONS);
    const single = typeof texts === "string";
    const vectors: Float32Array[] = [];
    for await (const block of this.stream(single ? [texts] : calls.many(texts, "texts"), rest)) vectors.push(...block);
    const made = quantizeEmbeddings(vectors, precision);
    return single ? made[0]! : made;
  }

  /** Embed queries: `encode` with the prompt named "query", unless one is given. */
  encodeQuery<P extends Precision = "float32">(text: string, options?: EncodeOptions<P>): Promise<VectorOf<P>>;
  encodeQuery<P extends Precision = "float32">(texts: Iterable<string>, options?: EncodeOptions<P>): Promise<VectorOf<P>[]>;
  async encodeQuery(texts: string | Iterable<string>, options: EncodeOptions = {}): Promise<unknown> {
    return this.encode(texts, named("query", options));
  }

  /** Embed what is searched: `encode` with the prompt named "document", unless one is given. */
  encodeDocument<P extends Precision = "float32">(text: string, options?: EncodeOptions<P>): Promise<VectorOf<P>>;
  encodeDocument<P extends Precision = "float32">(texts: Iterable<string>, options?: EncodeOptions<P>): Promise<VectorOf<P>[]>;
  async encodeDocument(texts: string | Iterable<string>, options: EncodeOptions = {}): Promise<unknown> {
    return this.encode(texts, named("document", options));
  }

  /**
   * Embed a stream of any length in little memory, block by block in order; texts are read ahead by
   * at most one block.
   */
  async *stream(texts: AsyncIterable<string> | Iterable<string>, options: EmbedOptions = {}): AsyncGenerator<Float32Array[]> {
    calls.known("stream", options, OPTIONS);
    const { window = WINDOW, batchSize, truncateDim, normalizeEmbeddings } = options;
    calls.whole(1, { window, batchSize, truncateDim });
    calls.flag({ normalizeEmbeddings });
    const prefix = findPrompt(this.bundle.manifest.pooling, options);
    const leftOut = this.#leftOut(prefix);
    let first = 0;
    for await (const block of inBlocks(texts, window)) {
      block.forEach((text, i) => calls.text(text, `text ${first + i}`));
      const vectors = await this.#block(block.map((text) => prefix + text), leftOut, options);
      vectors.forEach((vector, i) =>
        this.encoder.check.finite(`the vector of text ${first + i}`, { dims: [vector.length], data: vector }),
      );
      yield vectors.map((vector) => finished(vector, options));
      first += block.length;
    }
  }

  /** Return a text's token vectors, special tokens included. */
  async hiddenStates(text: string, options: RunOptions = {}): Promise<Float32Array[]> {
    const row = this.encoder.encode(calls.text(text, "text"));
    const name = this.#hiddenName();
    const batch = this.encoder.batch([row], row.ids.length);
    const { dims, data } = (await this.encoder.outputs(batch, [name], options)).get(name)!;
    const [, tokens = 0, hidden = 0] = dims;
    if (tokens < row.ids.length) {
      throw new TaskError(
        `${this.bundle.name} gives the first token's vector alone, which is all that its CLS pooling reads: export it ` +
          "with --no-slice for the vectors of all tokens",
      );
    }
    this.encoder.check.finite(name, { dims, data });
    return row.ids.map((_, i) => data.subarray(i * hidden, (i + 1) * hidden));
  }

  /** Compare each embedding with each, by the checkpoint's own function: a row for each of `first`. */
  similarity(first: Vector | readonly Vector[], second: Vector | readonly Vector[]): Float32Array[] {
    return allPairs(first, second, this.similarityFnName);
  }

  /** Compare the embeddings at the same places. */
  similarityPairwise(first: readonly Vector[], second: readonly Vector[]): Float32Array {
    return pairwise(first, second, this.similarityFnName);
  }

  /** The checkpoint's function: "cosine", "dot", "euclidean", "manhattan". */
  get similarityFnName(): Similarity {
    return this.bundle.manifest.pooling?.similarity ?? "cosine";
  }

  async #block(texts: readonly string[], leftOut: number, options: EmbedOptions): Promise<Float32Array[]> {
    const rows: Row[] = [];
    for (let start = 0; start < texts.length; start += SLICE) {
      const slice = texts.slice(start, start + SLICE);
      rows.push(...tokenized(options, () => slice.map((text) => this.#row(text))));
      await breathe(options.signal);
    }
    const vectors = new Array<Float32Array>(texts.length);
    const lengths = rows.map((row) => row.ids.length);
    for (const { width, indices } of buckets(lengths, options.batchSize)) {
      const taken = indices.map((index) => rows[index]!);
      const made = await this.#embed(taken, width, leftOut, options);
      indices.forEach((index, i) => (vectors[index] = made[i]!));
      options.onProgress?.(indices.length);
    }
    return vectors;
  }

  /** Tokenize a text; of many tokens whose order changes nothing, keep how many there are of each. */
  #row(text: string): Row {
    const row = this.encoder.encode(text);
    return this.bundle.manifest.static && row.ids.length > COUNTED ? bag(row) : row;
  }

  /** Run one batch; the first `leftOut` tokens are not pooled. */
  async #embed(rows: readonly Row[], widest: number, leftOut: number, options: RunOptions): Promise<Float32Array[]> {
    const { encoder } = this;
    const batch = encoder.batch(rows, widest);
    const pooled = encoder.session.outputs.includes(POOLED) && !leftOut;
    const name = pooled ? POOLED : this.#hiddenName();
    const floats = (await encoder.outputs(batch, [name], options)).get(name)!;
    if (pooled) return cutRows(floats.data, batch.rows);
    const mask = batch.mask.slice();
    for (let row = 0; row < batch.rows; row++) mask.fill(0, row * batch.width, row * batch.width + leftOut);
    const settings = this.bundle.manifest.pooling;
    const vectors = pool(floats, mask, settings?.modes ?? ["mean"]);
    return settings?.normalize ? vectors.map(normalize) : vectors;
  }

  /** Return how many tokens are the prompt's, where the pooling leaves them out. */
  #leftOut(prefix: string): number {
    const settings = this.bundle.manifest.pooling;
    if (!prefix || !settings || settings.includePrompt) return 0;
    // The prompt alone is counted, without the special token behind it, as sentence-transformers does.
    const { ids } = this.encoder.encode(prefix);
    const last = ids.at(-1);
    return ids.length - Number(last !== undefined && this.encoder.tokenizer.isSpecial(last));
  }

  /** Return the graph's output of token vectors, by name or else the first. */
  #hiddenName(): string {
    const { outputs } = this.encoder.session;
    return HIDDEN.find((name) => outputs.includes(name)) ?? outputs[0] ?? HIDDEN[0]!;
  }
}

function cutRows(data: Float32Array, rows: number): Float32Array[] {
  const dimension = data.length / rows;
  return Array.from({ length: rows }, (_, row) => data.slice(row * dimension, (row + 1) * dimension));
}

/** Cut and scale, in sentence-transformers' order. */
function finished(vector: Float32Array, { truncateDim, normalizeEmbeddings }: EmbedOptions): Float32Array {
  const kept = truncateDim === undefined ? vector : vector.slice(0, truncateDim);
  return normalizeEmbeddings ? normalize(kept) : kept;
}
