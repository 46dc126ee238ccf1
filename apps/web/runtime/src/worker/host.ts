import { load, type AnyTask, type LoadOptions } from "../load.js";
import type { From } from "../bundle/source.js";
import { InputError } from "../errors.js";
import type { Engine } from "../session.js";
import { written, type Opened, type Port, type Reply, type Request } from "./messages.js";

type Method = (...values: unknown[]) => unknown;

/**
 * Serve one task object from a worker; the page's end is `loadInWorker`.
 *
 *     import * as ort from "onnxruntime-web";
 *     import { host } from "edge-distil/worker";
 *     host(ort);
 */
export function host(engine: Engine, port: Port = globalThis as unknown as Port): void {
  const running = new Map<number, AbortController>();
  let task: Promise<AnyTask> | undefined;

  const answer = async (method: string, values: readonly unknown[]): Promise<unknown> => {
    if (method === "load") {
      const [source, options] = values as [From, Omit<LoadOptions, "engine">];
      task = load(source, { ...options, engine });
      const { variant, bundle } = await task;
      return { variant, name: bundle.name, manifest: bundle.manifest } satisfies Opened;
    }
    if (!task) throw new InputError("the worker has no bundle yet: call loadInWorker first");
    const opened = await task;
    return (opened as unknown as Record<string, Method>)[method]!(...values);
  };

  port.addEventListener("message", ({ data }) => {
    const request = data as Request;
    if ("abort" in request) {
      running.get(request.id)?.abort();
      return;
    }
    const { id, method, callbacks } = request;
    const controller = new AbortController();
    const post = (reply: Reply): void => port.postMessage(reply);
    const calling = Object.fromEntries(
      callbacks.map((callback) => [callback, (value: unknown) => post({ id, callback, value })]),
    );
    const values = [...request.values];
    // What a channel cannot carry of the options is put back here.
    if (method !== "close") values[values.length - 1] = { ...(values.at(-1) as object), ...calling, signal: controller.signal };
    running.set(id, controller);
    answer(method, values)
      .then((result) => post({ id, result }))
      .catch((error: unknown) => post({ id, error: written(error) }))
      .finally(() => running.delete(id));
  });
  port.start?.();
}
