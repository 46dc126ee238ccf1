import type { Manifest } from "../bundle/manifest.js";
import * as errors from "../errors.js";

/** One end of a channel: a `Worker`, a worker's own `self`, or a `MessagePort`. */
export interface Port {
  postMessage(message: unknown): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  start?(): void;
}

/** From the page: a call, or the end of one that is no longer wanted. */
export type Request =
  | { readonly id: number; readonly method: string; readonly values: readonly unknown[]; readonly callbacks: readonly string[] }
  | { readonly id: number; readonly abort: true };

/** From the worker: what a call gave, or something on its way there. */
export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: Failure }
  | { readonly id: number; readonly callback: string; readonly value: unknown };

/** An error on its way through the channel, which keeps no classes. */
export interface Failure {
  readonly name: string;
  readonly message: string;
}

/** What `load` gives through the channel. */
export interface Opened {
  readonly variant: string;
  readonly name: string;
  readonly manifest: Manifest;
}

export function written(error: unknown): Failure {
  return error instanceof Error ? { name: error.name, message: error.message } : { name: "Error", message: String(error) };
}

/** Make the error that it was. */
export function revived({ name, message }: Failure): Error {
  const Kind = (errors as Record<string, unknown>)[name];
  if (typeof Kind === "function" && Kind.prototype instanceof Error) return new (Kind as new (message: string) => Error)(message);
  return Object.assign(new Error(message), { name });
}
