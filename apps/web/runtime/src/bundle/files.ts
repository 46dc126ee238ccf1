import { breathe, throwIfAborted } from "../abort.js";
import { BundleCorrupt, BundleFileMissing, BundleNotFound, DownloadError, VariantMissing } from "../errors.js";
import { LARGEST_JSON, parseJson } from "./fields.js";
import { MANIFEST, readManifest, type FileRecord, type Manifest, type Variant } from "./manifest.js";
import { Sha256 } from "./sha256.js";
import type { Source } from "./source.js";
import { contentKey, manifestKey, type Store } from "./store.js";

/** How far a load is. */
export interface LoadProgress {
  /** The file that is read: a path inside the bundle. */
  readonly file: string;
  /** Its bytes so far. */
  readonly loaded: number;
  readonly total: number;
  /** It comes from the cache: nothing is downloaded. */
  readonly cached: boolean;
}

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** Hash every file; else, of a folder of this machine, those of 4 MiB and less. */
  readonly verify?: boolean | undefined;
}

/** What an engine opens: a file's path, or its bytes. */
export type ModelFile = string | Uint8Array;

const HASHED_AT_OPEN = 4 << 20; // bytes; sha256 of a file this small takes a few milliseconds
const LARGEST = 2 ** 31 - 1; // bytes that an engine takes as one buffer
const ONNX_FIRST_BYTE = 0x08; // protobuf tag of ModelProto.ir_version, which every writer puts first
const AGAIN = "copy or export the bundle again";

// Variant -> rank. Without a name the first that is there is taken, so that adding a variant never
// changes what an app loads. A Core ML package is none of an engine's.
const USUAL = ["fp32", "int8", "int8-static", "weights-only", "fp16", "int4"];
const ORDER = [...USUAL, ...USUAL.map((name) => `${name}-ort`)];

/** A bundle whose manifest was read; its other files are read, and checked, on demand. */
export class Bundle {
  private constructor(
    readonly name: string,
    readonly manifest: Manifest,
    private readonly source: Source,
    private readonly store: Store | undefined,
  ) {}

  /** Read and check the manifest; one that was kept serves where the network is gone. */
  static async open(source: Source, store: Store | undefined, signal?: AbortSignal): Promise<Bundle> {
    throwIfAborted(signal);
    const kept = source.remote ? store : undefined;
    const key = manifestKey(source.name);
    let bytes: Uint8Array;
    try {
      bytes = await gathered(await source.read(MANIFEST, signal), MANIFEST, undefined, LARGEST_JSON, { signal });
    } catch (error) {
      if (error instanceof BundleFileMissing) {
        throw new BundleNotFound(
          `no bundle at ${source.name} (it has no ${MANIFEST}): give the folder that \`edge-distil export MODEL -o DIR\` wrote`,
          { cause: error },
        );
      }
      const found = error instanceof DownloadError ? await kept?.get(key) : undefined;
      if (!found) throw error;
      bytes = found;
    }
    const manifest = readManifest(parseJson(bytes, `${source.name} ${MANIFEST}`), MANIFEST);
    await kept?.put(key, bytes);
    return new Bundle(source.name, manifest, source, store);
  }

  /** Names of the variants that run on ONNX Runtime. */
  get variants(): string[] {
    return [...this.manifest.variants.keys()].filter((name) => name.split("-")[0] !== "coreml");
  }

  /** Return a variant by its name. */
  variant(name: string): Variant {
    const found = this.manifest.variants.get(name);
    if (!found || !this.variants.includes(name)) {
      throw new VariantMissing(
        `${this.name} has no variant '${name}' for ONNX Runtime, only ${this.variants.join(", ") || "none"}: choose one of these, ` +
          `or make it with: edge-distil quantize DIR --${name}`,
      );
    }
    return found;
  }

  /** Read a variant's model; without a name that of the first variant whose file is there. */
  async model(name: string | undefined, options: ReadOptions): Promise<{ name: string; file: ModelFile }> {
    if (name !== undefined) return { name, file: await this.#modelFile(name, options) };
    const known = ORDER.filter((variant) => this.manifest.variants.has(variant) && !this.#isApart(variant));
    for (const candidate of known) {
      try {
        return { name: candidate, file: await this.#modelFile(candidate, options) };
      } catch (error) {
        if (!(error instanceof BundleFileMissing) || candidate === known.at(-1)) throw error;
      }
    }
    return { name: "fp32", file: await this.#modelFile("fp32", options) };
  }

  /** Return a JSON file, or undefined where the bundle has none. */
  async json(path: string, options: ReadOptions, largest = LARGEST_JSON): Promise<unknown> {
    const record = this.manifest.files.find((file) => file.path === path);
    return record && parseJson(await this.#bytes(record, options), path, largest);
  }

  /** Hash all tokenizer and configuration files. */
  async verify(options: ReadOptions): Promise<void> {
    for (const record of this.manifest.files) await this.#bytes(record, { ...options, verify: true });
  }

  /** Say whether a variant's weights are in a second file and no engine could find that: it gets bytes here. */
  #isApart(name: string): boolean {
    return !this.source.local && this.variant(name).parts.length > 0;
  }

  async #modelFile(name: string, options: ReadOptions): Promise<ModelFile> {
    const { file, parts } = this.variant(name);
    if (this.#isApart(name)) {
      throw new VariantMissing(
        `${this.name} keeps the weights of '${name}' in a second file, which is opened from a folder of this machine alone: ` +
          "choose a variant of one file, such as int8",
      );
    }
    if (!this.source.local) {
      const bytes = await this.#bytes(file, options);
      checkHeader(bytes, file);
      return bytes;
    }
    for (const part of parts) await this.#localFile(part, options);
    return this.#localFile(file, options);
  }

  /** Check a file of this machine and return its path. */
  async #localFile(record: FileRecord, options: ReadOptions): Promise<string> {
    const { path, bytes } = await this.source.local!(record.path);
    checkSize(record, bytes, path);
    if (options.verify || bytes <= HASHED_AT_OPEN) await this.#bytes(record, options);
    return path;
  }

  /** Read a file: from the store, or from the source and into the store. */
  async #bytes(record: FileRecord, options: ReadOptions): Promise<Uint8Array> {
    const store = this.source.remote ? this.store : undefined;
    const kept = await store?.get(contentKey(record.sha256));
    if (kept) {
      const whole = kept.length === record.bytes;
      const checked = options.verify || record.bytes <= HASHED_AT_OPEN;
      if (whole && (!checked || new Sha256().update(kept).hex() === record.sha256)) {
        options.onProgress?.({ file: record.path, loaded: kept.length, total: record.bytes, cached: true });
        return kept;
      }
      await store?.remove(contentKey(record.sha256));
    }
    const chunks = await this.source.read(record.path, options.signal);
    const bytes = await gathered(chunks, record.path, record, LARGEST, options);
    if (store) await keep(store, record, bytes);
    return bytes;
  }
}

/** Read all of a file, hashing it as it comes; nothing beyond its recorded size is taken. */
async function gathered(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  record: FileRecord | undefined,
  most: number,
  { signal, onProgress }: ReadOptions,
): Promise<Uint8Array> {
  if (record && record.bytes > most) {
    throw new BundleCorrupt(`${path} has ${record.bytes} bytes, expected at most ${most}: take a smaller variant`);
  }
  const limit = record?.bytes ?? most;
  const hash = new Sha256();
  const parts: Uint8Array[] = [];
  let loaded = 0;
  for await (const chunk of chunks) {
    loaded += chunk.length;
    if (loaded > limit) {
      if (record) throw sizeError(record, `more than ${limit} bytes`, path);
      throw new BundleCorrupt(`${path} is larger than ${limit} bytes, the most for a manifest: get another bundle`);
    }
    parts.push(chunk);
    if (record) {
      hash.update(chunk);
      onProgress?.({ file: path, loaded, total: record.bytes, cached: false });
    }
    await breathe(signal);
  }
  if (record) {
    checkSize(record, loaded, path);
    checkHash(record, hash.hex(), path);
  }
  return joined(parts, loaded);
}

function joined(parts: Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const bytes = new Uint8Array(length);
  let at = 0;
  // Parts are let go as they are copied: a model is held once, not twice.
  for (let part = parts.shift(); part; part = parts.shift()) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Put a file into the store. A store that is full costs the next load a download, not this one. */
async function keep(store: Store, record: FileRecord, bytes: Uint8Array): Promise<void> {
  try {
    await store.put(contentKey(record.sha256), bytes);
  } catch (error) {
    console.warn(`edge-distil: ${record.path} could not be kept (${(error as Error).message})`);
  }
}

function checkSize(record: FileRecord, bytes: number, path: string): void {
  if (bytes !== record.bytes) throw sizeError(record, `${bytes} bytes`, path);
}

function sizeError(record: FileRecord, got: string, path: string): BundleCorrupt {
  return new BundleCorrupt(`${path} has ${got}, ${MANIFEST} says ${record.bytes}: it was truncated or edited; ${AGAIN}`);
}

function checkHash(record: FileRecord, digest: string, path: string): void {
  if (digest !== record.sha256) {
    throw new BundleCorrupt(
      `${path} was damaged or edited: its sha256 is ${digest.slice(0, 12)}…, recorded was ` +
        `${record.sha256.slice(0, 12)}…; ${AGAIN}`,
    );
  }
}

function checkHeader(bytes: Uint8Array, record: FileRecord): void {
  if (record.path.endsWith(".onnx") && bytes[0] !== ONNX_FIRST_BYTE) {
    throw new BundleCorrupt(`${record.path} is no ONNX file (first byte ${bytes[0]}, expected 8): ${AGAIN}`);
  }
}

