import { BundleCorrupt, SchemaUnsupported } from "../errors.js";
import { Fields } from "./fields.js";

/** The manifest's name in a bundle. */
export const MANIFEST = "edge_distil.json";
const SCHEMA_VERSION = 1;

// The names of the Hub and of optimum's TasksManager.
const TASKS = [
  "feature-extraction",
  "fill-mask",
  "late-interaction",
  "multiple-choice",
  "question-answering",
  "sentence-similarity",
  "sparse-embedding",
  "text-classification",
  "token-classification",
] as const;
const SPARSE = "sparse-embedding";
const POOLED: readonly TaskName[] = ["sentence-similarity", SPARSE];
/** What makes scores of logits: the names of transformers' pipeline. */
export const FUNCTIONS = ["sigmoid", "softmax", "none"] as const;
const POOLING_MODES = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"] as const;
// Of a sparse embedding: what is taken over the tokens, and what each logit goes through before it.
const STRATEGIES = ["max", "sum"] as const;
const ACTIVATIONS = ["relu", "log1p_relu"] as const;
const SIMILARITIES = ["cosine", "dot", "euclidean", "manhattan"] as const;
const LATE_SIMILARITIES = ["maxsim", "meanmaxsim"] as const;

export type TaskName = (typeof TASKS)[number];
export type FunctionToApply = (typeof FUNCTIONS)[number];
export type PoolingMode = (typeof POOLING_MODES)[number];
export type Strategy = (typeof STRATEGIES)[number];
export type Activation = (typeof ACTIVATIONS)[number];
export type Similarity = (typeof SIMILARITIES)[number];
export type LateSimilarity = (typeof LATE_SIMILARITIES)[number];

// Far more than any bundle has: what is beyond was made to exhaust its reader.
const MOST_FILES = 1_000;
const MOST_VARIANTS = 100;
const MOST_TENSORS = 100;
const MOST_GOLDEN = 100;
const LONGEST_SEQUENCE = 10_000_000;
const LARGEST_ID = 2 ** 31 - 1;
const WIDEST = 1_000_000; // of a vector
const MOST_DENSE = 100;
const LONGEST_EXPANSION = 4_096; // tokens of a query that is filled up

/** One file of the bundle: its path inside the bundle, size and sha256. */
export interface FileRecord {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Where the weights come from. */
export interface Checkpoint {
  readonly name: string;
  readonly revision?: string | undefined;
  readonly license?: string | undefined;
  readonly architecture?: string | undefined;
  readonly modelType?: string | undefined;
  readonly parameters?: number | undefined;
}

/** A probe string and the token ids that the checkpoint's own tokenizer gives. */
export interface GoldenTokens {
  readonly text: string;
  readonly ids: readonly number[];
}

/** How token vectors become one vector, as the checkpoint says. */
export interface Pooling {
  /** In order; the vectors of several stand behind each other. */
  readonly modes: readonly PoolingMode[];
  readonly normalize: boolean;
  /** Length of the vector, after Dense modules. */
  readonly dimension: number;
  readonly dense: number;
  readonly prompts: ReadonlyMap<string, string>;
  readonly defaultPrompt?: string | undefined;
  /** False where a prompt's tokens are left out of the pooling. */
  readonly includePrompt: boolean;
  readonly similarity: Similarity;
  /** Set where the embedding is sparse, which the graph pools; there are no `modes` then. */
  readonly strategy?: Strategy | undefined;
  readonly activation?: Activation | undefined;
  /** Numbers kept in a sparse embedding, the greatest; by default all. */
  readonly maxActiveDims?: number | undefined;
}

/** How the texts of one side, queries or documents, are read. */
export interface Side {
  /** Longest sequence in tokens, special tokens included. */
  readonly maxLength: number;
  /** Put before each text. */
  readonly prompt: string;
  /** Ids of the tokens whose vectors are left out. */
  readonly skip: ReadonlySet<number>;
}

/** How texts become a vector a token, as the checkpoint says. */
export interface LateSettings {
  readonly dimension: number;
  readonly query: Side;
  readonly document: Side;
  /** Queries are filled up to `length` tokens with this `token`, to which the others attend or not. */
  readonly expansion?: { readonly length: number; readonly token: number; readonly attend: boolean } | undefined;
  readonly similarity: LateSimilarity;
}

/** One model with its evidence. */
export interface Variant {
  readonly file: FileRecord;
  readonly recipe: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly operators: ReadonlyMap<string, number>;
  readonly tools: ReadonlyMap<string, string>;
  readonly evidence: Readonly<Record<string, unknown>>;
  /** The further files of a model that is a folder: a Core ML package. */
  readonly parts: readonly FileRecord[];
}

/** The whole of `edge_distil.json`; see docs/bundle-format.md. */
export interface Manifest {
  readonly task: TaskName;
  readonly checkpoint: Checkpoint;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Longest sequence in tokens, special tokens included. */
  readonly maxLength: number;
  readonly labels: readonly string[];
  readonly problemType?: string | undefined;
  readonly functionToApply?: FunctionToApply | undefined;
  readonly pooling?: Pooling | undefined;
  readonly lateInteraction?: LateSettings | undefined;
  /** A token has one vector, whatever stands beside it: a text may have none, and the mask may count them. */
  readonly static: boolean;
  readonly files: readonly FileRecord[];
  readonly golden: readonly GoldenTokens[];
  readonly variants: ReadonlyMap<string, Variant>;
}

/** Check a parsed manifest field by field; a field that this release does not know is ignored. */
export function readManifest(document: unknown, file: string): Manifest {
  checkVersion(document, file);
  const raw = Fields.of(document, file);
  const task = raw.text("task", TASKS) as TaskName;
  const variants = raw.object("variants", MOST_VARIANTS);
  return {
    task,
    checkpoint: checkpoint(raw.object("checkpoint")),
    inputs: raw.texts("inputs", MOST_TENSORS),
    outputs: raw.texts("outputs", MOST_TENSORS),
    maxLength: raw.whole("max_length", 1, LONGEST_SEQUENCE),
    labels: raw.texts("labels"),
    problemType: raw.optionalText("problem_type"),
    functionToApply: raw.has("function_to_apply")
      ? (raw.text("function_to_apply", FUNCTIONS) as FunctionToApply)
      : undefined,
    pooling: raw.has("pooling") || POOLED.includes(task) ? pooling(raw.object("pooling"), task === SPARSE) : undefined,
    lateInteraction:
      raw.has("late_interaction") || task === "late-interaction"
        ? lateInteraction(raw.object("late_interaction"), raw.whole("max_length", 1, LONGEST_SEQUENCE))
        : undefined,
    static: raw.flag("static"),
    files: records(raw, "files"),
    golden: raw
      .objects("golden", MOST_GOLDEN)
      .map((entry) => ({ text: entry.text("text"), ids: entry.wholes("ids", 0, LARGEST_ID) })),
    variants: new Map(variants.names.map((name) => [name, variant(variants.object(name))])),
  };
}

function checkVersion(document: unknown, file: string): void {
  const version =
    typeof document === "object" && document !== null && "schema_version" in document
      ? document.schema_version
      : undefined;
  if (typeof version !== "number" || !Number.isInteger(version)) {
    throw new BundleCorrupt(`${file} has no schema_version, so it is no edge-distil manifest: export the bundle again`);
  }
  if (version !== SCHEMA_VERSION) {
    const remedy = version > SCHEMA_VERSION ? "upgrade with: npm install edge-distil@latest" : "export the bundle again";
    throw new SchemaUnsupported(
      `${file} has schema_version ${version}, this release reads ${SCHEMA_VERSION}: ${remedy}`,
    );
  }
}

function checkpoint(raw: Fields): Checkpoint {
  return {
    name: raw.text("name"),
    revision: raw.optionalText("revision"),
    license: raw.optionalText("license"),
    architecture: raw.optionalText("architecture"),
    modelType: raw.optionalText("model_type"),
    parameters: raw.optionalWhole("parameters", 0),
  };
}

function pooling(raw: Fields, sparse: boolean): Pooling {
  const prompts = raw.object("prompts");
  return {
    modes: sparse ? [] : modes(raw),
    strategy: sparse ? (raw.text("mode", STRATEGIES) as Strategy) : undefined,
    normalize: raw.flag("normalize"),
    dimension: raw.whole("dimension", 1, WIDEST),
    dense: raw.optionalWhole("dense", 0, MOST_DENSE) ?? 0,
    prompts: new Map(prompts.names.map((name) => [name, prompts.text(name)])),
    defaultPrompt: raw.optionalText("default_prompt"),
    includePrompt: raw.flag("include_prompt", true),
    similarity: raw.has("similarity") ? (raw.text("similarity", SIMILARITIES) as Similarity) : "cosine",
    activation: sparse ? (raw.text("activation", ACTIVATIONS) as Activation) : undefined,
    maxActiveDims: raw.optionalWhole("max_active_dims", 1, WIDEST),
  };
}

function lateInteraction(raw: Fields, longest: number): LateSettings {
  const filled = raw.has("expansion") ? raw.object("expansion") : undefined;
  return {
    dimension: raw.whole("dimension", 1, WIDEST),
    query: side(raw.object("query"), longest),
    document: side(raw.object("document"), longest),
    expansion: filled && {
      length: filled.whole("length", 1, Math.min(longest, LONGEST_EXPANSION)),
      token: filled.whole("token", 0, LARGEST_ID),
      attend: filled.flag("attend"),
    },
    similarity: raw.text("similarity", LATE_SIMILARITIES) as LateSimilarity,
  };
}

function side(raw: Fields, longest: number): Side {
  return {
    maxLength: raw.whole("max_length", 1, longest),
    prompt: raw.text("prompt"),
    skip: new Set(raw.wholes("skip", 0, LARGEST_ID)),
  };
}

function modes(raw: Fields): PoolingMode[] {
  const found = raw.text("mode").split("+") as PoolingMode[];
  if (found.every((mode) => POOLING_MODES.includes(mode))) return found;
  throw raw.wrong("mode", `one of ${POOLING_MODES.join(", ")}, or several joined by +`);
}

function variant(raw: Fields): Variant {
  const [operators, tools] = [raw.object("operators"), raw.object("tools")];
  return {
    file: record(raw.object("file")),
    recipe: raw.text("recipe"),
    settings: raw.object("settings").values,
    operators: new Map(operators.names.map((name) => [name, operators.whole(name, 0)])),
    tools: new Map(tools.names.map((name) => [name, tools.text(name)])),
    evidence: raw.object("evidence").values,
    parts: records(raw, "parts"),
  };
}

function records(raw: Fields, name: string): FileRecord[] {
  return raw.objects(name, MOST_FILES).map(record);
}

function record(raw: Fields): FileRecord {
  const [path, sha256] = [raw.path("path"), raw.text("sha256")];
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw raw.wrong("sha256", "64 hexadecimal digits");
  return { path, bytes: raw.whole("bytes", 0), sha256 };
}
