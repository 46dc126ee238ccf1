/** What can go wrong on a device, in words for the person who holds it. */

export type FailureKind = "memory" | "damaged" | "network" | "cancelled" | "other";

export class Failure extends Error {
  override readonly name = "Failure";
  constructor(
    readonly kind: FailureKind,
    message: string,
  ) {
    super(message);
  }
}

const MEMORY = /out of memory|bad_alloc|allocation failed|array buffer allocation|memory access out of bounds|Aborted\(OOM|failed to grow|failed to allocate|could not allocate/i;
const DAMAGED = /sha256|hash|bundlecorrupt|truncated|was edited|differs from/i;
const NETWORK = /failed to fetch|networkerror|load failed|network error/i;

/** Sort an error of the runtime or the browser into what to do about it. */
export function failure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const name = error instanceof Error ? error.name : "";
  const message = error instanceof Error ? error.message : String(error);
  if (name === "AbortError") return new Failure("cancelled", "Cancelled.");
  const all = `${name}: ${message}`;
  if (/^OutOfMemory/.test(name) || error instanceof RangeError || MEMORY.test(all)) return new Failure("memory", OUT_OF_MEMORY);
  if (/^Bundle(Corrupt|FileMissing)/.test(name) || DAMAGED.test(all)) {
    return new Failure("damaged", `The download is damaged, so it was not used. Load it again, or ask whoever serves this page. (${message})`);
  }
  if (NETWORK.test(all)) {
    return new Failure("network", "The model is not on this device yet, and its server does not answer. Try again when it is there.");
  }
  return new Failure("other", message);
}

const OUT_OF_MEMORY =
  "This device does not have the memory for that. Close other tabs and apps, or choose int8, which needs a quarter of it.";
