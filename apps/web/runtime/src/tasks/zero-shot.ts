import { Fields } from "../bundle/fields.js";
import * as calls from "../calls.js";
import type { Encoder, RunOptions } from "../encoder.js";
import { InputError, shortened, TaskError } from "../errors.js";
import { ranked, softmax } from "../numbers.js";
import { readLogits, type Row } from "./logits.js";
import { inBlocks, Task } from "./task.js";
import type { Label } from "./text-classification.js";

const TEMPLATE = "This example is {}."; // the pipeline's
const PLACE = "{}"; // of the label in a template
const ENTAILMENT = "entail"; // what its label begins with, in capitals or not
const OPTIONS = ["hypothesisTemplate", "multiLabel", "batchSize", "signal", "onStage"];
const PAIRS = 256; // of a text and a label that run before the next text is read

/** Options by the names of transformers' pipeline. */
export interface ZeroShotOptions extends RunOptions {
  /** What a label is put into, at `{}`; in the texts' language. */
  readonly hypothesisTemplate?: string | undefined;
  /** Each label is true or not by itself; else one of them is, and the scores of a text add up to 1. */
  readonly multiLabel?: boolean | undefined;
}

/** The labels to choose from: a list, or a text with commas between them. */
export type CandidateLabels = string | Iterable<string>;

/** Labels texts with labels of the caller's: a model of natural language inference. */
export class ZeroShotClassification extends Task {
  readonly #read: readonly [contradiction: number, entailment: number];

  constructor(encoder: Encoder) {
    super(encoder, ["text-classification"]);
    const entailment = findEntailment(encoder);
    const last = this.bundle.manifest.labels.length - 1;
    this.#read = [entailment === 0 ? last : 0, entailment];
  }

  /** Label one text: all labels, the most probable first. */
  async run(text: string, candidateLabels: CandidateLabels, options: ZeroShotOptions = {}): Promise<Label[]> {
    const asked = this.#asked("run", candidateLabels, options);
    return (await this.#label([some(text, "text")], asked))[0]!;
  }

  /** Label texts: for each all labels, the most probable first. A text takes as many runs as there are labels. */
  async batch(
    texts: Iterable<string>,
    candidateLabels: CandidateLabels,
    options: ZeroShotOptions = {},
  ): Promise<Label[][]> {
    const asked = this.#asked("batch", candidateLabels, options);
    return this.#label([...calls.many(texts, "texts")].map((text, i) => some(text, `text ${i}`)), asked);
  }

  /** Label a stream of texts, in order; they are read ahead by at most one block. */
  async *stream(
    texts: AsyncIterable<string> | Iterable<string>,
    candidateLabels: CandidateLabels,
    options: ZeroShotOptions = {},
  ): AsyncGenerator<Label[]> {
    const asked = this.#asked("stream", candidateLabels, options);
    let first = 0;
    for await (const block of inBlocks(texts, Math.ceil(PAIRS / asked.names.length))) {
      yield* await this.#label(block.map((text, i) => some(text, `text ${first + i}`)), asked);
      first += block.length;
    }
  }

  async #label(texts: readonly string[], { names, hypotheses, options }: Asked): Promise<Label[][]> {
    const rows = texts.flatMap((text) => hypotheses.map((hypothesis): Row => [text, hypothesis]));
    const found = await readLogits(this.encoder, rows, options, true);
    const alone = options.multiLabel === true || names.length === 1;
    return texts.map((_, i) => this.#ranked(names, found.slice(i * names.length, (i + 1) * names.length), alone));
  }

  /** Rank the labels of a text; alone, entailment stands against contradiction and not against that of others. */
  #ranked(names: readonly string[], logits: readonly Float32Array[], alone: boolean): Label[] {
    const [contradiction, entailment] = this.#read;
    const found = alone
      ? Float32Array.from(logits, (row) => softmax([row[contradiction]!, row[entailment]!])[1]!)
      : softmax(logits.map((row) => row[entailment]!));
    return ranked(found).map((i) => ({ label: names[i]!, score: found[i]! }));
  }

  #asked(call: string, candidateLabels: CandidateLabels, options: ZeroShotOptions): Asked {
    calls.known(call, options, OPTIONS);
    const { hypothesisTemplate = TEMPLATE, multiLabel, batchSize } = options;
    calls.flag({ multiLabel });
    calls.whole(1, { batchSize });
    const names = labels(candidateLabels);
    return { names, hypotheses: names.map((name, i) => this.#hypothesis(name, i, hypothesisTemplate)), options };
  }

  /** Put a label into the template, and see that it leaves room for a text. */
  #hypothesis(name: string, number: number, template: string): string {
    const parts = calls.text(template, "hypothesisTemplate").split(PLACE);
    if (parts.length !== 2 || /[{}]/.test(parts.join(""))) {
      throw new InputError(
        `hypothesisTemplate is '${shortened(template)}', expected {} once, where the label goes: for example '${TEMPLATE}'`,
      );
    }
    const hypothesis = parts.join(name);
    const [tokens, room] = [this.encoder.tokenizer.pieces(hypothesis).ids.length, this.encoder.room(true)];
    if (tokens < room) return hypothesis;
    throw new InputError(
      `candidate label ${number} makes a hypothesis of ${tokens} tokens, expected less than the model's ${room}: ` +
        "shorten it, or hypothesisTemplate",
    );
  }
}

interface Asked {
  readonly names: readonly string[];
  readonly hypotheses: readonly string[];
  readonly options: ZeroShotOptions;
}

/** Return the place of entailment among the logits, as the pipeline finds it. */
function findEntailment({ bundle, config }: Encoder): number {
  const names = bundle.manifest.labels;
  const entails = (name: string): boolean => name.toLowerCase().startsWith(ENTAILMENT);
  const file = Fields.of(config ?? {}, `${bundle.name} config.json`);
  const places = file.has("label2id") ? file.object("label2id") : undefined;
  const named = places?.names.find(entails);
  if (named !== undefined) return places!.whole(named, 0, Math.max(names.length - 1, 0));
  const place = names.findIndex(entails);
  if (place >= 0) return place;
  throw new TaskError(
    `${bundle.name} has the labels ${shortened(names.join(", ") || "none", 100)}, expected one that begins with ` +
      `'${ENTAILMENT}': choose a model of natural language inference, or name it so in the checkpoint's config.json ` +
      "(id2label and label2id) and export it again",
  );
}

function labels(given: CandidateLabels): string[] {
  const names =
    typeof given === "string"
      ? given.split(",").map((name) => name.trim()).filter(Boolean)
      : [...calls.many(given, "candidateLabels")];
  names.forEach((name, i) => calls.text(name, `candidate label ${i}`));
  if (!names.length) throw new InputError("candidateLabels holds no label, expected at least one: give it");
  return names;
}

function some(text: string, name: string): string {
  if (calls.text(text, name)) return text;
  throw new InputError(`${name} is '', expected some text: leave it out`);
}
