/** How many threads the engine may use here, and why not more. */

/** More than four threads slow small models down, on phones with slow and fast cores above all. */
const MOST_THREADS = 4;

export const isolated: boolean = globalThis.crossOriginIsolated === true;

export const threads: number = isolated
  ? Math.max(1, Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1))
  : 1;

/** Say why there is one thread; null where there may be several. */
export function threadsNotice(): string | null {
  if (isolated) return null;
  const remedy = globalThis.isSecureContext
    ? "Reload the page once; if this line stays, its server sends no isolation headers."
    : "Browsers isolate pages over HTTPS or on this same device only.";
  return `This page is not isolated, so models run on one thread and measurements have a coarser clock. ${remedy}`;
}

/** Whether this browser offers a GPU to pages. */
export async function hasWebGpu(): Promise<boolean> {
  const gpu = (navigator as { gpu?: { requestAdapter(): Promise<unknown> } }).gpu;
  try {
    return gpu !== undefined && (await gpu.requestAdapter()) !== null;
  } catch {
    return false;
  }
}
