import { Bundle, type ReadOptions } from "./bundle/files.js";
import { sourceOf, type From } from "./bundle/source.js";
import { storeOf, type CacheOption } from "./bundle/store.js";
import * as calls from "./calls.js";
import { Encoder } from "./encoder.js";
import { InputTypeError } from "./errors.js";
import type { Engine, EngineOptions } from "./session.js";
import { Embedding } from "./tasks/embedding.js";
import { FillMask } from "./tasks/fill-mask.js";
import { LateInteraction } from "./tasks/late-interaction.js";
import { MultipleChoice } from "./tasks/multiple-choice.js";
import { QuestionAnswering } from "./tasks/question-answering.js";
import { Reranker } from "./tasks/reranking.js";
import { SparseEmbedding } from "./tasks/sparse-embedding.js";
import { TextClassification } from "./tasks/text-classification.js";
import { TokenClassification } from "./tasks/token-classification.js";
import { ZeroShotClassification } from "./tasks/zero-shot.js";

/** How a bundle is opened. */
export interface LoadOptions extends ReadOptions, EngineOptions {
  /** `import * as ort from "onnxruntime-web"`, or -node, or -react-native. */
  readonly engine: Engine;
  /**
   * What the bundle must be for, by default what it is for. A text-classification bundle also serves `"reranking"`
   * (a cross-encoder) and `"zero-shot-classification"` (a model of natural language inference).
   */
  readonly task?: Use | undefined;
  /** `"fp32"`, `"int8"`, ...; by default fp32 or, where its file was left out, the first that is there. */
  readonly variant?: string | undefined;
  /**
   * Where downloads are kept: a folder's path in Node, a `Store`, `false` for nowhere; by default the
   * browser's Cache API. Files are kept by their sha256, so that a second load asks for the manifest
   * alone, and does without it where the network is gone.
   */
  readonly cache?: CacheOption | undefined;
}

const OPTIONS = [
  "engine", "task", "variant", "cache", "signal", "onProgress", "verify", "threads", "providers", "sessionOptions",
];
const BY_NAME = {
  "feature-extraction": Embedding,
  "fill-mask": FillMask,
  "late-interaction": LateInteraction,
  "multiple-choice": MultipleChoice,
  "question-answering": QuestionAnswering,
  "reranking": Reranker,
  "sentence-similarity": Embedding,
  "sparse-embedding": SparseEmbedding,
  "text-classification": TextClassification,
  "token-classification": TokenClassification,
  "zero-shot-classification": ZeroShotClassification,
};

/** The name of a task, or of what else its bundle is used for. */
export type Use = keyof typeof BY_NAME;

/** A task object of any kind. */
export type AnyTask =
  | QuestionAnswering
  | Embedding
  | LateInteraction
  | SparseEmbedding
  | TextClassification
  | Reranker
  | ZeroShotClassification
  | MultipleChoice
  | TokenClassification
  | FillMask;

/** Open a bundle as the task object that its manifest names, or that `task` does. */
export async function load<T extends AnyTask = AnyTask>(source: From, options: LoadOptions): Promise<T> {
  const { engine, task, variant, cache, ...rest } = checked(options);
  const bundle = await Bundle.open(sourceOf(source), storeOf(cache), rest.signal);
  const encoder = await Encoder.open(bundle, engine, variant, rest);
  return new BY_NAME[task ?? bundle.manifest.task](encoder) as AnyTask as T;
}

function checked(options: LoadOptions): LoadOptions {
  calls.known("load", options, OPTIONS);
  calls.whole(1, { threads: options.threads });
  calls.flag({ verify: options.verify });
  calls.choice("task", options.task, Object.keys(BY_NAME));
  if (options.variant !== undefined) calls.text(options.variant, "variant");
  if (options.onProgress !== undefined && typeof options.onProgress !== "function") {
    throw new InputTypeError(`onProgress is ${calls.kind(options.onProgress)}, expected a function`);
  }
  return options;
}
