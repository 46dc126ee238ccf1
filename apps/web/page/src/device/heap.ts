/** How large the engine's heap is: in all browsers, by watching it come to be. */

let heap: WebAssembly.Memory | undefined;
let initial: number | null = null;

/** Keep every WebAssembly memory that is made from now on; the engine makes one. */
export function watchHeap(): void {
  const Native = WebAssembly.Memory;
  class Watched extends Native {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      heap = this;
      initial = this.buffer.byteLength;
    }
  }
  (WebAssembly as { Memory: unknown }).Memory = Watched;
}

/** Bytes of the engine before it holds a model; null before there is one. */
export const initialHeapBytes = (): number | null => initial;

/** Bytes; it never shrinks, so this is also the most that it was. Null before there is one. */
export const heapBytes = (): number | null => heap?.buffer.byteLength ?? null;
