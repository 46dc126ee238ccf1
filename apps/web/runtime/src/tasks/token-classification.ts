import * as calls from "../calls.js";
import { tokenized, type Encoder, type RunOptions } from "../encoder.js";
import { greatest, softmax } from "../numbers.js";
import { Cutter, type Place } from "../spans.js";
import type { Encoding } from "../tokenizer/index.js";
import { continues, readScheme, type Tag } from "./schemes.js";
import { Task } from "./task.js";

const STRATEGIES = ["none", "simple", "first", "average", "max"] as const;
const OPTIONS = ["aggregationStrategy", "ignoreLabels", "signal", "onStage"];
const WINDOWS_AT_ONCE = 32; // whose probabilities are held
const OVERLAP = 0.25; // share of a window that its neighbour repeats: context at the seams

/**
 * `none`: one entity a token. `simple`: neighbours of one label are joined, as the labels' scheme
 * says: BIO, BIOES, BILOU or BMES. `first`, `average`, `max`: the same, after each word took the
 * label of its first token, of the mean of its tokens, or of its surest token.
 */
export type Aggregation = (typeof STRATEGIES)[number];

/** A labelled span: `source.slice(start, end) === text`. */
export interface Entity extends Place {
  readonly label: string;
  readonly score: number;
  readonly text: string;
}

export interface EntityOptions extends Omit<RunOptions, "batchSize"> {
  readonly aggregationStrategy?: Aggregation | undefined;
  /** Labels to leave out, by default `["O"]`. */
  readonly ignoreLabels?: readonly string[] | undefined;
}

/** A token, or a word: its label probabilities, its place in code points and its word. */
interface Piece {
  readonly scores: Float32Array;
  readonly start: number;
  readonly end: number;
  readonly word: number | null;
}

/** Pieces of one entity: its label, the sum of their scores, how many, and their place. */
interface Run {
  readonly label: string;
  readonly total: number;
  readonly pieces: number;
  readonly start: number;
  readonly end: number;
}

/** Labels the tokens of texts of any length and joins them to entities. */
export class TokenClassification extends Task {
  readonly #scheme: ReadonlyMap<string, Tag>;

  constructor(encoder: Encoder) {
    super(encoder, ["token-classification"]);
    this.#scheme = readScheme(this.bundle.manifest.labels);
  }

  /** Find the entities of one text, in order. */
  run(text: string, options: EntityOptions = {}): Promise<Entity[]> {
    check("run", options);
    return this.#entities(calls.text(text, "text"), options);
  }

  /** Find the entities of texts. */
  async batch(texts: Iterable<string>, options: EntityOptions = {}): Promise<Entity[][]> {
    check("batch", options);
    const found: Entity[][] = [];
    for (const text of calls.texts(texts)) found.push(await this.#entities(text, options));
    return found;
  }

  /** Find the entities of a stream of texts, in order; one text at a time is read. */
  async *stream(texts: AsyncIterable<string> | Iterable<string>, options: EntityOptions = {}): AsyncGenerator<Entity[]> {
    check("stream", options);
    let index = 0;
    for await (const text of texts) yield this.#entities(calls.text(text, `text ${index++}`), options);
  }

  async #entities(text: string, options: EntityOptions): Promise<Entity[]> {
    const ignored = options.ignoreLabels ?? ["O"];
    const cutter = new Cutter(text);
    const found: Entity[] = [];
    for await (const { label, total, pieces, start, end } of this.#runs(text, options)) {
      const place = cutter.cut(start, end);
      // An empty one is a token of white space alone.
      if (!ignored.includes(label) && place.text) found.push({ label, score: total / pieces, ...place });
    }
    return found;
  }

  /** Join the text's tokens, or words, one after another. */
  async *#runs(text: string, options: EntityOptions): AsyncGenerator<Run> {
    const strategy = options.aggregationStrategy ?? "simple";
    let run: Run | undefined;
    let last: Tag | undefined;
    const tokens = this.#pieces(text, options);
    for await (const piece of strategy === "none" || strategy === "simple" ? tokens : words(tokens, strategy)) {
      const best = greatest(piece.scores);
      const name = this.bundle.manifest.labels[best] ?? `LABEL_${best}`;
      const tag: Tag = this.#scheme.get(name) ?? { role: "I", type: name };
      const score = piece.scores[best]!;
      if (strategy !== "none" && run && last && continues(last, tag)) {
        run = { ...run, total: run.total + score, pieces: run.pieces + 1, end: piece.end };
      } else {
        if (run) yield run;
        run = { label: strategy === "none" ? name : tag.type, total: score, pieces: 1, start: piece.start, end: piece.end };
      }
      last = tag;
    }
    if (run) yield run;
  }

  /** Yield the text's tokens, each from the window where it stands farther inside. */
  async *#pieces(text: string, options: RunOptions): AsyncGenerator<Piece> {
    const { tokenizer, maxLength } = this.encoder;
    const stride = Math.floor(tokenizer.room(false, maxLength) * OVERLAP);
    const half = Math.floor(stride / 2);
    const windows = tokenized(options, () => tokenizer.windows(text, maxLength, stride));
    for (let first = 0; first < windows.length; first += WINDOWS_AT_ONCE) {
      const chunk = windows.slice(first, first + WINDOWS_AT_ONCE);
      const scores = await this.#scores(chunk, options);
      for (const [i, window] of chunk.entries()) {
        const tokens = window.sequences.flatMap((sequence, token) => (sequence === null ? [] : [token]));
        const [isFirst, isLast] = [first + i === 0, first + i === windows.length - 1];
        for (const token of tokens.slice(isFirst ? 0 : half, isLast ? undefined : tokens.length - (stride - half))) {
          const [start, end] = window.offsets[token]!;
          yield { scores: scores[i]![token]!, start, end, word: window.words[token]! };
        }
      }
    }
  }

  /** Return label probabilities: of each window, of each token. */
  async #scores(windows: readonly Encoding[], options: RunOptions): Promise<Float32Array[][]> {
    const scores = new Array<Float32Array[]>(windows.length);
    for await (const { indices, outputs } of this.encoder.run(windows, ["logits"], options)) {
      const { data, dims } = outputs.get("logits")!;
      const [, width = 0, classes = 0] = dims;
      indices.forEach((index, row) => {
        scores[index] = windows[index]!.ids.map((_, token) => {
          const at = (row * width + token) * classes;
          return softmax(data.subarray(at, at + classes));
        });
      });
    }
    return scores;
  }
}

function check(call: string, options: EntityOptions): void {
  calls.known(call, options, OPTIONS);
  calls.choice("aggregationStrategy", options.aggregationStrategy, STRATEGIES);
  for (const label of calls.many(options.ignoreLabels ?? [], "ignoreLabels")) calls.text(label, "a label in ignoreLabels");
}

/** Make one piece of each word's tokens. */
async function* words(tokens: AsyncIterable<Piece>, strategy: "first" | "average" | "max"): AsyncGenerator<Piece> {
  let word: Piece[] = [];
  for await (const token of tokens) {
    if (word.length && word[0]!.word !== token.word) {
      yield asWord(word, strategy);
      word = [];
    }
    word.push(token);
  }
  if (word.length) yield asWord(word, strategy);
}

function asWord(tokens: readonly Piece[], strategy: "first" | "average" | "max"): Piece {
  const [first, last] = [tokens[0]!, tokens.at(-1)!];
  let { scores } = first;
  if (strategy === "max") scores = tokens[greatest(tokens.map((token) => Math.max(...token.scores)))]!.scores;
  if (strategy === "average") {
    scores = scores.map((_, label) => tokens.reduce((sum, token) => sum + token.scores[label]!, 0) / tokens.length);
  }
  return { scores, start: first.start, end: last.end, word: first.word };
}
