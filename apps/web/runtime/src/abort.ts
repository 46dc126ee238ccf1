const LONGEST_STRETCH = 40; // milliseconds of work after which a page may draw and react

/** Options of every call that can be cancelled. */
export interface Cancellable {
  /** Ends the call before its next batch; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Throw the signal's reason if it was aborted. React Native's signals cannot do so themselves. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw signal.reason ?? Object.assign(new Error("This call was aborted"), { name: "AbortError" });
}

let last = 0;

/**
 * Let the page, or the worker's messages, have their turn if it is time, then look at the signal.
 *
 * WebAssembly runs on the caller's thread, so that a click on "cancel" would wait for the end.
 */
export async function breathe(signal: AbortSignal | undefined): Promise<void> {
  const now = Date.now();
  if (now - last > LONGEST_STRETCH) {
    await turn();
    last = Date.now();
  }
  throwIfAborted(signal);
}

/** Wait for the next turn of the event loop; a timer's is some 4 ms away in browsers. */
function turn(): Promise<void> {
  const { setImmediate: immediate } = globalThis as { setImmediate?: (then: () => void) => void };
  if (immediate) return new Promise((resolve) => immediate(resolve));
  if (typeof MessageChannel === "undefined") return new Promise((resolve) => setTimeout(resolve, 0));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
