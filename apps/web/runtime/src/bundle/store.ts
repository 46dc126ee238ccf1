import { folderStore } from "./node.js";

/** Keeps downloaded files: those of a bundle by their sha256, its manifest by its address. */
export interface Store {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  remove(key: string): Promise<void>;
}

/** Where downloads are kept: the browser's Cache API, a folder in Node, a store of your own, nowhere. */
export type CacheOption = boolean | string | Store;

const NAME = "edge-distil";
const ADDRESS = "https://edge-distil.invalid/"; // the Cache API takes addresses alone

/** Return the store of an option; by default the Cache API where there is one. */
export function storeOf(option: CacheOption | undefined): Store | undefined {
  if (option === false) return undefined;
  if (typeof option === "string") return folderStore(option);
  if (typeof option === "object") return option;
  // Absent outside browsers, and on pages that come neither by HTTPS nor from this machine.
  return typeof caches === "undefined" ? undefined : browserStore();
}

/** The key of a file of a bundle. */
export function contentKey(sha256: string): string {
  return `sha256/${sha256}`;
}

/** The key of the manifest at an address. */
export function manifestKey(name: string): string {
  return `manifest/${encodeURIComponent(name)}`;
}

function browserStore(): Store {
  const cache = (): Promise<Cache> => caches.open(NAME);
  return {
    async get(key) {
      const found = await (await cache()).match(ADDRESS + key);
      return found && new Uint8Array(await found.arrayBuffer());
    },
    async put(key, bytes) {
      await (await cache()).put(ADDRESS + key, new Response(bytes as Uint8Array<ArrayBuffer>));
    },
    async remove(key) {
      await (await cache()).delete(ADDRESS + key);
    },
  };
}
