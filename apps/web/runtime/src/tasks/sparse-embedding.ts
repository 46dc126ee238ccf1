import { breathe, throwIfAborted, type Cancellable } from "../abort.js";
import type { Pooling, Similarity } from "../bundle/manifest.js";
import * as calls from "../calls.js";
import { tokenized, type Encoder, type RunOptions } from "../encoder.js";
import { InputError, OutputError } from "../errors.js";
import { allPairs, checked, pairwise, sparse, type SparseVector } from "../sparse.js";
import { findPrompt, named, type PromptOptions } from "./prompts.js";
import { inBlocks, Task } from "./task.js";

const OUTPUT = "sparse_embedding";
const WINDOW = 1024; // texts among which those of one length find each other
const SLICE = 32; // texts tokenized before the page has its turn
const OPTIONS = ["batchSize", "maxActiveDims", "promptName", "prompt", "window", "signal", "onStage", "onProgress"];

/** A token of the vocabulary, as it stands there, and its weight in an embedding. */
export interface WeightedToken {
  readonly token: string;
  readonly weight: number;
}

/** Options of `SparseEmbedding.encode`, by sentence-transformers' names. */
export interface SparseOptions extends RunOptions, PromptOptions {
  /** Keep so many numbers of a vector, the greatest; by default as many as the checkpoint says, or all. */
  readonly maxActiveDims?: number | undefined;
  /** Texts a block; larger ones have fuller batches and take more memory. */
  readonly window?: number | undefined;
  /** Called with the number of texts done. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

export interface DecodeOptions extends Cancellable {
  /** Return at most so many, by default all. */
  readonly topK?: number | null | undefined;
}

/** Embeds texts as weights of tokens, most of which are 0 (SPLADE). */
export class SparseEmbedding extends Task {
  constructor(encoder: Encoder) {
    super(encoder, ["sparse-embedding"]);
  }

  /** Embed a text, or texts in order, each cut to the model's maximum length. */
  encode(text: string, options?: SparseOptions): Promise<SparseVector>;
  encode(texts: Iterable<string>, options?: SparseOptions): Promise<SparseVector[]>;
  encode(texts: string | Iterable<string>, options?: SparseOptions): Promise<SparseVector | SparseVector[]>;
  async encode(texts: string | Iterable<string>, options: SparseOptions = {}): Promise<SparseVector | SparseVector[]> {
    const single = typeof texts === "string";
    const vectors: SparseVector[] = [];
    for await (const block of this.stream(single ? [texts] : calls.many(texts, "texts"), options)) vectors.push(...block);
    return single ? vectors[0]! : vectors;
  }

  /** Embed queries: `encode` with the prompt named "query", unless one is given. */
  encodeQuery(text: string, options?: SparseOptions): Promise<SparseVector>;
  encodeQuery(texts: Iterable<string>, options?: SparseOptions): Promise<SparseVector[]>;
  async encodeQuery(texts: string | Iterable<string>, options: SparseOptions = {}): Promise<SparseVector | SparseVector[]> {
    return this.encode(texts, named("query", options));
  }

  /** Embed what is searched: `encode` with the prompt named "document", unless one is given. */
  encodeDocument(text: string, options?: SparseOptions): Promise<SparseVector>;
  encodeDocument(texts: Iterable<string>, options?: SparseOptions): Promise<SparseVector[]>;
  async encodeDocument(texts: string | Iterable<string>, options: SparseOptions = {}): Promise<SparseVector | SparseVector[]> {
    return this.encode(texts, named("document", options));
  }

  /** Embed a stream of any length, block by block in order; texts are read ahead by at most one block. */
  async *stream(texts: AsyncIterable<string> | Iterable<string>, options: SparseOptions = {}): AsyncGenerator<SparseVector[]> {
    calls.known("encode", options, OPTIONS);
    const { window = WINDOW, batchSize, maxActiveDims } = options;
    calls.whole(1, { window, batchSize, maxActiveDims });
    const prefix = findPrompt(this.#settings, options);
    let first = 0;
    for await (const block of inBlocks(texts, window)) {
      block.forEach((text, i) => calls.text(text, `text ${first + i}`));
      yield await this.#block(block.map((text) => prefix + text), options, first);
      first += block.length;
    }
  }

  /** Return the tokens of an embedding, those of the greatest weight first. */
  async decode(vector: SparseVector, options: DecodeOptions = {}): Promise<WeightedToken[]> {
    calls.known("decode", options, ["topK", "signal"]);
    calls.whole(1, { topK: options.topK });
    throwIfAborted(options.signal);
    const { indices, values } = checked(vector)[0]!;
    const order = Array.from(values.keys()).sort((a, b) => values[b]! - values[a]! || a - b);
    return order.slice(0, options.topK ?? Infinity).map((i) => {
      if (indices[i]! >= this.#settings.dimension) {
        throw new InputError(
          `the embedding has the token ${indices[i]}, expected one of ${this.#settings.dimension}: give one of this model`,
        );
      }
      return { token: this.encoder.tokenizer.token(indices[i]!), weight: values[i]! };
    });
  }

  /** Compare each embedding with each, by the checkpoint's own function: a row for each of `first`. */
  similarity(first: SparseVector | readonly SparseVector[], second: SparseVector | readonly SparseVector[]): Float32Array[] {
    return allPairs(first, second, this.similarityFnName);
  }

  /** Compare the embeddings at the same places. */
  similarityPairwise(first: readonly SparseVector[], second: readonly SparseVector[]): Float32Array {
    return pairwise(first, second, this.similarityFnName);
  }

  /** The checkpoint's function: "dot", "cosine", "euclidean", "manhattan". */
  get similarityFnName(): Similarity {
    return this.#settings.similarity;
  }

  get #settings(): Pooling {
    return this.bundle.manifest.pooling!; // the manifest's reader saw to it
  }

  async #block(texts: readonly string[], options: SparseOptions, first: number): Promise<SparseVector[]> {
    const rows = [];
    for (let start = 0; start < texts.length; start += SLICE) {
      const slice = texts.slice(start, start + SLICE);
      rows.push(...tokenized(options, () => slice.map((text) => this.encoder.encode(text))));
      await breathe(options.signal);
    }
    const most = options.maxActiveDims ?? this.#settings.maxActiveDims;
    const vectors = new Array<SparseVector>(texts.length);
    for await (const { indices, outputs } of this.encoder.run(rows, [OUTPUT], options, false)) {
      const { data, dims } = outputs.get(OUTPUT)!;
      const width = dims[1]!;
      indices.forEach((index, row) => {
        const weights = data.subarray(row * width, (row + 1) * width);
        this.#check(weights, first + index);
        vectors[index] = sparse(weights, most);
      });
      options.onProgress?.(indices.length);
    }
    return vectors;
  }

  /** See that weights are finite and none is negative: pooling ends in a logarithm of at least 1. */
  #check(weights: Float32Array, text: number): void {
    this.encoder.check.finite(`${OUTPUT} of text ${text}`, { dims: [weights.length], data: weights });
    const below = weights.reduce((count, weight) => count + Number(weight < 0), 0);
    if (!below) return;
    throw new OutputError(
      `${this.encoder.check} gives ${OUTPUT} with ${below} of ${weights.length} weights below 0 for text ${text}, ` +
        "expected none: the model is damaged or another task's; export the checkpoint again, or use another variant",
    );
  }
}
