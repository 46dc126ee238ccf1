import * as calls from "../calls.js";
import type { Pooling } from "../bundle/manifest.js";
import { InputError } from "../errors.js";

const ALWAYS = ["query", "document"]; // names that every model knows; empty where it has no such prompt

/** What is put before each text. Source: `SentenceTransformer.encode` and its kin, release 6. */
export interface PromptOptions {
  /** The checkpoint's prompt of that name; by default its default prompt. */
  readonly promptName?: string | undefined;
  /** The prompt itself, whatever the name. */
  readonly prompt?: string | undefined;
}

/** Return the prompt to put before texts. */
export function findPrompt(settings: Pooling | undefined, { promptName, prompt }: PromptOptions): string {
  if (prompt !== undefined) return calls.text(prompt, "prompt");
  const known = new Map([...ALWAYS.map((name) => [name, ""] as const), ...(settings?.prompts ?? [])]);
  const name = promptName ?? settings?.defaultPrompt;
  if (name === undefined) return "";
  const found = known.get(calls.text(name, "promptName"));
  if (found === undefined) {
    throw new InputError(
      `the bundle has no prompt '${name}', only ${[...known.keys()].join(", ")}: give the text itself as prompt`,
    );
  }
  return found;
}

/** Name a prompt unless the caller gave one. */
export function named<T extends PromptOptions>(promptName: string, options: T): T {
  const given = options.prompt !== undefined || options.promptName !== undefined;
  return given ? options : { ...options, promptName };
}
