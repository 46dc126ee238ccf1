import { InputError } from "../errors.js";
import { trim } from "../spaces.js";
import { AddedTokens, type AddedToken } from "./added-tokens.js";
import { AlignedText, codePoints } from "./aligned.js";
import { checkTokenizer, guarded } from "./checks.js";
import { readDecoder, type Decoder } from "./decoders.js";
import type { Description } from "./description.js";
import { cutTo, windows, type Encoding } from "./encoding.js";
import { readModel, type Model } from "./models/index.js";
import { readNormalizer } from "./normalizers.js";
import { readPostProcessor, type PostProcessor } from "./post-processors.js";
import { readPreTokenizer, type PreTokenizer } from "./pre-tokenizers.js";

export { utf16Offsets, type Encoding } from "./encoding.js";

/** How a tokenizer takes texts, beside what `tokenizer.json` says. */
export interface TokenizerOptions {
  /** A text that is too long loses its beginning, not its end. */
  readonly truncateLeft?: boolean | undefined;
  /** Special tokens that stand in a text are cut up like any other text. */
  readonly splitSpecial?: boolean | undefined;
}

/**
 * A tokenizer with exact offsets, read from `tokenizer.json`.
 *
 * Ids, offsets, words and sequences are those of Hugging Face's `tokenizers`.
 */
export class Tokenizer {
  readonly #parts: Parts;
  readonly #left: boolean;

  /** @param json The parsed `tokenizer.json`. */
  constructor(json: unknown, options: TokenizerOptions = {}) {
    checkTokenizer(json);
    this.#left = options.truncateLeft === true;
    this.#parts = guarded(() => readParts(json as Read, options));
  }

  /** Tokenize a text, without special tokens around it. */
  pieces(text: string): Encoding {
    if (typeof text !== "string") {
      throw new InputError(`got a ${typeof text} for a text, expected a string: convert it`);
    }
    const [ids, tokens, words]: [number[], string[], number[]] = [[], [], []];
    const offsets: [number, number][] = [];
    let word = 0;
    for (const section of this.#parts.added.divide(AlignedText.of(codePoints(text)))) {
      if (section.id !== undefined) {
        ids.push(section.id);
        tokens.push(section.text.text);
        offsets.push(section.text.original(0, section.text.length));
        words.push(word++);
        continue;
      }
      for (const piece of this.#parts.preTokenize(section.text)) {
        if (!piece.length) continue;
        for (const part of this.#parts.model.divide(piece.codes)) {
          ids.push(part.id);
          tokens.push(this.token(part.id));
          offsets.push(piece.original(part.start, part.end));
          words.push(word);
        }
        word++;
      }
    }
    const zeros = ids.map(() => 0);
    return { ids, tokens, typeIds: zeros, offsets, words, sequences: zeros };
  }

  /**
   * Tokenize a text or a pair, cut to `maxLength` tokens with the special ones.
   *
   * Of a pair the longer half is cut first or, with `onlyFirst`, the first text alone, for which the second leaves room.
   */
  encode(first: string, second?: string, maxLength = Infinity, onlyFirst = false): Encoding {
    const parts = [first, ...(second === undefined ? [] : [second])].map((text) => this.pieces(text));
    const [room, sizes] = [this.room(parts.length === 2, maxLength), parts.map((part) => part.ids.length)];
    const [whole, beside] = [sizes[0]!, sizes[1]];
    const lengths = onlyFirst && beside !== undefined ? [Math.min(whole, room - beside), beside] : fit(sizes, room);
    const [one, two] = parts.map((part, i) => cutTo(part, lengths[i]!, this.#left));
    return this.#parts.post.process(one!, two);
  }

  /** Tokenize a text of any length into windows that overlap by `stride` tokens. */
  windows(text: string, maxLength: number, stride: number): Encoding[] {
    const room = this.room(false, maxLength);
    return windows(this.pieces(text), room, stride).map((window) => this.#parts.post.process(window));
  }

  /**
   * Tokenize a pair into windows over the second text, each with the whole first one.
   *
   * @param maxFirst The first text is cut to so many tokens.
   */
  pairWindows(first: string, second: string, maxLength: number, stride: number, maxFirst: number): Encoding[] {
    const question = cutTo(this.pieces(first), maxFirst, this.#left);
    const room = this.room(true, maxLength) - question.ids.length;
    if (room <= stride) {
      throw new InputError(
        `a window of maxSeqLen ${maxLength} leaves ${room} tokens beside a question of ` +
          `${question.ids.length}, expected more than docStride ${stride}: raise maxSeqLen or lower ` +
          "docStride or maxQuestionLen",
      );
    }
    const parts = windows(this.pieces(second), room, stride, this.#left);
    return parts.map((window) => this.#parts.post.process(question, window));
  }

  /** How many tokens fit beside the special ones. */
  room(pair: boolean, maxLength: number): number {
    const room = maxLength - this.#parts.post.added(pair);
    if (room < 1) {
      throw new InputError(`a maximum length of ${maxLength} leaves no room beside the special tokens: raise it`);
    }
    return room;
  }

  /** Entries of the vocabulary, without those that were added to it. */
  get vocabularySize(): number {
    return this.#parts.model.ids.size;
  }

  /** Return the id of an entry of the vocabulary. */
  tokenId(token: string): number | undefined {
    return this.#parts.ids.get(token);
  }

  /** Return the entry of an id; empty where there is none. */
  token(id: number): string {
    return this.#parts.texts.get(id) ?? "";
  }

  /** Return the entry of an id as text: `##ing` stays, `Ġword` and `▁word` become `word`. */
  word(id: number): string {
    const text = this.#parts.decode(this.token(id));
    return trim(text) || text;
  }

  /** Whether an id is one of the special tokens. */
  isSpecial(id: number): boolean {
    return this.#parts.special.has(id);
  }
}

/** The parts of `tokenizer.json`, each ready to work. */
interface Parts {
  readonly model: Model;
  readonly added: AddedTokens;
  readonly preTokenize: PreTokenizer;
  readonly post: PostProcessor;
  readonly decode: Decoder;
  readonly ids: ReadonlyMap<string, number>;
  readonly texts: ReadonlyMap<number, string>;
  readonly special: ReadonlySet<number>;
}

interface Read {
  readonly model: Description;
  readonly added_tokens?: readonly AddedToken[] | null;
  readonly normalizer?: Description | null;
  readonly pre_tokenizer?: Description | null;
  readonly post_processor?: Description | null;
  readonly decoder?: Description | null;
}

function readParts(read: Read, { splitSpecial }: TokenizerOptions): Parts {
  const tokens = read.added_tokens ?? [];
  const model = readModel(read.model);
  const ids = new Map([...model.ids, ...tokens.map(({ content, id }) => [content, id] as const)]);
  const texts = new Map([...ids].map(([text, id]) => [id, text]));
  const taken = splitSpecial ? tokens.filter((token) => !token.special) : tokens;
  return {
    model,
    added: new AddedTokens(taken, readNormalizer(read.normalizer ?? null)),
    preTokenize: readPreTokenizer(read.pre_tokenizer ?? null),
    post: readPostProcessor(read.post_processor ?? null, (id) => texts.get(id) ?? ""),
    decode: readDecoder(read.decoder ?? null),
    ids,
    texts,
    special: new Set(tokens.filter((token) => token.special).map((token) => token.id)),
  };
}

/** Cut one length, or two, to fit into `room`, as the library's "longest first" does. */
export function fit(lengths: readonly number[], room: number): number[] {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total <= room) return [...lengths];
  if (lengths.length === 1) return [room];
  const short = Math.min(...lengths);
  if (short <= room - short) return lengths.map((length) => (length === short ? short : room - short));
  const halves = [Math.floor(room / 2), room - Math.floor(room / 2)];
  return lengths[0]! <= lengths[1]! ? halves : halves.reverse();
}
