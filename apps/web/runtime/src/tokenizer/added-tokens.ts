import { AlignedText, codePoints } from "./aligned.js";
import { characters } from "./characters/index.js";
import type { Normalizer } from "./normalizers.js";

/** A token that is found in a text before anything else is done with it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/** A part of a text: an added token, or what is left to divide. */
export interface Section {
  readonly text: AlignedText;
  readonly id?: number;
}

interface Node {
  readonly children: Map<number, Node>;
  token?: AddedToken;
}

const blank = characters("BLANK");
const wordlike = characters("WORD");

/** Finds added tokens: those that are not normalized first, then the others in the rest. */
export class AddedTokens {
  readonly #plain: Node;
  readonly #normalized: Node;

  constructor(
    tokens: readonly AddedToken[],
    private readonly normalize: Normalizer,
  ) {
    const key = (token: AddedToken): number[] => {
      const codes = codePoints(token.content);
      return token.normalized ? [...normalize(AlignedText.of(codes)).codes] : codes;
    };
    this.#plain = trie(tokens.filter((token) => !token.normalized), key);
    this.#normalized = trie(tokens.filter((token) => token.normalized), key);
  }

  /** Divide a text, and normalize what is no token. */
  divide(text: AlignedText): Section[] {
    return sections(text, this.#plain).flatMap((section) =>
      section.id === undefined ? sections(this.normalize(section.text), this.#normalized) : [section],
    );
  }
}

function trie(tokens: readonly AddedToken[], key: (token: AddedToken) => number[]): Node {
  const root: Node = { children: new Map() };
  for (const token of tokens) {
    let node = root;
    for (const code of key(token)) {
      let next = node.children.get(code);
      if (!next) node.children.set(code, (next = { children: new Map() }));
      node = next;
    }
    if (node !== root) node.token = token;
  }
  return root;
}

function sections(text: AlignedText, root: Node): Section[] {
  const { codes } = text;
  const found: Section[] = [];
  let done = 0;
  for (let at = 0; root.children.size && at < codes.length; ) {
    const match = longest(codes, at, root);
    if (!match) {
      at++;
      continue;
    }
    let [start, end] = [at, match.end];
    at = match.end;
    const { token } = match;
    if (token.single_word && (isWord(codes[start - 1]) || isWord(codes[end]))) continue;
    if (token.lstrip) while (start > done && blank(codes[start - 1]!)) start--;
    if (token.rstrip) while (end < codes.length && blank(codes[end]!)) end++;
    start = Math.max(start, done);
    if (done < start) found.push({ text: text.slice(done, start) });
    found.push({ text: text.slice(start, end), id: token.id });
    done = end;
  }
  if (done < codes.length) found.push({ text: text.slice(done, codes.length) });
  return found;
}

function longest(
  codes: readonly number[],
  start: number,
  root: Node,
): { token: AddedToken; end: number } | undefined {
  let node: Node | undefined = root;
  let found: { token: AddedToken; end: number } | undefined;
  for (let i = start; i < codes.length; i++) {
    node = node.children.get(codes[i]!);
    if (!node) break;
    if (node.token) found = { token: node.token, end: i + 1 };
  }
  return found;
}

function isWord(code: number | undefined): boolean {
  return code !== undefined && wordlike(code);
}

