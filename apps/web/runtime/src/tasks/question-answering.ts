import * as calls from "../calls.js";
import { tokenized, type Encoder, type RunOptions } from "../encoder.js";
import { InputError, shortened } from "../errors.js";
import { softmax } from "../numbers.js";
import { isBlank } from "../spaces.js";
import { Cutter, topSpans, type Place } from "../spans.js";
import type { Encoding } from "../tokenizer/index.js";
import { Task } from "./task.js";

const NAMES = ["question", "context"] as const;
const CONTEXT = 1; // the context is the second sequence of a window
const MASKED = -10000; // the pipeline's logit for tokens that cannot be in an answer
const WINDOWS_AT_ONCE = 32; // whose logits are held before they are decoded
const ANSWERS_KEPT = 100; // beside the best
const USUAL_WINDOW = 384; // tokens, the pipeline's default
const USUAL_STRIDE = 128;

/** A question and the text that holds its answer. */
export type Pair = readonly [question: string, context: string] | { readonly question: string; readonly context: string };

/** An answer and where it stands: `context.slice(start, end) === text`. */
export interface Answer extends Place {
  readonly text: string;
  /** Probability that the text, in any case, is the answer, by the window that is surest of it. */
  readonly score: number;
}

/** The names, meanings and defaults are the dropped pipeline's of transformers. */
export interface AnswerOptions extends Omit<RunOptions, "batchSize"> {
  /** Tokens by which neighbouring windows overlap; by default 128 or, for short windows, half of them. */
  readonly docStride?: number | undefined;
  /** Longest answer in tokens. */
  readonly maxAnswerLen?: number | undefined;
  /** Window length in tokens; by default 384 or the model's maximum. */
  readonly maxSeqLen?: number | undefined;
  /** The question is cut to so many tokens. */
  readonly maxQuestionLen?: number | undefined;
  /** Let "no answer" (an empty text) compete. */
  readonly handleImpossibleAnswer?: boolean | undefined;
  /** Widen answers to whole words. Turn it off for scripts without spaces. */
  readonly alignToWords?: boolean | undefined;
}

export interface AnswersOptions extends AnswerOptions {
  /** Return at most so many answers to each question, the best first. */
  readonly topK?: number | undefined;
}

const OPTIONS = [
  "docStride", "maxAnswerLen", "maxSeqLen", "maxQuestionLen", "handleImpossibleAnswer", "alignToWords", "signal", "onStage",
];

/** Answers questions with a span of a given context. */
export class QuestionAnswering extends Task {
  constructor(encoder: Encoder) {
    super(encoder, ["question-answering"]);
  }

  /** Return the best answer to one question. */
  async run(question: string, context: string, options: AnswerOptions = {}): Promise<Answer> {
    calls.known("run", options, OPTIONS);
    const [answers] = await this.batch([calls.pair([question, context], NAMES)], options);
    return answers![0]!;
  }

  /** Answer questions: at least one answer for each pair. */
  async batch(pairs: Iterable<Pair>, options: AnswersOptions = {}): Promise<Answer[][]> {
    const settings = this.#settings(options);
    const checked = [...calls.many(pairs, "pairs")].map((pair, i) => calls.pair(pair, NAMES, `pair ${i}: `));
    const answers: Answer[][] = [];
    for (const [question, context] of checked) answers.push(await this.#answer(question, context, settings));
    return answers;
  }

  /** Answer a stream of questions, in order; one pair at a time is read. */
  async *stream(pairs: AsyncIterable<Pair> | Iterable<Pair>, options: AnswersOptions = {}): AsyncGenerator<Answer[]> {
    const settings = this.#settings(options);
    let index = 0;
    for await (const pair of pairs) yield this.#answer(...calls.pair(pair, NAMES, `pair ${index++}: `), settings);
  }

  #settings(options: AnswersOptions): Settings {
    calls.known("batch", options, [...OPTIONS, "topK"]);
    const { topK, maxAnswerLen, maxSeqLen, maxQuestionLen, docStride, handleImpossibleAnswer, alignToWords } = options;
    calls.whole(1, { topK, maxAnswerLen, maxSeqLen, maxQuestionLen });
    calls.whole(0, { docStride });
    calls.flag({ handleImpossibleAnswer, alignToWords });
    const length = maxSeqLen ?? Math.min(this.encoder.maxLength, USUAL_WINDOW);
    const stride = docStride ?? Math.min(Math.floor(length / 2), USUAL_STRIDE);
    if (stride > length) throw new InputError(`docStride is ${stride}, expected 0 to maxSeqLen (${length})`);
    return {
      topK: topK ?? 1,
      docStride: stride,
      maxAnswerLen: maxAnswerLen ?? 15,
      maxSeqLen: Math.min(length, this.encoder.maxLength),
      maxQuestionLen: maxQuestionLen ?? 64,
      noAnswer: handleImpossibleAnswer ?? false,
      alignToWords: alignToWords ?? true,
      run: options,
    };
  }

  async #answer(question: string, context: string, settings: Settings): Promise<Answer[]> {
    for (const [name, text] of [["question", question], ["context", context]] as const) {
      if (isBlank(text)) throw new InputError(`the ${name} is '${shortened(text)}', expected some text`);
    }
    const { maxSeqLen, docStride, maxQuestionLen } = settings;
    const windows = tokenized(settings.run, () =>
      this.encoder.tokenizer.pairWindows(question, context, maxSeqLen, docStride, maxQuestionLen),
    );
    const cutter = new Cutter(context);
    const answers = new Map<string, Answer>();
    let noAnswer = 1;
    for (let first = 0; first < windows.length; first += WINDOWS_AT_ONCE) {
      const chunk = windows.slice(first, first + WINDOWS_AT_ONCE);
      for (const [i, [start, end]] of (await this.#probabilities(chunk, settings.run)).entries()) {
        noAnswer = Math.min(noAnswer, Math.fround(start[0]! * end[0]!));
        merge(answers, windowAnswers(chunk[i]!, start, end, cutter, settings), settings.topK);
      }
    }
    const found = [...answers.values()];
    if (settings.noAnswer || !found.length) found.push({ text: "", score: noAnswer, start: 0, end: 0, codePoints: [0, 0] });
    return best(found, settings.topK);
  }

  /** Return each window's start and end probabilities, a number for each token. */
  async #probabilities(windows: readonly Encoding[], options: RunOptions): Promise<[Float32Array, Float32Array][]> {
    const rows = new Array<[Float32Array, Float32Array]>(windows.length);
    const clsId = this.encoder.specialId("cls_token");
    for await (const { indices, outputs } of this.encoder.run(windows, ["start_logits", "end_logits"], options)) {
      indices.forEach((index, row) => {
        const window = windows[index]!;
        // The context's tokens and the "no answer" token share in the softmax.
        const allowed = window.ids.map((id, i) => window.sequences[i] === CONTEXT || id === clsId);
        const [start, end] = ["start_logits", "end_logits"].map((name) => {
          const { data, dims } = outputs.get(name)!;
          const logits = data.subarray(row * dims[1]!, row * dims[1]! + allowed.length);
          return softmax(logits.map((logit, i) => (allowed[i] ? logit : MASKED)));
        });
        rows[index] = [start!, end!];
      });
    }
    return rows;
  }
}

interface Settings {
  readonly topK: number;
  readonly docStride: number;
  readonly maxAnswerLen: number;
  readonly maxSeqLen: number;
  readonly maxQuestionLen: number;
  readonly noAnswer: boolean;
  readonly alignToWords: boolean;
  readonly run: RunOptions;
}

/**
 * Return a window's best answers by their text in lower case.
 *
 * Spans of one text are different events of one distribution: their probabilities add up. The
 * first is the most probable, so its place is given.
 */
function windowAnswers(
  window: Encoding,
  start: Float32Array,
  end: Float32Array,
  cutter: Cutter,
  { topK, maxAnswerLen, alignToWords }: Settings,
): Map<string, Answer> {
  const inside = (values: Float32Array): Float32Array => values.map((p, i) => (window.sequences[i] === CONTEXT ? p : -1));
  const count = alignToWords ? topK * 2 + 10 : topK; // aligning to words makes some of them equal
  const answers = new Map<string, Answer>();
  for (const { first, last, score } of topSpans(inside(start), inside(end), maxAnswerLen, count)) {
    const place = cutter.cut(...characters(window, first, last, alignToWords));
    if (!place.text) continue;
    const key = place.text.toLowerCase();
    const known = answers.get(key) ?? { ...place, score: 0 };
    answers.set(key, { ...known, score: Math.min(known.score + score, 1) });
  }
  return answers;
}

/** Put a window's answers to those of the windows before it: of equal texts the surer one. */
function merge(answers: Map<string, Answer>, found: ReadonlyMap<string, Answer>, topK: number): void {
  for (const [key, answer] of found) {
    if (answer.score > (answers.get(key)?.score ?? -1)) answers.set(key, answer);
  }
  // Of what cannot be among the best any more only a few are kept: flat memory for any context.
  if (answers.size <= 2 * topK + ANSWERS_KEPT) return;
  const kept = new Set(best([...answers.values()], topK));
  for (const [key, answer] of answers) if (!kept.has(answer)) answers.delete(key);
}

function best(answers: readonly Answer[], topK: number): Answer[] {
  return [...answers].sort((a, b) => b.score - a.score).slice(0, topK);
}

/** Return where the tokens `first` to `last` stand in the context, in code points. */
function characters(window: Encoding, first: number, last: number, alignToWords: boolean): [number, number] {
  let [from, to] = [first, last];
  const inWord = (i: number, word: number | null): boolean => window.sequences[i] === CONTEXT && window.words[i] === word;
  const words = [window.words[first] ?? null, window.words[last] ?? null] as const;
  if (alignToWords && words[0] !== null && words[1] !== null) {
    while (inWord(from - 1, words[0])) from--;
    while (inWord(to + 1, words[1])) to++;
  }
  return [window.offsets[from]![0], window.offsets[to]![1]];
}
