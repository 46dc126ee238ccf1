import { BundleFileMissing, InputError, StorageError } from "../errors.js";
import type { Source } from "./source.js";
import type { Store } from "./store.js";

// Node's own modules are loaded at the first use, so that no bundler looks for them.

interface Node {
  readonly fs: typeof import("node:fs");
  readonly path: typeof import("node:path");
  readonly url: typeof import("node:url");
}

let loaded: Promise<Node> | undefined;

function node(): Promise<Node> {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  if (!process?.versions?.node) {
    throw new InputError(
      "a folder by its path can be opened in Node alone: give a URL, a directory handle or the files' bytes by name",
    );
  }
  const load = (name: string): Promise<unknown> => import(/* @vite-ignore */ /* webpackIgnore: true */ name);
  loaded ??= Promise.all([load("node:fs"), load("node:path"), load("node:url")]).then(
    ([fs, path, url]) => ({ fs, path, url }) as Node,
  );
  return loaded;
}

/** Open a folder of this machine. */
export function openFolder(place: string | URL): Source {
  const file = async (path: string): Promise<string> => {
    const { path: paths, url } = await node();
    return paths.join(typeof place === "string" ? place : url.fileURLToPath(place), ...path.split("/"));
  };
  return {
    name: String(place),
    remote: false,
    async read(path) {
      const { fs } = await node();
      const name = await file(path);
      if (!fs.statSync(name, { throwIfNoEntry: false })?.isFile()) throw missing(name);
      return fs.createReadStream(name, { highWaterMark: 1 << 20 });
    },
    async local(path) {
      const { fs } = await node();
      const name = await file(path);
      const stat = fs.statSync(name, { throwIfNoEntry: false });
      if (!stat?.isFile()) throw missing(name);
      return { path: name, bytes: stat.size };
    },
  };
}

/** Keep files in a folder of this machine, each whole or not at all. */
export function folderStore(folder: string): Store {
  const file = async (key: string): Promise<string> => (await node()).path.join(folder, ...key.split("/"));
  return {
    async get(key) {
      const { fs } = await node();
      return fs.promises.readFile(await file(key)).catch(() => undefined);
    },
    async put(key, bytes) {
      const { fs, path } = await node();
      const name = await file(key);
      const temporary = `${name}.${Math.random().toString(36).slice(2)}.part`;
      try {
        await fs.promises.mkdir(path.dirname(name), { recursive: true });
        await fs.promises.writeFile(temporary, bytes);
        await fs.promises.rename(temporary, name);
      } catch (error) {
        await fs.promises.rm(temporary, { force: true });
        throw new StorageError(
          `${name} cannot be written (${(error as Error).message}): choose another folder, or load with cache: false`,
          { cause: error },
        );
      }
    },
    async remove(key) {
      const { fs } = await node();
      await fs.promises.rm(await file(key), { force: true });
    },
  };
}

function missing(name: string): BundleFileMissing {
  return new BundleFileMissing(`${name} is missing: copy the whole bundle again, or export it again`);
}
