// Label schemes of token classification: what a label says of its token's place in an entity. BIO
// and IO, and the schemes with ends: BIOES (IOBES), BILOU and BMES, whose letters differ and whose
// meaning is one. Source of the rules: edge_distil/tasks/schemes.py.

export type Role = "O" | "B" | "I" | "E" | "S";

/** A label's place in an entity and the entity's type; a label without a letter is "I". */
export interface Tag {
  readonly role: Role;
  readonly type: string;
}

const OUTSIDE = "O";
// M is BMES's inside; L and U are BILOU's end and single, W (whole) is BMEWO's.
const ROLES: Readonly<Record<string, Role>> = { B: "B", I: "I", M: "I", E: "E", L: "E", S: "S", U: "S", W: "S" };
const NAMELESS = "_"; // the type of labels that are letters alone, as in seqeval

/**
 * Read a set of labels as what they are.
 *
 * A letter is one where some type has it beside another letter, and `B` is among these: `E-mail`
 * beside `B-PER` and `I-PER` is a type of its own.
 */
export function readScheme(labels: readonly string[]): Map<string, Tag> {
  const names = [...new Set(labels)];
  const parts = new Map(names.map((name) => [name, split(name)]));
  const letters = new Map<string, Set<string>>();
  for (const part of parts.values()) {
    if (part) letters.set(part.type, (letters.get(part.type) ?? new Set()).add(part.letter));
  }
  const used = new Set([...letters.values()].filter((found) => found.size > 1).flatMap((found) => [...found]));
  return new Map(
    names.map((name): [string, Tag] => {
      const part = parts.get(name);
      if (name === OUTSIDE) return [name, { role: "O", type: OUTSIDE }];
      const isLetter = part !== undefined && used.has("B") && used.has(part.letter);
      // These are prefixes whatever other labels there are, as in transformers.
      const plain = /^[BI]-./s.test(name);
      return [name, part && (isLetter || plain) ? { role: ROLES[part.letter]!, type: part.type } : { role: "I", type: name }];
    }),
  );
}

/**
 * Say whether a token goes on with the entity of the one before it.
 *
 * Ill-formed sequences are read as `conlleval` reads them: what continues nothing begins.
 */
export function continues(left: Tag, right: Tag): boolean {
  return left.type === right.type && !["E", "S"].includes(left.role) && !["B", "S"].includes(right.role);
}

/** Split a letter off, in upper case; undefined where there is none. */
function split(label: string): { letter: string; type: string } | undefined {
  const [letter, rest] = [label.slice(0, 1).toUpperCase(), label.slice(1)];
  if (!Object.hasOwn(ROLES, letter)) return undefined;
  if (!rest) return { letter, type: NAMELESS };
  return /^[-_]./s.test(rest) ? { letter, type: rest.slice(1) } : undefined;
}
