/** For each byte the code point that byte-level vocabularies write for it (GPT-2's table). */
export const BYTE_CHARACTERS: readonly number[] = byteCharacters();

/** And back. */
export const BYTES: ReadonlyMap<number, number> = new Map(BYTE_CHARACTERS.map((code, byte) => [code, byte]));

function byteCharacters(): number[] {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => (printable(byte) ? byte : next++));
}

/** Return the bytes of a code point in UTF-8. */
export function utf8(code: number): number[] {
  if (code < 0x80) return [code];
  const tail = (shift: number): number => 0x80 | ((code >> shift) & 0x3f);
  if (code < 0x800) return [0xc0 | (code >> 6), tail(0)];
  if (code < 0x10000) return [0xe0 | (code >> 12), tail(6), tail(0)];
  return [0xf0 | (code >> 18), tail(12), tail(6), tail(0)];
}
