import { InputError, InputTypeError } from "./errors.js";

// What a caller may pass: texts, pairs and options, checked before anything runs. What JavaScript
// would read in another way than the caller means is refused by name: the letters of a string,
// a misspelt option, a number written as text.

const HALF = /\p{Surrogate}/u;

/** Return one text. */
export function text(value: unknown, name: string): string {
  if (typeof value !== "string") throw new InputTypeError(`${name} is ${kind(value)}, expected a string: ${remedy(value)}`);
  if (HALF.test(value)) {
    const position = [...value].findIndex((character) => HALF.test(character));
    throw new InputError(
      `${name} has half a surrogate pair at character ${position}, expected whole characters: cut texts between ` +
        "code points, or use text.toWellFormed()",
    );
  }
  return value;
}

/** Return an iterable of inputs, which are checked one by one as they come. */
export function many<T>(values: Iterable<T>, items: string): Iterable<T> {
  const iterable = typeof values === "object" && values !== null && Symbol.iterator in values;
  if (!iterable || values instanceof Map || values instanceof Set || ArrayBuffer.isView(values)) {
    const name = items.split(": ").at(-1); // behind what it belongs to: "prompt 3: choices"
    throw new InputTypeError(`${items} is ${kind(values)}, expected a list: give a list of ${name}`);
  }
  return values;
}

/** Return all texts of an iterable. */
export function texts(values: Iterable<string>): string[] {
  return [...many(values, "texts")].map((value, index) => text(value, `text ${index}`));
}

/** Return a pair of texts, from a list of two or from an object with the pipeline's keys. */
export function pair(value: unknown, names: readonly [string, string], where = ""): [string, string] {
  const [first, second] = two(value, names, where || "the pair ");
  return [text(first, `${where}the ${names[0]}`), text(second, `${where}the ${names[1]}`)];
}

/** Return the two parts of an input, whatever they are; see `pair`. */
export function two(value: unknown, names: readonly [string, string], where: string): [unknown, unknown] {
  const given =
    typeof value === "object" && value !== null && !Array.isArray(value) && names.every((name) => Object.hasOwn(value, name))
      ? names.map((name) => (value as Record<string, unknown>)[name])
      : value;
  if (!Array.isArray(given) || given.length !== 2) {
    throw new InputTypeError(
      `${where}is ${kind(value)}, expected a list [${names.join(", ")}] or an object with the keys ${names.join(" and ")}`,
    );
  }
  return [given[0], given[1]];
}

/** Check options that are whole numbers; those that are absent are left to their defaults. */
export function whole(least: number, options: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null) continue;
    if (typeof value !== "number" || !Number.isInteger(value)) {
      throw new InputTypeError(`${name} is ${shown(value)} (${kind(value)}), expected a whole number of at least ${least}`);
    }
    if (value < least) throw new InputError(`${name} is ${value}, expected at least ${least}`);
    if (value > Number.MAX_SAFE_INTEGER) throw new InputError(`${name} is ${value}, expected at most 2^53 - 1`);
  }
}

/** Check options that are on or off. */
export function flag(options: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && typeof value !== "boolean") {
      throw new InputTypeError(`${name} is ${shown(value)} (${kind(value)}), expected true or false`);
    }
  }
}

/** Check an option that is one of some words. */
export function choice(name: string, value: unknown, choices: readonly string[]): void {
  if (value === undefined || (typeof value === "string" && choices.includes(value))) return;
  const Wrong = typeof value === "string" ? InputError : InputTypeError;
  throw new Wrong(`${name} is ${shown(value)}, expected one of ${choices.join(", ")}`);
}

/** Check that options are an object, and their names: a misspelt one would be passed over. */
export function known(call: string, options: object, names: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new InputTypeError(`the options of ${call} are ${kind(options)}, expected an object like { ${names[0]}: … }`);
  }
  const wrong = Object.keys(options).find((name) => !names.includes(name));
  if (wrong !== undefined) {
    throw new InputTypeError(`${call} has no option '${wrong}', expected one of ${names.join(", ")}`);
  }
}

/** Name a value's type with its article. */
export function kind(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object") {
    const name = value.constructor?.name ?? "object";
    if (name !== "Object") return `${article(name)} ${name}`;
    const keys = Object.keys(value).slice(0, 4).map((key) => `'${key}'`);
    return `an object with the keys ${keys.join(", ") || "none"}`;
  }
  return `${article(typeof value)} ${typeof value}`;
}

function article(word: string): string {
  return /^[aeiou]/i.test(word) ? "an" : "a";
}

function shown(value: unknown): string {
  return typeof value === "string" ? `'${value}'` : typeof value === "bigint" ? `${value}n` : String(JSON.stringify(value));
}

function remedy(value: unknown): string {
  if (value === null || value === undefined) return "give it";
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return "decode it";
  if (Array.isArray(value)) return "give one text, or many by the method for many (batch, encode)";
  return "convert it";
}
