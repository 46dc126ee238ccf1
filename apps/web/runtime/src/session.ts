import type { InferenceSession, InferenceSessionFactory, Tensor, TensorConstructor } from "onnxruntime-common";
import type { ModelFile } from "./bundle/files.js";
import { InputTypeError, OutOfMemory, SessionError } from "./errors.js";

/** onnxruntime-web, onnxruntime-node or onnxruntime-react-native, as imported: `import * as ort`. */
export interface Engine {
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
  readonly env?: object | undefined;
}

/** How the engine runs a model. */
export interface EngineOptions {
  /** Threads within an operator; by default as many as the engine takes. */
  readonly threads?: number | undefined;
  /** The engine's execution providers: `["wasm"]`, `["webgpu"]`, `["cpu"]`, ... */
  readonly providers?: readonly InferenceSession.ExecutionProviderConfig[] | undefined;
  /** Further options of the engine's session. */
  readonly sessionOptions?: InferenceSession.SessionOptions | undefined;
}

/** Rows of equal width: what a model takes. */
export interface Batch {
  readonly rows: number;
  readonly width: number;
  readonly ids: Int32Array;
  readonly mask: Int32Array;
  readonly typeIds: Int32Array;
}

/** An output as the engine gave it. */
export interface Output {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/** A model on the engine. One call runs at a time: engines refuse a second one meanwhile. */
export class Session {
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly engine: Engine,
    private readonly session: InferenceSession,
    private readonly name: string,
  ) {}

  static async open(engine: Engine, file: ModelFile, name: string, options: EngineOptions): Promise<Session> {
    if (typeof engine?.InferenceSession?.create !== "function" || typeof engine.Tensor !== "function") {
      throw new InputTypeError(
        "engine is no ONNX Runtime, expected onnxruntime-web, -node or -react-native: " +
          'import * as ort from "onnxruntime-web"; load(source, { engine: ort })',
      );
    }
    prepare(engine, options.threads);
    const settings = sessionOptions(options);
    try {
      const session = await (typeof file === "string"
        ? engine.InferenceSession.create(file, settings)
        : engine.InferenceSession.create(file, settings));
      return new Session(engine, session, name);
    } catch (error) {
      throw openError(error, name);
    }
  }

  get outputs(): readonly string[] {
    return this.session.outputNames;
  }

  /** Run a batch and return the outputs wanted. */
  run(batch: Batch, wanted: readonly string[]): Promise<Map<string, Output>> {
    const turn = this.#last.then(() => this.#run(batch, wanted));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #run(batch: Batch, wanted: readonly string[]): Promise<Map<string, Output>> {
    const found = new Map<string, Output>();
    const feeds = this.#feeds(batch);
    try {
      const outputs = await this.session.run(feeds, wanted);
      for (const name of wanted) {
        const tensor = outputs[name];
        if (!tensor) continue;
        const { type, dims } = tensor;
        found.set(name, { type, dims, data: tensor.location === "cpu" ? tensor.data : await tensor.getData(true) });
      }
    } catch (error) {
      throw runError(error, this.name, batch);
    }
    return found;
  }

  /** Give the model back to the engine: its memory is free then. */
  async close(): Promise<void> {
    await this.#last;
    await this.session.release();
  }

  #feeds({ rows, width, ids, mask, typeIds }: Batch): Record<string, Tensor> {
    const given: Readonly<Record<string, Int32Array>> = { input_ids: ids, attention_mask: mask, token_type_ids: typeIds };
    const feeds: Record<string, Tensor> = {};
    this.session.inputNames.forEach((name, i) => {
      const values = Object.hasOwn(given, name) ? given[name]! : undefined;
      if (!values) {
        throw new SessionError(
          `${this.name} takes the input ${name}, which the tokenizer does not give (it gives ` +
            `${Object.keys(given).join(", ")}): export the checkpoint again, without --position-ids`,
        );
      }
      const type = inputType(this.session, i);
      feeds[name] =
        type === "int32"
          ? new this.engine.Tensor("int32", values, [rows, width])
          : new this.engine.Tensor("int64", wide(values), [rows, width]);
    });
    return feeds;
  }
}

/** Engines before 1.21 do not say; exports of ours take 64 bits. */
function inputType(session: InferenceSession, index: number): string {
  const about = session.inputMetadata?.[index];
  return about?.isTensor ? about.type : "int64";
}

/** Write 32-bit numbers as 64-bit ones: no number is negative. A `BigInt` for each is ten times slower. */
function wide(values: Int32Array): BigInt64Array {
  const made = new Int32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) made[2 * i] = values[i]!;
  return new BigInt64Array(made.buffer);
}

function prepare(engine: Engine, threads: number | undefined): void {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  // onnxruntime 1.29 and later send telemetry unless told so before the first session.
  if (process?.env) process.env.ORT_DISABLE_TELEMETRY ??= "1";
  const wasm = (engine.env as { wasm?: { numThreads?: number } } | undefined)?.wasm;
  if (wasm && threads !== undefined) wasm.numThreads = threads;
}

function sessionOptions({ threads, providers, sessionOptions: further }: EngineOptions): InferenceSession.SessionOptions {
  return {
    logSeverityLevel: 4, // what fails is thrown as well, and said once
    ...(threads === undefined ? {} : { intraOpNumThreads: threads, interOpNumThreads: 1 }),
    ...(providers === undefined ? {} : { executionProviders: providers }),
    // Idle threads would go on spinning, within a run and behind it, and take the cores of others: on
    // two busy cores a batch took twice the processor time, and longer.
    extra: { session: { intra_op: { allow_spinning: "0" } } },
    ...further,
  };
}

function openError(error: unknown, name: string): SessionError {
  const why = firstLine(error);
  if (lacksMemory(why)) {
    return new OutOfMemory(`there is not the memory to load ${name} (${why}): free some, or take a smaller variant`, {
      cause: error,
    });
  }
  const lacks = /opset|ir.?version|not.?implemented|no kernel|could not find an implementation|not a registered function|not supported/i;
  const remedy = lacks.test(why)
    ? "this engine lacks an operator or an opset of the model; upgrade it, take its full build, or take another variant"
    : "copy or export the bundle again";
  return new SessionError(`the engine cannot load ${name} (${why}): ${remedy}`, { cause: error });
}

function runError(error: unknown, name: string, { rows, width }: Batch): Error {
  if (error instanceof SessionError) return error;
  const why = firstLine(error);
  if (lacksMemory(why)) {
    return new OutOfMemory(
      `there is not the memory to run ${name} with inputs of shape (${rows}, ${width}): free some, or give fewer texts at once`,
      { cause: error },
    );
  }
  return new SessionError(`the engine failed on ${name} with inputs of shape (${rows}, ${width}): ${why}`, {
    cause: error,
  });
}

/** C++ has one word for it, each allocator its own; WebAssembly another. */
function lacksMemory(why: string): boolean {
  return /bad.alloc|allocat\w* (?:memory|a buffer)|allocation failed|out of memory|\(OOM\)|memory access out of bounds|(?:enlarge|grow) memory/i.test(why);
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.trim().split("\n")[0] ?? "";
}
