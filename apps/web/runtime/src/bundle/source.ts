import { BundleFileMissing, DownloadError, InputTypeError } from "../errors.js";
import { openFolder } from "./node.js";

/** What a bundle can be opened from, beside a `Source`. */
export type From =
  | string
  | URL
  | Folder
  | ReadonlyMap<string, Content>
  | Readonly<Record<string, Content>>
  | Source;

/** The bytes of a file. */
export type Content = Uint8Array | ArrayBuffer | Blob;

/** A browser's `FileSystemDirectoryHandle`, as far as it is used here. */
export interface Folder {
  readonly kind: "directory";
  readonly name: string;
  getDirectoryHandle(name: string): Promise<Folder>;
  getFileHandle(name: string): Promise<{ getFile(): Promise<Blob> }>;
}

/** Where the files of a bundle come from. Give one of your own where there is no `fetch` and no Node. */
export interface Source {
  /** For messages, and what a manifest is kept under. */
  readonly name: string;
  /** Far away: what comes is worth keeping, and is hashed whatever its size. */
  readonly remote: boolean;
  /**
   * Read a file of the bundle.
   *
   * @throws BundleFileMissing There is no such file.
   */
  read(path: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** A file that the engine can open by itself, and its size; where there is one. */
  local?(path: string): Promise<{ path: string; bytes: number }>;
}

/** Return the files of a place. */
export function sourceOf(from: From): Source {
  if (from instanceof URL || (typeof from === "string" && /^[a-z][a-z0-9+.-]+:\/\//i.test(from))) {
    return ofUrl(new URL(from));
  }
  if (typeof from === "string") {
    const page = (globalThis as { location?: { href: string } }).location;
    return page ? ofUrl(new URL(from, page.href)) : openFolder(from);
  }
  if (typeof from !== "object" || from === null) {
    throw new InputTypeError(
      `the source is ${from === null ? "null" : `a ${typeof from}`}, expected a URL, a path, a folder or the ` +
        "files' bytes by name",
    );
  }
  if (isSource(from)) return from;
  if (isFolder(from)) return ofFolder(from);
  return ofBytes(from instanceof Map ? from : new Map(Object.entries(from)));
}

function isSource(from: object): from is Source {
  return typeof (from as Source).read === "function";
}

function isFolder(from: object): from is Folder {
  return typeof (from as Folder).getFileHandle === "function";
}

function ofUrl(url: URL): Source {
  if (url.protocol === "file:") return openFolder(url);
  const base = new URL(url);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  return {
    name: base.href,
    remote: true,
    async read(path, signal) {
      const file = new URL(path.split("/").map(encodeURIComponent).join("/"), base);
      file.search = base.search;
      return body(await get(file, signal), file, signal);
    },
  };
}

async function get(url: URL, signal: AbortSignal | undefined): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, signal ? { signal } : {});
  } catch (error) {
    if (signal?.aborted) throw signal.reason ?? error;
    throw new DownloadError(
      `${url.href} cannot be reached (${(error as Error).message}): see to the connection and try again`,
      { cause: error },
    );
  }
  if (response.status === 404 || response.status === 410) {
    throw new BundleFileMissing(`${url.href} is not there (HTTP ${response.status}): see to the address`);
  }
  if (!response.ok) {
    throw new DownloadError(`${url.href} answers HTTP ${response.status}, expected 200: try again, or see to the server`);
  }
  return response;
}

async function* body(response: Response, url: URL, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  try {
    if (!response.body) {
      yield new Uint8Array(await response.arrayBuffer());
      return;
    }
    const reader = response.body.getReader();
    try {
      for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
    } finally {
      void reader.cancel().catch(() => undefined);
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason ?? error;
    throw new DownloadError(`the download of ${url.href} broke off (${(error as Error).message}): try again`, {
      cause: error,
    });
  }
}

function ofFolder(folder: Folder): Source {
  return {
    name: folder.name,
    remote: false,
    async read(path) {
      const parts = path.split("/");
      let place = folder;
      try {
        for (const part of parts.slice(0, -1)) place = await place.getDirectoryHandle(part);
        return blobs(await (await place.getFileHandle(parts.at(-1)!)).getFile());
      } catch (error) {
        throw missing(`${folder.name}/${path}`, error);
      }
    },
  };
}

function ofBytes(files: ReadonlyMap<string, Content>): Source {
  return {
    name: "the given files",
    remote: false,
    async read(path) {
      const content = files.get(path);
      if (content === undefined) throw missing(path);
      if (content instanceof Uint8Array) return once(content);
      if (content instanceof ArrayBuffer) return once(new Uint8Array(content));
      if (typeof (content as Blob)?.stream === "function") return blobs(content);
      throw new InputTypeError(`${path} is given as a ${typeof content}, expected a Uint8Array, an ArrayBuffer or a Blob`);
    },
  };
}

function missing(name: string, cause?: unknown): BundleFileMissing {
  return new BundleFileMissing(`${name} is missing: give the whole bundle`, { cause });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* blobs(blob: Blob): AsyncGenerator<Uint8Array> {
  const reader = blob.stream().getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
}
