import * as calls from "../calls.js";
import { tokenized, type Encoder, type RunOptions } from "../encoder.js";
import { InputError, OutputError, shortened } from "../errors.js";
import { ranked, softmax } from "../numbers.js";
import { trimEnd, trimStart } from "../spaces.js";
import { utf16Offsets, type Encoding } from "../tokenizer/index.js";
import { Task } from "./task.js";

const CONTINUES = "##"; // WordPiece's sign of a token that continues a word
const OPTIONS = ["topK", "targets", "signal", "onStage"];

/** A token for the mask, its probability, and the text with the mask replaced by it. */
export interface Candidate {
  readonly token: string;
  readonly score: number;
  readonly text: string;
}

export interface FillOptions extends Omit<RunOptions, "batchSize"> {
  /** Return at most so many candidates, by default 5. */
  readonly topK?: number | undefined;
  /**
   * Only these compete; their probabilities stay those among all tokens. Each is an entry of the
   * vocabulary, or a text that is one token: the tokenizers of RoBERTa's kind tell " the", which
   * begins a word, from "the".
   */
  readonly targets?: string | Iterable<string> | undefined;
}

/** Completes texts with a mask token. */
export class FillMask extends Task {
  constructor(encoder: Encoder) {
    super(encoder, ["fill-mask"]);
  }

  /** Fill the one mask of a text: candidates, the most probable first. */
  async run(text: string, options: FillOptions = {}): Promise<Candidate[]> {
    const masks = await this.eachMask(text, options);
    if (masks.length > 1) throw new InputError(`the text has ${masks.length} masks, expected one: use eachMask`);
    return masks[0]!;
  }

  /** Fill each mask by itself, the other ones left in place. */
  async eachMask(text: string, options: FillOptions = {}): Promise<Candidate[][]> {
    calls.known("run", options, OPTIONS);
    const { topK = 5, targets } = options;
    calls.whole(1, { topK });
    const encoding = tokenized(options, () => this.encoder.encode(calls.text(text, "text")));
    const positions = this.#maskPositions(encoding, text);
    const allowed = targets === undefined ? undefined : this.#targetIds(targets);
    const batch = this.encoder.batch([encoding], encoding.ids.length);
    const { data, dims } = (await this.encoder.outputs(batch, ["logits"], options)).get("logits")!;
    const width = dims[2]!;
    this.#checkWidth(width, allowed);
    return positions.map((position) => {
      // A row for each token, as wide as the vocabulary: only what is read is checked.
      const logits = data.subarray(position * width, (position + 1) * width);
      this.encoder.check.finite("logits", { dims: [width], data: logits });
      return this.#candidates(text, encoding.offsets[position]!, softmax(logits), topK, allowed);
    });
  }

  /** See that each token has a logit, but those that were added to the tokenizer alone. */
  #checkWidth(width: number, allowed: readonly number[] | undefined): void {
    const tokens = this.encoder.tokenizer.vocabularySize;
    if (width < tokens) {
      throw new OutputError(
        `${this.encoder.check} gives ${width} logits for ${tokens} tokens, expected one each: the model or the tokenizer ` +
          "is another's; export the checkpoint again",
      );
    }
    const greatest = Math.max(...(allowed ?? [0]));
    if (greatest >= width) {
      throw new InputError(
        `a target has the id ${greatest}, but the model gives ${width} logits: leave out the targets that were added to ` +
          "its vocabulary",
      );
    }
  }

  #maskPositions(encoding: Encoding, text: string): number[] {
    const mask = this.encoder.settings.special.get("mask_token");
    const id = this.encoder.specialId("mask_token");
    const positions = encoding.ids.flatMap((token, i) => (token === id ? [i] : []));
    const unread = mask ? text.split(mask).length - 1 > positions.length : false;
    if (positions.length && !unread) return positions;
    const found = unread ? `${positions.length} of the text's masks stand` : "no mask stands";
    throw new InputError(
      `${found} in the ${this.encoder.maxLength} tokens that the model reads, expected ${unread ? "all" : "one"}: put ` +
        `${mask} where a word is missing, and shorten the text where it is longer`,
    );
  }

  #targetIds(targets: string | Iterable<string>): number[] {
    const given = typeof targets === "string" ? [targets] : calls.many(targets, "targets");
    const names = [...given].map((name) => calls.text(name, "a target"));
    const ids = names.map((name) => this.#targetId(name));
    const absent = names.filter((_, i) => ids[i] === undefined);
    if (!names.length || absent.length) {
      const wrong = absent.slice(0, 4).map((name) => `'${shortened(name)}'`).join(", ") || "nothing";
      throw new InputError(
        `targets has ${wrong}, expected texts that are one token of the model's vocabulary each: choose others`,
      );
    }
    return [...new Set(ids as number[])];
  }

  /** Return a vocabulary entry's id, or that of a text that is one token. */
  #targetId(target: string): number | undefined {
    const entry = this.encoder.tokenizer.tokenId(target);
    if (entry !== undefined) return entry;
    const { ids } = this.encoder.tokenizer.pieces(target);
    return ids.length === 1 && ids[0] !== this.encoder.specialId("unk_token") ? ids[0] : undefined;
  }

  /** Rank the tokens for one mask that stands at the code points `span`. */
  #candidates(
    text: string,
    span: readonly [number, number],
    probabilities: Float32Array,
    topK: number,
    allowed: readonly number[] | undefined,
  ): Candidate[] {
    const ids = allowed ?? Array.from(probabilities, (_, id) => id);
    const best = ranked(ids.map((id) => probabilities[id]!), topK).map((place) => ids[place]!);
    return best.map((id) => {
      const token = this.encoder.tokenizer.word(id);
      return { token, score: probabilities[id]!, text: fill(text, span, token) };
    });
  }
}

/** Put a token in the place of the mask. */
function fill(text: string, span: readonly [number, number], token: string): string {
  const unit = utf16Offsets(text);
  const mask = text.slice(unit(span[0]), unit(span[1]));
  // RoBERTa's mask takes the space before it.
  const before = text.slice(0, unit(span[0]) + mask.length - trimStart(mask).length);
  const after = text.slice(unit(span[1]));
  const continued = token.startsWith(CONTINUES);
  return (continued ? trimEnd(before) + token.slice(CONTINUES.length) : before + token) + after;
}
