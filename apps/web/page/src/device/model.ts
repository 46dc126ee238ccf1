/** A model in a worker of its own, as the page calls it. */

import { Failure, failure } from "./failure";
import type { Call, Calls, Opened, Opening, Reply } from "./protocol";

export type OnProgress = (done: number, total: number) => void;
type Waiting = { resolve: (value: never) => void; reject: (error: Failure) => void };

export class Model {
  private readonly worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;
  private ended: Failure | null = null;
  /** Milliseconds, of the page's clock, when the worker was started. */
  readonly startedAt = performance.now();

  private constructor(private readonly onProgress?: OnProgress) {
    this.worker.onmessage = (event: MessageEvent<Reply>) => this.receive(event.data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.end(failure(new Error(event.message || "the worker could not be started")));
    };
  }

  /**
   * Start a worker and open a model in it.
   *
   * @throws Failure What is wrong, and what to do.
   */
  static async open(
    opening: Opening,
    options: { onProgress?: OnProgress; signal?: AbortSignal } = {},
  ): Promise<{ model: Model; opened: Opened }> {
    const model = new Model(options.onProgress);
    options.signal?.addEventListener("abort", () => model.close(), { once: true });
    try {
      options.signal?.throwIfAborted();
      return { model, opened: await model.call("open", opening) };
    } catch (error) {
      model.close();
      throw failure(error);
    }
  }

  /** Call the worker; calls are answered in their order. */
  call<K extends Call>(call: K, ...values: Parameters<Calls[K]>): Promise<ReturnType<Calls[K]>> {
    if (this.ended) return Promise.reject(this.ended);
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (value: never) => void, reject });
      this.worker.postMessage({ id, call, values });
    });
  }

  /** End the worker, and give its memory back. */
  close(): void {
    this.end(new Failure("cancelled", "Cancelled."));
  }

  private end(why: Failure): void {
    this.worker.terminate();
    this.ended ??= why;
    for (const { reject } of this.waiting.values()) reject(this.ended);
    this.waiting.clear();
  }

  private receive(reply: Reply): void {
    if ("progress" in reply) {
      this.onProgress?.(reply.progress.done, reply.progress.total);
      return;
    }
    const waiting = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if ("error" in reply) {
      const error = Object.assign(new Error(reply.error.message), { name: reply.error.name });
      waiting?.reject(failure(error));
    } else {
      waiting?.resolve(reply.value as never);
    }
  }
}
