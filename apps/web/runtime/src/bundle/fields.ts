import { BundleCorrupt, shortened } from "../errors.js";

/** Bytes of a JSON file. */
export const LARGEST_JSON = 8 << 20;
const LARGEST_NUMBER = 2 ** 53; // beyond it not every program reads a JSON number exactly
const DEEPEST = 64; // lists and objects within each other; ours have five, transformers' seven
const LONGEST = 100_000; // characters of a text, entries of a list
const LONGEST_PATH = 1_000; // characters
const LONGEST_NAME = 255; // bytes of one part of a path, which file systems take
const AGAIN = "copy, fetch or export it again, from a source that you trust";

/** Parse a JSON file whose size, texts and depth are such as any program can take. */
export function parseJson(bytes: Uint8Array, file: string, largest = LARGEST_JSON): unknown {
  if (bytes.length > largest) {
    throw new BundleCorrupt(`${file} is larger than ${largest} bytes, the most for this file: ${AGAIN}`);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new BundleCorrupt(`${file} is not UTF-8 text; it was damaged: ${AGAIN}`, { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = shortened((error as Error).message, 100);
    throw new BundleCorrupt(`${file} is not JSON (${why}); it was truncated or edited: ${AGAIN}`, { cause: error });
  }
  checkDepth(value, file);
  return value;
}

/**
 * A JSON object and where it stands.
 *
 * A bundle may come from anybody. Each method reads one field and throws `BundleCorrupt` where it
 * is of another type or out of range. `null` counts as absent; a field that nobody asks for is
 * ignored.
 */
export class Fields {
  private constructor(
    readonly values: Readonly<Record<string, unknown>>,
    readonly file: string,
    private readonly place: string,
  ) {}

  /** Take what must be an object. */
  static of(value: unknown, file: string, place = ""): Fields {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw wrong(file, place, value, "an object");
    }
    return new Fields(value as Record<string, unknown>, file, place);
  }

  get names(): string[] {
    return Object.keys(this.values);
  }

  has(name: string): boolean {
    return this.optional(name) !== undefined;
  }

  /** Return a text, one of `choices` where there are any. */
  text(name: string, choices: readonly string[] = [], longest = LONGEST): string {
    const value = this.value(name);
    if (typeof value !== "string" || (choices.length && !choices.includes(value))) {
      throw this.wrong(name, choices.length ? `one of ${choices.join(", ")}` : "a text");
    }
    if (value.length > longest) throw this.wrong(name, `at most ${longest} characters`);
    if (/\p{Surrogate}/u.test(value)) throw this.wrong(name, "whole characters, not half a surrogate pair");
    return value;
  }

  optionalText(name: string): string | undefined {
    return this.has(name) ? this.text(name) : undefined;
  }

  /** Return the path of a file inside the bundle, its parts divided by `/`. */
  path(name: string): string {
    const text = this.text(name, [], LONGEST_PATH);
    const parts = text.split("/");
    const inside = !/[\\:]|(?! )[\p{C}\p{Z}]/u.test(text) && !parts.some((part) => ["", ".", ".."].includes(part));
    if (!inside || parts.some((part) => new TextEncoder().encode(part).length > LONGEST_NAME)) {
      throw this.wrong(name, "a path inside the bundle, its parts divided by /");
    }
    return text;
  }

  /** Return a whole number from `least` to `most`. */
  whole(name: string, least: number, most = LARGEST_NUMBER): number {
    const value = this.value(name);
    if (typeof value !== "number" || !(value >= least && value <= most) || !Number.isInteger(value)) {
      throw this.wrong(name, `a whole number from ${least} to ${most}`);
    }
    return value;
  }

  optionalWhole(name: string, least: number, most = LARGEST_NUMBER): number | undefined {
    return this.has(name) ? this.whole(name, least, most) : undefined;
  }

  /** Return true or false. */
  flag(name: string, otherwise = false): boolean {
    const value = this.has(name) ? this.value(name) : otherwise;
    if (typeof value !== "boolean") throw this.wrong(name, "true or false");
    return value;
  }

  /** Return a list of anything, empty where it is absent. */
  list(name: string, most = LONGEST): readonly unknown[] {
    const value = this.optional(name) ?? [];
    if (!Array.isArray(value)) throw this.wrong(name, "a list");
    if (value.length > most) throw this.wrong(name, `at most ${most} entries`);
    return value;
  }

  texts(name: string, most = LONGEST): string[] {
    const entries = this.numbered(name, most);
    return entries.names.map((key) => entries.text(key));
  }

  wholes(name: string, least: number, most = LARGEST_NUMBER): number[] {
    const entries = this.numbered(name, LONGEST);
    return entries.names.map((key) => entries.whole(key, least, most));
  }

  /** Return the objects of a list. */
  objects(name: string, most = LONGEST): Fields[] {
    const entries = this.numbered(name, most);
    return entries.names.map((key) => entries.object(key));
  }

  /** Return an object, empty where it is absent. */
  object(name: string, most = LONGEST): Fields {
    const found = Fields.of(this.optional(name) ?? {}, this.file, this.at(name));
    if (found.names.length > most) throw this.wrong(name, `at most ${most} entries`);
    return found;
  }

  /** Return the error of a field that is not what was `expected`. */
  wrong(name: string, expected: string): BundleCorrupt {
    return wrong(this.file, this.at(name), this.optional(name), expected);
  }

  /** Return a list as an object whose names are positions: `files.3`. */
  private numbered(name: string, most: number): Fields {
    return new Fields({ ...this.list(name, most) } as Record<string, unknown>, this.file, this.at(name));
  }

  private optional(name: string): unknown {
    return (Object.hasOwn(this.values, name) ? this.values[name] : undefined) ?? undefined;
  }

  private value(name: string): unknown {
    const value = this.optional(name);
    if (value === undefined) {
      throw new BundleCorrupt(`${this.file} has no ${this.at(name)}, expected one: ${AGAIN}`);
    }
    return value;
  }

  private at(name: string): string {
    return this.place ? `${this.place}.${shortened(name)}` : shortened(name);
  }
}

function checkDepth(value: unknown, file: string): void {
  let level: unknown[] = typeof value === "object" ? [value] : [];
  for (let depth = 0; depth < DEEPEST; depth++) {
    const inner: unknown[] = [];
    for (const outer of level) {
      for (const part of Object.values(outer ?? {})) if (typeof part === "object" && part !== null) inner.push(part);
    }
    if (!inner.length) return;
    level = inner;
  }
  throw new BundleCorrupt(
    `${file} is nested deeper than ${DEEPEST} lists and objects, the most for a JSON file of a bundle: ${AGAIN}`,
  );
}

function wrong(file: string, place: string, value: unknown, expected: string): BundleCorrupt {
  const subject = place ? `${file}: ${place}` : file;
  return new BundleCorrupt(`${subject} is ${got(value)}, expected ${expected}: ${AGAIN}`);
}

/** Describe a value in a few characters. */
function got(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return `an object of ${Object.keys(value).length}`;
  return typeof value === "string" ? `'${shortened(value)}'` : String(JSON.stringify(value));
}
