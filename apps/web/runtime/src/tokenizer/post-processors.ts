import { BundleError } from "../errors.js";
import { characters } from "./characters/index.js";
import { corrupt } from "./checks.js";
import { unsupported, type Description } from "./description.js";
import { joined, type Encoding } from "./encoding.js";

/** Puts special tokens around one text, or around a pair. */
export interface PostProcessor {
  process(first: Encoding, second?: Encoding): Encoding;
  /** How many tokens it adds. */
  added(pair: boolean): number;
}

type TokenText = (id: number) => string;
type Piece = { readonly ids: readonly number[]; readonly typeId: number } | { readonly sequence: number; readonly typeId: number };

const blank = characters("WHITESPACE");
const MOST_ADDED = 100; // tokens that one piece of a template adds
const BYTE_SPACE = 0x120; // Ġ, which byte-level vocabularies write for a space

/** Read `tokenizer.json`'s `post_processor`. */
export function readPostProcessor(read: Description | null, text: TokenText): PostProcessor {
  if (read === null) return template(text, [seq(0, 0)], [seq(0, 0), seq(1, 1)]);
  switch (read.type) {
    case "TemplateProcessing":
      return templateOf(read, text);
    case "BertProcessing": {
      const [cls, sep] = ends(read);
      return template(
        text,
        [special(cls, 0), seq(0, 0), special(sep, 0)],
        [special(cls, 0), seq(0, 0), special(sep, 0), seq(1, 1), special(sep, 1)],
      );
    }
    case "RobertaProcessing": {
      const [cls, sep] = ends(read);
      const added = template(
        text,
        [special(cls, 0), seq(0, 0), special(sep, 0)],
        [special(cls, 0), seq(0, 0), special(sep, 0), special(sep, 0), seq(1, 0), special(sep, 0)],
      );
      const trim = read.trim_offsets === false ? undefined : trimmed(read.add_prefix_space !== false);
      return trim ? after(trim, added) : added;
    }
    case "ByteLevel":
      return read.trim_offsets === false
        ? readPostProcessor(null, text)
        : after(trimmed(read.add_prefix_space !== false), readPostProcessor(null, text));
    case "Sequence":
      return sequence(read, text);
    default:
      throw unsupported("post-processor", read.type);
  }
}

/** Of several, at most one adds tokens; the others look at offsets. */
function sequence(read: Description, text: TokenText): PostProcessor {
  const parts = read.processors as Description[];
  const trims = parts.filter((part) => part.type === "ByteLevel" && part.trim_offsets !== false);
  const rest = parts.filter((part) => part.type !== "ByteLevel");
  if (rest.length > 1) throw unsupported("post-processor", rest.map((part) => part.type).join(" + "));
  const last = readPostProcessor(rest[0] ?? null, text);
  return trims.reduceRight((made, part) => after(trimmed(part.add_prefix_space !== false), made), last);
}

function after(change: (encoding: Encoding) => Encoding, next: PostProcessor): PostProcessor {
  return {
    process: (first, second) => next.process(change(first), second && change(second)),
    added: (pair) => next.added(pair),
  };
}

/** Leave the spaces that a token begins or ends with out of its offsets. */
function trimmed(prefixed: boolean): (encoding: Encoding) => Encoding {
  const isSpace = (character: string): boolean => {
    const code = character.codePointAt(0)!;
    return code === BYTE_SPACE || blank(code);
  };
  return (encoding) => ({
    ...encoding,
    offsets: encoding.offsets.map(([start, end], i) => {
      const token = [...encoding.tokens[i]!];
      let leading = token.findIndex((character) => !isSpace(character));
      if (leading < 0) leading = token.length;
      let trailing = token.reverse().findIndex((character) => !isSpace(character));
      if (trailing < 0) trailing = token.length;
      // One space at the start is the one that the pre-tokenizer put there.
      if (leading === 1 && prefixed && (i === 0 || start === 0)) leading = 0;
      const from = Math.min(start + leading, end);
      return [from, trailing > 0 && end >= trailing ? Math.max(end - trailing, from) : end] as const;
    }),
  });
}

function ends(read: Description): [number, number] {
  const [cls, sep] = [read.cls, read.sep] as [string, number][];
  if (!cls || !sep) throw new BundleError("tokenizer.json's post-processor names no special tokens: fetch the bundle again");
  return tokenIds([cls[1], sep[1]]) as [number, number];
}

function tokenIds(value: unknown): number[] {
  if (!Array.isArray(value) || value.length > MOST_ADDED || !value.every((id) => Number.isInteger(id) && id >= 0 && id < 2 ** 31)) {
    throw corrupt("post-processor adds what are no token ids");
  }
  return value as number[];
}

function typeId(value: unknown): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > 255) {
    throw corrupt(`post-processor has the type ${String(value)}`);
  }
  return value as number;
}

function special(id: number, typeId: number): Piece {
  return { ids: [id], typeId };
}

function seq(sequence: number, typeId: number): Piece {
  return { sequence, typeId };
}

function templateOf(read: Description, text: TokenText): PostProcessor {
  const tokens = read.special_tokens as Record<string, { ids: unknown }>;
  const pieces = (part: unknown): Piece[] =>
    (part as Record<string, { id: string; type_id: number }>[]).map((piece) => {
      const { SpecialToken: token, Sequence: sequence } = piece;
      if (token) return { ids: tokenIds(tokens[token.id]?.ids), typeId: typeId(token.type_id) };
      if (sequence) return { sequence: sequence.id === "B" ? 1 : 0, typeId: typeId(sequence.type_id) };
      throw unsupported("piece of a template", JSON.stringify(piece));
    });
  return template(text, pieces(read.single), pieces(read.pair));
}

function template(text: TokenText, single: readonly Piece[], pair: readonly Piece[]): PostProcessor {
  const count = (pieces: readonly Piece[]): number =>
    pieces.reduce((sum, piece) => sum + ("ids" in piece ? piece.ids.length : 0), 0);
  return {
    added: (isPair) => count(isPair ? pair : single),
    process: (first, second) =>
      joined(
        (second ? pair : single).map((piece) =>
          "ids" in piece ? added(piece.ids, piece.typeId, text) : placed(piece, piece.sequence ? second! : first),
        ),
      ),
  };
}

function added(ids: readonly number[], typeId: number, text: TokenText): Encoding {
  return {
    ids,
    tokens: ids.map(text),
    typeIds: ids.map(() => typeId),
    offsets: ids.map(() => [0, 0] as const),
    words: ids.map(() => null),
    sequences: ids.map(() => null),
  };
}

function placed(piece: { sequence: number; typeId: number }, text: Encoding): Encoding {
  return {
    ...text,
    typeIds: text.ids.map(() => piece.typeId),
    sequences: text.ids.map(() => piece.sequence),
  };
}
