import * as calls from "../calls.js";
import type { Encoder, RunOptions } from "../encoder.js";
import { InputError } from "../errors.js";
import { ranked, softmax } from "../numbers.js";
import { readLogits, type Row } from "./logits.js";
import { inBlocks, Task } from "./task.js";

const NAMES = ["prompt", "choices"] as const;
const OPTIONS = ["topK", "batchSize", "signal", "onStage"];

/** A prompt with its choices. */
export type Question =
  | readonly [prompt: string, choices: Iterable<string>]
  | { readonly prompt: string; readonly choices: Iterable<string> };

/** A choice: its place among those given, its probability, and its text. */
export interface Choice {
  readonly index: number;
  readonly score: number;
  readonly text: string;
}

export interface ChooseOptions extends RunOptions {
  /** Return the best so many choices of each prompt, by default all. */
  readonly topK?: number | null | undefined;
}

/** Says which of some texts goes best with a prompt. */
export class MultipleChoice extends Task {
  constructor(encoder: Encoder) {
    super(encoder, ["multiple-choice"]);
  }

  /** Choose for one prompt: its choices, the most probable first, of equal ones the earlier. */
  async run(prompt: string, choices: Iterable<string>, options: ChooseOptions = {}): Promise<Choice[]> {
    checked("run", options);
    return (await this.#choose([question([prompt, choices], "")], options))[0]!;
  }

  /** Choose for many prompts, each with as many choices as it has. */
  async batch(questions: Iterable<Question>, options: ChooseOptions = {}): Promise<Choice[][]> {
    checked("batch", options);
    return this.#choose([...calls.many(questions, "questions")].map((one, i) => question(one, `prompt ${i}`)), options);
  }

  /** Choose for a stream of prompts, in order; they are read ahead by at most one block. */
  async *stream(
    questions: AsyncIterable<Question> | Iterable<Question>,
    options: ChooseOptions = {},
  ): AsyncGenerator<Choice[]> {
    checked("stream", options);
    let first = 0;
    for await (const block of inBlocks(questions)) {
      yield* await this.#choose(block.map((one, i) => question(one, `prompt ${first + i}`)), options);
      first += block.length;
    }
  }

  async #choose(questions: readonly Checked[], options: ChooseOptions): Promise<Choice[][]> {
    const rows = questions.flatMap(([prompt, choices]) => choices.map((choice): Row => [prompt, choice]));
    const logits = (await readLogits(this.encoder, rows, options)).map((row) => row[0]!);
    let next = 0;
    return questions.map(([, choices]) => {
      const scores = softmax(logits.slice(next, (next += choices.length)));
      const best = ranked(scores, options.topK ?? Infinity);
      return best.map((index) => ({ index, score: scores[index]!, text: choices[index]! }));
    });
  }
}

type Checked = readonly [prompt: string, choices: readonly string[]];

function checked(call: string, options: ChooseOptions): void {
  calls.known(call, options, OPTIONS);
  calls.whole(1, { topK: options.topK, batchSize: options.batchSize });
}

/** Check a prompt and its choices; `where` is what it is called, nothing where it is alone. */
function question(value: unknown, where: string): Checked {
  const [prompt, given] = calls.two(value, NAMES, `${where} `);
  const each = where && `${where}: `;
  calls.text(prompt, where || "prompt");
  const choices = [...calls.many(given as Iterable<string>, `${each}choices`)];
  choices.forEach((choice, i) => calls.text(choice, `${each}choice ${i}`));
  if (!choices.length) throw new InputError(`${each}choices holds no text, expected at least one: give it`);
  return [prompt as string, choices];
}
