import { throwIfAborted } from "../abort.js";
import type { From } from "../bundle/source.js";
import type { LateSimilarity, Manifest } from "../bundle/manifest.js";
import { InputTypeError, TaskError } from "../errors.js";
import type { AnyTask, LoadOptions, Use } from "../load.js";
import { allPairs, maxSims, pairwise, type Vector } from "../similarity.js";
import * as sparse from "../sparse.js";
import { inBlocks } from "../tasks/task.js";
import { revived, type Opened, type Port, type Reply } from "./messages.js";

type Asynchronous = (...values: never[]) => Promise<unknown> | AsyncGenerator<unknown>;
type Shared = "similarity" | "similarityPairwise" | "similarityFnName" | "variant";

/** A task object whose model runs in a worker: its asynchronous methods, and what it compares with. */
export type Remote<T> = {
  readonly [K in keyof T as T[K] extends Asynchronous ? K : K extends Shared ? K : never]: T[K];
} & { readonly bundle: { readonly name: string; readonly manifest: Manifest } };

type Options = Record<string, unknown> & { signal?: AbortSignal | undefined };

// Task -> its asynchronous methods, and how many values each takes before its options.
const ENCODE = { encode: 1, encodeQuery: 1, encodeDocument: 1, hiddenStates: 1 };
const SPARSE = { encode: 1, encodeQuery: 1, encodeDocument: 1, decode: 1 };
const LISTS = ["encode", "score", "batch"]; // what takes a block of a stream, where a task has it
const METHODS: Readonly<Record<Use, Readonly<Record<string, number>>>> = {
  "question-answering": { run: 2, batch: 1 },
  "multiple-choice": { run: 2, batch: 1 },
  "reranking": { run: 2, score: 1 },
  "zero-shot-classification": { run: 2, batch: 2 },
  "late-interaction": { encodeQuery: 1, encodeDocument: 1, rank: 2 },
  "text-classification": { run: 1, batch: 1 },
  "token-classification": { run: 1, batch: 1 },
  "fill-mask": { run: 1, eachMask: 1 },
  "sentence-similarity": ENCODE,
  "sparse-embedding": SPARSE,
  "feature-extraction": ENCODE,
};

/**
 * Open a bundle in a worker that `host` serves; the page stays free meanwhile.
 *
 * @param worker `new Worker(new URL("./worker.js", import.meta.url), { type: "module" })`
 */
export async function loadInWorker<T extends AnyTask = AnyTask>(
  worker: Port,
  source: From,
  options: Omit<LoadOptions, "engine"> = {},
): Promise<Remote<T>> {
  const channel = new Channel(worker);
  const opened = (await channel.call("load", [absolute(source)], { ...options })) as Opened;
  return remote(channel, opened, options.task ?? opened.manifest.task) as unknown as Remote<T>;
}

function remote(channel: Channel, { variant, name, manifest }: Opened, task: Use): object {
  const known = METHODS[task];
  const methods = Object.entries(known).map(([method, count]) => [
    method,
    (...values: unknown[]) => channel.call(method, values.slice(0, count), (values[count] ?? {}) as Options),
  ]);
  const similarityFnName = manifest.pooling?.similarity ?? "cosine";
  const embeds = known === ENCODE;
  const list = LISTS.find((method) => method in known);
  return {
    ...Object.fromEntries(methods),
    variant,
    bundle: { name, manifest },
    close: () => channel.call("close", [], {}, false),
    ...(list && {
      stream: (inputs: Iterable<unknown>, ...rest: unknown[]) => {
        const values = rest.slice(0, known[list]! - 1); // beside the inputs
        return streamed(channel, list, inputs, values, (rest[values.length] ?? {}) as Options);
      },
    }),
    ...(manifest.lateInteraction && late(channel, manifest.lateInteraction.similarity)),
    ...(known === SPARSE && {
      similarityFnName,
      similarity: (first: sparse.SparseVector[], second: sparse.SparseVector[]) =>
        sparse.allPairs(first, second, similarityFnName),
      similarityPairwise: (first: sparse.SparseVector[], second: sparse.SparseVector[]) =>
        sparse.pairwise(first, second, similarityFnName),
    }),
    ...(embeds && {
      similarityFnName,
      similarity: (first: Vector, second: Vector) => allPairs(first, second, similarityFnName),
      similarityPairwise: (first: Vector[], second: Vector[]) => pairwise(first, second, similarityFnName),
    }),
  };
}

/** What a remote late interaction has beside its asynchronous methods. */
function late(channel: Channel, similarityFnName: LateSimilarity): object {
  return {
    similarityFnName,
    similarity: (queries: Vector[][], documents: Vector[][]) => maxSims(queries, documents, similarityFnName === "meanmaxsim"),
    stream: (texts: Iterable<unknown>, { query, ...options }: Options = {}) =>
      streamed(channel, query ? "encodeQuery" : "encodeDocument", texts, [], options),
  };
}

/** Send a stream's inputs block by block, and give what comes back in order. */
async function* streamed(
  channel: Channel,
  method: string,
  inputs: AsyncIterable<unknown> | Iterable<unknown>,
  values: readonly unknown[],
  options: Options,
): AsyncGenerator<unknown> {
  const size = method === "encode" ? Number(options.window ?? 1024) : undefined;
  for await (const block of inBlocks(inputs, size)) {
    const results = (await channel.call(method, [block, ...values], options)) as unknown[];
    if (method === "encode") yield results;
    else yield* results;
  }
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly options: Options;
}

/** Calls through a port, each answered by its number. */
class Channel {
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;

  constructor(private readonly port: Port) {
    port.addEventListener("message", ({ data }) => this.#take(data as Reply));
    port.start?.();
    (port as { addEventListener(type: string, listener: (event: { message?: string }) => void): void }).addEventListener(
      "error",
      (event) => this.#fail(new TaskError(`the worker failed (${event.message ?? "it could not be started"}): see to its script`)),
    );
  }

  call(method: string, values: readonly unknown[], options: Options, optional = true): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { signal, ...rest } = options;
      throwIfAborted(signal);
      const callbacks = Object.keys(rest).filter((name) => typeof rest[name] === "function");
      const plain = Object.fromEntries(Object.entries(rest).filter(([name]) => !callbacks.includes(name)));
      const id = this.#calls++;
      const sent = { id, method, values: [...values.map(listed), ...(optional ? [plain] : [])], callbacks };
      try {
        this.port.postMessage(sent);
      } catch (error) {
        throw new InputTypeError(
          `a worker cannot be given what ${method} was given (${(error as Error).message}): give texts, numbers, URLs, ` +
            "directory handles or bytes",
          { cause: error },
        );
      }
      this.#waiting.set(id, { resolve, reject, options });
      signal?.addEventListener("abort", () => {
        if (!this.#waiting.delete(id)) return;
        this.port.postMessage({ id, abort: true });
        reject(signal.reason ?? new Error("This call was aborted"));
      });
    });
  }

  #take(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if (!waiting) return;
    if ("callback" in reply) {
      (waiting.options[reply.callback] as (value: unknown) => void)(reply.value);
      return;
    }
    this.#waiting.delete(reply.id);
    if ("error" in reply) waiting.reject(revived(reply.error));
    else waiting.resolve(reply.result);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** A channel carries lists, not generators. */
function listed(value: unknown): unknown {
  const generator = typeof value === "object" && value !== null && "next" in value && Symbol.iterator in value;
  return generator ? [...(value as Iterable<unknown>)] : value;
}

/** An address is relative to the page, not to the worker's script; a `URL` is not carried at all. */
function absolute(source: From): From {
  if (source instanceof URL) return source.href;
  const page = (globalThis as { location?: { href: string } }).location;
  return typeof source === "string" && page ? new URL(source, page.href).href : source;
}
