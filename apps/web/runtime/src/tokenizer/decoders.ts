import { codePoints, textOf } from "./aligned.js";
import { BYTES, utf8 } from "./characters/bytes.js";
import { unsupported, type Description } from "./description.js";

/** Turns one entry of the vocabulary into text. */
export type Decoder = (token: string) => string;

/** Read `tokenizer.json`'s `decoder`, for a token that stands alone: `##ing` stays as it is. */
export function readDecoder(read: Description | null): Decoder {
  if (read === null) return (token) => token;
  switch (read.type) {
    case "WordPiece":
      return read.cleanup === false ? (token) => token : cleanedUp;
    case "ByteLevel":
      return byteLevel;
    case "Metaspace": {
      const mark = String(read.replacement ?? "▁");
      const put = (read.prepend_scheme ?? (read.add_prefix_space === false ? "never" : "always")) === "never" ? " " : "";
      return (token) => token.replaceAll(mark, put);
    }
    case "BPEDecoder":
      return (token) => token.replaceAll(String(read.suffix ?? "</w>"), "");
    case "Replace":
      return replaced(read);
    case "ByteFallback":
      return byteFallback;
    case "Fuse":
      return (token) => token;
    case "Strip":
      return stripped(String(read.content), Number(read.start), Number(read.stop));
    case "Sequence": {
      const all = (read.decoders as Description[]).map(readDecoder);
      return (token) => all.reduce((made, one) => one(made), token);
    }
    default:
      throw unsupported("decoder", read.type);
  }
}

const JOINTS: readonly (readonly [string, string])[] = [
  [" .", "."], [" ?", "?"], [" !", "!"], [" ,", ","], [" ' ", "'"], [" n't", "n't"], [" 'm", "'m"],
  [" do not", " don't"], [" 's", "'s"], [" 've", "'ve"], [" 're", "'re"],
];

function cleanedUp(token: string): string {
  return JOINTS.reduce((made, [from, to]) => made.replaceAll(from, to), token);
}

/** What is not written in the byte-level alphabet, as added tokens are not, stays as it is. */
function byteLevel(token: string): string {
  const codes = codePoints(token);
  const bytes = codes.every((code) => BYTES.has(code)) ? codes.map((code) => BYTES.get(code)!) : codes.flatMap(utf8);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

function byteFallback(token: string): string {
  const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
  if (byte === undefined) return token;
  const value = Number.parseInt(byte, 16);
  return value < 0x80 ? String.fromCharCode(value) : "\ufffd"; // one byte of several is no character
}

function replaced(read: Description): Decoder {
  const { String: text } = (read.pattern ?? {}) as { String?: string };
  if (text === undefined) throw unsupported("decoder", "Replace with an expression");
  return (token) => token.replaceAll(text, String(read.content));
}

function stripped(content: string, start: number, stop: number): Decoder {
  const [wanted] = codePoints(content);
  return (token) => {
    const codes = codePoints(token);
    let [first, end] = [0, codes.length];
    while (first < Math.min(start, codes.length) && codes[first] === wanted) first++;
    while (codes.length - end < stop && end > first && codes[end - 1] === wanted) end--;
    return textOf(codes.slice(first, end));
  };
}
