import { breathe, throwIfAborted, type Cancellable } from "./abort.js";
import { buckets } from "./batching.js";
import type { Bundle, ReadOptions } from "./bundle/files.js";
import { BundleCorrupt, SessionError } from "./errors.js";
import { OutputCheck, type Floats } from "./outputs.js";
import { Session, type Batch, type Engine, type EngineOptions } from "./session.js";
import { Tokenizer, type Encoding } from "./tokenizer/index.js";
import { readSettings, type TokenizerSettings } from "./tokenizer/settings.js";

const LARGEST_TOKENIZER = 256 << 20; // bytes; the largest vocabularies, of 256,000 entries, take 40 MB

/** What part of a call took how long, and how many tokens the model read in it. */
export interface Stage {
  readonly stage: "tokenize" | "run";
  readonly milliseconds: number;
  /** Tokens without padding, special tokens included. */
  readonly tokens: number;
}

/** Options of calls that run batches. */
export interface RunOptions extends Cancellable {
  /** At most so many texts a batch; by default as many as are fast. */
  readonly batchSize?: number | undefined;
  /** Called as each part of the work is done. */
  readonly onStage?: ((stage: Stage) => void) | undefined;
}

/**
 * What a batch is made of. `mask` is there where the model is not to attend to every token once: of a bag of distinct
 * tokens how often each stands in the text, of a query that is filled up 0 for what fills it.
 */
export type Row = Pick<Encoding, "ids" | "typeIds"> & { readonly mask?: readonly number[] | undefined };

/**
 * Count the tokens of a text. Where a token's vector does not depend on the others, the mean over the
 * bag, its counts for the attention mask, is the mean over the text, and takes no memory with its length.
 */
export function bag({ ids }: Row): Row {
  const counts = new Map<number, number>();
  for (const id of [...ids].sort((a, b) => a - b)) counts.set(id, (counts.get(id) ?? 0) + 1);
  return { ids: [...counts.keys()], typeIds: Array.from(counts, () => 0), mask: [...counts.values()] };
}

/** Outputs of a batch, each with a row for each index. */
export interface Ran {
  readonly indices: readonly number[];
  readonly outputs: ReadonlyMap<string, Floats>;
}

/** A bundle's tokenizer and session, ready to run. */
export class Encoder {
  readonly check: OutputCheck;
  readonly #padId: number;

  private constructor(
    readonly bundle: Bundle,
    readonly variant: string,
    readonly tokenizer: Tokenizer,
    readonly settings: TokenizerSettings,
    readonly session: Session,
    /** The parsed `config.json`; undefined where the bundle has none. */
    readonly config: unknown,
  ) {
    this.check = new OutputCheck(bundle, variant);
    this.#padId = this.specialId("pad_token") ?? 0;
  }

  /** Read a bundle's tokenizer and a variant's model, and check both. */
  static async open(
    bundle: Bundle,
    engine: Engine,
    variant: string | undefined,
    options: ReadOptions & EngineOptions,
  ): Promise<Encoder> {
    if (options.verify) await bundle.verify(options);
    const files = {
      tokenizer: await tokenizerJson(bundle, options),
      config: await bundle.json("tokenizer_config.json", options),
      specialTokens: await bundle.json("special_tokens_map.json", options),
      model: await bundle.json("config.json", options),
    };
    const plain = new Tokenizer(files.tokenizer);
    const settings = readSettings(files, (token) => plain.tokenId(token) !== undefined);
    const tokenizer = settings.truncateLeft || settings.splitSpecial ? new Tokenizer(files.tokenizer, settings) : plain;
    checkGolden(bundle, tokenizer);
    const model = await bundle.model(variant, options);
    throwIfAborted(options.signal);
    const session = await Session.open(engine, model.file, `${bundle.name} ${model.name}`, options);
    return new Encoder(bundle, model.name, tokenizer, settings, session, files.model);
  }

  get maxLength(): number {
    return this.bundle.manifest.maxLength;
  }

  /** Return the id of the special token of a role, where there is one. */
  specialId(role: string): number | undefined {
    const token = this.settings.special.get(role);
    return token === undefined ? undefined : this.tokenizer.tokenId(token);
  }

  /** Tokenize a text or a pair, cut to the model's maximum; see `Tokenizer.encode` for `onlyFirst`. */
  encode(first: string, second?: string, onlyFirst = false): Encoding {
    return this.tokenizer.encode(this.#beginning(first), second && this.#beginning(second), this.maxLength, onlyFirst);
  }

  /** How many tokens of a text, or of a pair, the model reads beside the special ones. */
  room(pair: boolean): number {
    return this.tokenizer.room(pair, this.maxLength);
  }

  /** Return what is tokenized of a text at most, counted in code points. */
  #beginning(text: string): string {
    const most = this.settings.maxCharacters;
    return most === undefined || text.length <= most ? text : firstCharacters(text, most);
  }

  /** Run encodings batch by batch, longest first. */
  async *run(rows: readonly Row[], wanted: readonly string[], options: RunOptions, finite = true): AsyncGenerator<Ran> {
    for (const { width, indices } of buckets(rows.map((row) => row.ids.length), options.batchSize)) {
      const batch = this.batch(indices.map((index) => rows[index]!), width);
      const outputs = await this.outputs(batch, wanted, options);
      if (finite) for (const [name, floats] of outputs) this.check.finite(name, floats, batch.mask);
      yield { indices, outputs };
    }
  }

  /** Run one batch; names, types and shapes of what the model gives are checked. */
  async outputs(batch: Batch, wanted: readonly string[], options: RunOptions): Promise<Map<string, Floats>> {
    this.check.names(wanted, this.session.outputs);
    await breathe(options.signal);
    const started = performance.now();
    const found = await this.session.run(batch, wanted);
    const milliseconds = performance.now() - started;
    options.onStage?.({ stage: "run", milliseconds, tokens: batch.mask.reduce((sum, one) => sum + one, 0) });
    return new Map(wanted.map((name) => [name, this.check.floats(name, found.get(name), batch)]));
  }

  /**
   * Pad rows on the right to one batch, which is at least one token wide: engines differ about arrays
   * without numbers, so a text without tokens is a row of padding, for a table of static embeddings alone.
   */
  batch(rows: readonly Row[], widest: number): Batch {
    if (!this.bundle.manifest.static && rows.some((row) => row.ids.length === 0)) {
      throw new SessionError(
        `${this.bundle.name}: the tokenizer makes no tokens of a text, expected at least one for this model: give ` +
          "another text, or check tokenizer.json's post_processor",
      );
    }
    const width = Math.max(1, widest);
    const size = rows.length * width;
    const batch = {
      rows: rows.length,
      width,
      ids: new Int32Array(size).fill(this.#padId),
      mask: new Int32Array(size),
      typeIds: new Int32Array(size),
    };
    rows.forEach((row, i) => {
      batch.ids.set(row.ids, i * width);
      if (row.mask) batch.mask.set(row.mask, i * width);
      else batch.mask.fill(1, i * width, i * width + row.ids.length);
      if (this.settings.tokenTypes) batch.typeIds.set(row.typeIds, i * width);
    });
    return batch;
  }
}

function firstCharacters(text: string, most: number): string {
  let end = 0;
  for (let taken = 0; taken < most && end < text.length; taken++) end += text.codePointAt(end)! > 0xffff ? 2 : 1;
  return text.slice(0, end);
}

/** Tell how long tokenizing took. */
export function tokenized<T>(options: RunOptions, tokenize: () => T): T {
  const started = performance.now();
  const made = tokenize();
  options.onStage?.({ stage: "tokenize", milliseconds: performance.now() - started, tokens: 0 });
  return made;
}

async function tokenizerJson(bundle: Bundle, options: ReadOptions): Promise<unknown> {
  const found = await bundle.json("tokenizer.json", options, LARGEST_TOKENIZER);
  if (found === undefined) {
    throw new BundleCorrupt(`${bundle.name} has no tokenizer.json in its manifest: export the bundle again`);
  }
  return found;
}

function checkGolden(bundle: Bundle, tokenizer: Tokenizer): void {
  const wrong = bundle.manifest.golden.find(({ text, ids }) => {
    const found = tokenizer.encode(text).ids;
    return found.length !== ids.length || found.some((id, i) => id !== ids[i]);
  });
  if (!wrong) return;
  throw new BundleCorrupt(
    `${bundle.name} tokenizer.json gives other tokens than the checkpoint's for '${wrong.text}': it was edited, or is of ` +
      "a kind that this release reads differently; copy the bundle again, or npm install edge-distil@latest",
  );
}

