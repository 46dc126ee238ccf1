import { breathe } from "../abort.js";
import type { LateSettings, LateSimilarity } from "../bundle/manifest.js";
import * as calls from "../calls.js";
import { tokenized, type Encoder, type Row, type RunOptions } from "../encoder.js";
import { ranked } from "../numbers.js";
import { maxSims } from "../similarity.js";
import type { Ranked } from "./reranking.js";
import { inBlocks, Task } from "./task.js";

const TOKENS = "token_embeddings";
const SLICE = 32; // texts tokenized before the page has its turn
const OPTIONS = ["batchSize", "signal", "onStage"];

/** A text's vectors, one a token. */
export type TokenVectors = Float32Array[];

export interface LateStreamOptions extends RunOptions {
  /** The texts are queries; by default they are documents. */
  readonly query?: boolean | undefined;
}

export interface LateRankOptions extends RunOptions {
  /** Return the best so many, by default all. */
  readonly topK?: number | null | undefined;
}

/**
 * Embeds queries and documents, a vector a token, and compares them by MaxSim.
 *
 * Source: `MultiVectorEncoder` of sentence-transformers 6.2.
 */
export class LateInteraction extends Task {
  readonly #settings: LateSettings;

  constructor(encoder: Encoder) {
    super(encoder, ["late-interaction"]);
    this.#settings = this.bundle.manifest.lateInteraction!;
  }

  /** Embed a query, or queries in order: behind the checkpoint's prompt, filled up where it expands them. */
  encodeQuery(text: string, options?: RunOptions): Promise<TokenVectors>;
  encodeQuery(texts: Iterable<string>, options?: RunOptions): Promise<TokenVectors[]>;
  async encodeQuery(texts: string | Iterable<string>, options: RunOptions = {}): Promise<unknown> {
    return this.#encode(texts, true, options);
  }

  /** Embed what is searched, without the tokens that the checkpoint skips: of some texts there may be none. */
  encodeDocument(text: string, options?: RunOptions): Promise<TokenVectors>;
  encodeDocument(texts: Iterable<string>, options?: RunOptions): Promise<TokenVectors[]>;
  async encodeDocument(texts: string | Iterable<string>, options: RunOptions = {}): Promise<unknown> {
    return this.#encode(texts, false, options);
  }

  /** Embed a stream of documents, or of queries, in order; they are read ahead by at most one block. */
  async *stream(
    texts: AsyncIterable<string> | Iterable<string>,
    options: LateStreamOptions = {},
  ): AsyncGenerator<TokenVectors> {
    calls.known("stream", options, [...OPTIONS, "query"]);
    calls.flag({ query: options.query });
    let first = 0;
    for await (const block of inBlocks(texts)) {
      yield* await this.#read(block, options.query ?? false, options, "text", first);
      first += block.length;
    }
  }

  /** Order documents by how well they match a query: the best first, of equal ones the earlier. */
  async rank(query: string, documents: Iterable<string>, options: LateRankOptions = {}): Promise<Ranked[]> {
    calls.known("rank", options, [...OPTIONS, "topK"]);
    const { topK, ...rest } = options;
    calls.whole(1, { topK });
    const asked = await this.#read([calls.text(query, "query")], true, rest);
    const texts = [...calls.many(documents, "documents")];
    const [scores] = this.similarity(asked, await this.#read(texts, false, rest, "document"));
    return ranked(scores!, topK ?? Infinity).map((index) => ({ index, score: scores![index]!, text: texts[index]! }));
  }

  /** Compare each query with each document, by the checkpoint's own function: a row for each query. */
  similarity(queries: readonly TokenVectors[], documents: readonly TokenVectors[]): Float32Array[] {
    return maxSims(queries, documents, this.similarityFnName === "meanmaxsim");
  }

  /** The checkpoint's function: "maxsim" or "meanmaxsim". */
  get similarityFnName(): LateSimilarity {
    return this.#settings.similarity;
  }

  async #encode(texts: string | Iterable<string>, query: boolean, options: RunOptions): Promise<unknown> {
    calls.known(query ? "encodeQuery" : "encodeDocument", options, OPTIONS);
    if (typeof texts === "string") return (await this.#read([texts], query, options))[0];
    return this.#read([...calls.many(texts, "texts")], query, options);
  }

  async #read(
    texts: readonly string[],
    query: boolean,
    options: RunOptions,
    item = "text",
    first = 0,
  ): Promise<TokenVectors[]> {
    calls.whole(1, { batchSize: options.batchSize });
    const checked = texts.map((text, i) => calls.text(text, `${item} ${first + i}`));
    const rows: Row[] = [];
    for (let start = 0; start < checked.length; start += SLICE) {
      const slice = checked.slice(start, start + SLICE);
      rows.push(...tokenized(options, () => slice.map((text) => this.#row(text, query))));
      await breathe(options.signal);
    }
    const side = query ? this.#settings.query : this.#settings.document;
    const found = new Array<TokenVectors>(rows.length);
    for await (const { indices, outputs } of this.encoder.run(rows, [TOKENS], options, false)) {
      const { data, dims } = outputs.get(TOKENS)!;
      const [, width = 0, dimension = 0] = dims;
      indices.forEach((index, row) => {
        const kept = rows[index]!.ids.flatMap((id, token) => (side.skip.has(id) ? [] : [row * width + token]));
        found[index] = kept.map((place) => data.slice(place * dimension, (place + 1) * dimension));
        for (const vector of found[index]) {
          this.encoder.check.finite(`the vectors of ${item} ${first + index}`, { dims: [dimension], data: vector });
        }
      });
    }
    return found;
  }

  /** Tokenize a text behind its prompt; a query is filled up where the checkpoint says so. */
  #row(text: string, query: boolean): Row {
    const { expansion, ...sides } = this.#settings;
    const side = query ? sides.query : sides.document;
    const { ids, typeIds } = this.encoder.tokenizer.encode(side.prompt + text, undefined, side.maxLength);
    if (!query || !expansion) return { ids, typeIds };
    const missing = Math.max(0, expansion.length - ids.length);
    const filled = (value: number): number[] => new Array<number>(missing).fill(value);
    return {
      ids: [...ids, ...filled(expansion.token)],
      typeIds: [...typeIds, ...filled(0)],
      mask: [...ids.map(() => 1), ...filled(Number(expansion.attend))],
    };
  }
}
