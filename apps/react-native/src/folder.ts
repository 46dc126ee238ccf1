import { BundleFileMissing, type Source } from "edge-distil";

const BLOCK = 1 << 20; // bytes read at once, between which the screen has its turn

/** What is read of expo-file-system's `File`. */
export interface FileLike {
  readonly uri: string;
  readonly exists: boolean;
  readonly size: number;
  open(): { readBytes(length: number): Promise<Uint8Array>; close(): void };
}

/**
 * Open a folder of the device for `load`.
 *
 * @param name For messages.
 * @param file Returns a file of the folder by its path inside it.
 */
export function folderSource(name: string, file: (path: string) => FileLike): Source {
  const found = (path: string): FileLike => {
    const one = file(path);
    if (!one.exists) throw new BundleFileMissing(`${name}/${path} is missing: download the bundle again`);
    return one;
  };
  return {
    name,
    remote: false,
    async read(path) {
      return blocks(found(path));
    },
    async local(path) {
      const { uri, size } = found(path);
      return { path: pathOf(uri), bytes: size };
    },
  };
}

/** Return the path of a `file:` address, which is what onnxruntime opens. */
export function pathOf(uri: string): string {
  return decodeURIComponent(uri.replace(/^file:\/\//, ""));
}

/** Return the files that a variant of a bundle needs, by their paths inside it. */
export function filesOf(manifest: unknown, variant: string): string[] {
  const { files, variants } = manifest as {
    files: { path: string }[];
    variants: Record<string, { file: { path: string } } | undefined>;
  };
  const model = variants[variant];
  if (!model) throw new BundleFileMissing(`the bundle has no variant ${variant}, only ${Object.keys(variants).join(", ")}`);
  return [...files, model.file].map(({ path }) => path);
}

async function* blocks(file: FileLike): AsyncGenerator<Uint8Array> {
  const handle = file.open();
  try {
    for (let left = file.size; left > 0; ) {
      const block = await handle.readBytes(Math.min(left, BLOCK));
      if (!block.length) return;
      left -= block.length;
      yield block;
    }
  } finally {
    handle.close();
  }
}
