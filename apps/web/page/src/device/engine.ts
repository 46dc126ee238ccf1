/** onnxruntime-web, as the worker has it: the build that is needed, with a clock around the passes. */

import type * as Ort from "onnxruntime-web";
import type { Opening } from "./protocol";

type Session = Ort.InferenceSession;
type Create = typeof Ort.InferenceSession.create;

/** Adds up the time of forward passes. */
export class Clock {
  forward = 0;
  passes = 0;
  reset(): void {
    this.forward = this.passes = 0;
  }
}

/** What the runtime is given as its engine. */
export interface TimedEngine {
  readonly InferenceSession: { create: Create };
  readonly Tensor: typeof Ort.Tensor;
  readonly env: typeof Ort.env;
}

/** Fetch the engine: the plain threaded build, or the larger one where the GPU is asked for. */
export async function loadEngine({ page, threads, provider }: Opening, clock: Clock): Promise<TimedEngine> {
  const ort: typeof Ort = await (provider === "webgpu" ? import("onnxruntime-web/webgpu") : import("onnxruntime-web/wasm"));
  ort.env.wasm.wasmPaths = new URL(`${__ENGINE__.folder}/`, page).href;
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.proxy = false;
  const create = async (...given: unknown[]): Promise<Session> =>
    timed(await (ort.InferenceSession.create as (...given: unknown[]) => Promise<Session>)(...given), clock);
  return { InferenceSession: { create: create as Create }, Tensor: ort.Tensor, env: ort.env };
}

function timed(session: Session, clock: Clock): Session {
  const run = session.run.bind(session) as (...given: unknown[]) => ReturnType<Session["run"]>;
  const withClock = async (...given: unknown[]): ReturnType<Session["run"]> => {
    const start = performance.now();
    const outputs = await run(...given);
    clock.forward += performance.now() - start;
    clock.passes++;
    return outputs;
  };
  session.run = withClock as Session["run"];
  return session;
}
