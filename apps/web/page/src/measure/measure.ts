/** The whole measurement of one bundle: groups side by side, memory, cold starts, parity. */

import type { BundleInfo, Golden } from "../device/bundles";
import { opening } from "../device/bundles";
import { Model } from "../device/model";
import type { Provider } from "../device/protocol";
import { EMPTY, timestamp, type ColdStart, type MeasuredModel, type Measurements, type Memory, type Run } from "./document";
import { blocksPerRound, NOTES, protocolRecord, type Effort } from "./effort";
import { environment } from "./environment";
import { compare, type Parity } from "./parity";
import { sample, type Contestant } from "./sampling";

/** What is measured. */
export interface Plan {
  readonly bundle: BundleInfo;
  readonly golden: Golden;
  readonly variants: readonly string[];
  /** Numbers of threads, each measured by itself. */
  readonly threads: readonly number[];
  /** The variant to measure on the GPU as well; null where none is. */
  readonly webgpu: string | null;
  readonly effort: Effort;
  readonly device: string;
}

export interface Result {
  readonly measurements: Measurements;
  readonly parity: ReadonlyMap<string, Parity>;
  /** Models whose answers on the GPU were not Python's, and that were not measured for it. */
  readonly distrusted: readonly string[];
}

/** Called with the share that is done, and what is going on. */
export type OnProgress = (share: number, words: string) => void;

interface Candidate {
  readonly id: string;
  readonly variant: string;
  readonly provider: Provider;
}

/**
 * Measure.
 *
 * @throws Failure A model cannot go on.
 * @throws DOMException It was cancelled.
 */
export async function measure(plan: Plan, signal: AbortSignal, onProgress: OnProgress): Promise<Result> {
  const started = new Date();
  const all = candidatesOf(plan);
  const progress = new Steps(plan, all.length, onProgress);
  const watch = watchPage();
  try {
    const parity = new Map<string, Parity>();
    await firstLook(plan, all, parity, signal, progress);
    const candidates = all.filter((one) => one.provider === "wasm" || trusted(parity.get(one.id)!));
    const memory: Memory[] = [];
    const coldStarts: ColdStart[] = [];
    for (const one of candidates) {
      progress.say(`cold starts of ${one.id}`);
      const found = await startCold(plan, one, signal, () => progress.step());
      coldStarts.push(found.coldStart);
      memory.push(found.memory);
    }
    const runs: Run[] = [];
    for (const threads of plan.threads) {
      progress.say(`${candidates.length} models in turns, ${threads === 1 ? "one thread" : `${threads} threads`}`);
      runs.push(...(await group(plan, candidates, threads, signal, progress)));
    }
    return {
      parity,
      distrusted: all.filter((one) => !candidates.includes(one)).map((one) => one.id),
      measurements: {
        schema: "edge-distil/measurements",
        schema_version: 2,
        device: plan.device,
        created: timestamp(started),
        protocol: protocolRecord(plan.effort, NOTES),
        environment: { ...(await environment(Math.max(...plan.threads))), ...watch.record() },
        models: await Promise.all(candidates.map((one) => described(plan, one))),
        inputs: [{ id: plan.golden.inputs!.id, description: plan.golden.inputs!.description, tokens: plan.golden.inputs!.tokens, padded_to: null }],
        ...EMPTY,
        runs,
        memory,
        cold_starts: coldStarts,
      },
    };
  } finally {
    watch.end();
  }
}

function candidatesOf(plan: Plan): Candidate[] {
  const name = plan.bundle.checkpoint.split("/").pop() || plan.bundle.name;
  const plain = plan.variants.map((variant) => ({ id: `${name}/${variant}`, variant, provider: "wasm" as const }));
  return plan.webgpu ? [...plain, { id: `${name}/${plan.webgpu}-webgpu`, variant: plan.webgpu, provider: "webgpu" }] : plain;
}

/** A GPU computes otherwise than a CPU: its times count if its answers are the same. */
const trusted = ({ count, equal }: Parity): boolean => equal === count;

/** Open each model once: the download is done, and its answers are compared. */
async function firstLook(plan: Plan, candidates: readonly Candidate[], parity: Map<string, Parity>, signal: AbortSignal, progress: Steps): Promise<void> {
  for (const one of candidates) {
    progress.say(`answers of ${one.id}, compared with Python's`);
    const model = await open(plan, one, Math.max(...plan.threads), signal, progress);
    try {
      signal.throwIfAborted();
      parity.set(one.id, await compare(model, plan.golden, one.variant));
      progress.step();
    } finally {
      model.close();
    }
  }
}

async function group(plan: Plan, candidates: readonly Candidate[], threads: number, signal: AbortSignal, progress: Steps): Promise<Run[]> {
  const contestants = candidates.map((one): Contestant => ({ id: one.id, copy: 0, threads, open: () => open(plan, one, threads, signal, progress) }));
  // The smallest model runs beside itself: what that comparison shows is noise.
  const smallest = [...candidates].filter((one) => one.provider === "wasm").sort((a, b) => plan.bundle.variants[a.variant]! - plan.bundle.variants[b.variant]!)[0];
  const again = contestants.find((one) => one.id === smallest?.id);
  const all = again ? [...contestants, { ...again, copy: 1 }] : contestants;
  const inputs = plan.golden.inputs!;
  return sample(all, inputs.id, inputs.texts, plan.effort, { signal, tally: () => progress.step(BLOCK) });
}

async function open(plan: Plan, one: Candidate, threads: number, signal: AbortSignal, progress: Steps): Promise<Model> {
  const options = { signal, onProgress: (done: number, total: number) => progress.download(done, total) };
  return (await Model.open(opening(plan.bundle, { variant: one.variant, threads, provider: one.provider }), options)).model;
}

/** Open a model in fresh workers, to the first answer. */
async function startCold(plan: Plan, one: Candidate, signal: AbortSignal, step: () => void): Promise<{ coldStart: ColdStart; memory: Memory }> {
  const threads = Math.max(...plan.threads);
  const where = { model: one.id, threads };
  const coldStart = { ...where, import_ns: [] as number[], session_ns: [] as number[], first_ns: [] as number[], process_ns: [] as number[] };
  let memory: Memory = { ...where, inputs: plan.golden.inputs!.id, baseline: null, loaded: null, answered: null, peak: null };
  for (let i = 0; i < plan.effort.coldStarts; i++) {
    const { model, opened } = await Model.open(opening(plan.bundle, { variant: one.variant, threads, provider: one.provider }), { signal });
    try {
      const [text] = plan.golden.inputs!.texts;
      const before = performance.now();
      await model.call("queries", [text!]);
      await model.call("turn", [0]);
      const now = performance.now();
      coldStart.import_ns.push(Math.round(opened.engineMs * 1e6));
      coldStart.session_ns.push(Math.round(opened.sessionMs * 1e6));
      coldStart.first_ns.push(Math.round((now - before) * 1e6));
      coldStart.process_ns.push(Math.round((now - model.startedAt) * 1e6));
      const answered = await model.call("heap");
      memory = { ...memory, baseline: opened.heapBefore, loaded: opened.heap, answered, peak: answered };
    } finally {
      model.close();
    }
    step();
  }
  return { coldStart, memory };
}

async function described(plan: Plan, one: Candidate): Promise<MeasuredModel> {
  const manifest = await fetch(`${plan.bundle.url}edge_distil.json`).then((r) => r.json() as Promise<Manifest>);
  const tokenizer = manifest.files.find((file) => file.path === "tokenizer.json");
  const engine = `onnxruntime-web ${__ENGINE__.version}`;
  return {
    id: one.id,
    model: one.id.split("/")[0]!,
    variant: one.provider === "webgpu" ? `${one.variant}-webgpu` : one.variant,
    engine: one.provider === "webgpu" ? `${engine} WebGPU` : engine,
    trained: true,
    bytes: plan.bundle.variants[one.variant]!,
    sha256: manifest.variants[one.variant]?.file.sha256 ?? null,
    tokenizer_sha256: tokenizer?.sha256 ?? null,
    parameters: manifest.checkpoint.parameters ?? null,
    flops: null,
    options: { provider: one.provider },
  };
}

interface Manifest {
  readonly checkpoint: { readonly parameters: number | null };
  readonly files: readonly { path: string; sha256: string }[];
  readonly variants: Readonly<Record<string, { file: { sha256: string } }>>;
}

/** See whether the page was hidden while it measured: browsers slow hidden pages down. */
function watchPage(): { record: () => Record<string, unknown>; end: () => void } {
  let hidden = document.hidden;
  const look = (): void => void (hidden ||= document.hidden);
  document.addEventListener("visibilitychange", look);
  return {
    record: () => ({
      hidden_while_measuring: hidden,
      loaded: hidden,
      loaded_reason: hidden ? "the page was hidden while it measured" : null,
    }),
    end: () => document.removeEventListener("visibilitychange", look),
  };
}

// A block takes so many times as long as a cold start, roughly: the bar is to move evenly.
const BLOCK = 6;

/** Counts what is done of all. */
class Steps {
  private done = 0;
  private words = "";
  private readonly total: number;

  constructor(plan: Plan, models: number, private readonly tell: OnProgress) {
    const blocks = plan.threads.length * plan.effort.rounds * blocksPerRound(plan.effort);
    this.total = BLOCK * blocks + models * (1 + plan.effort.coldStarts);
  }

  say(words: string): void {
    this.words = words;
    this.tell(this.done / this.total, words);
  }

  step(weight = 1): void {
    this.done += weight;
    this.tell(this.done / this.total, this.words);
  }

  download(done: number, total: number): void {
    const loading = `loading ${(done / 1e6).toFixed(0)} of ${(total / 1e6).toFixed(0)} MB`;
    this.tell(this.done / this.total, done < total ? loading : this.words);
  }
}
