import { TaskError } from "../errors.js";
import type { Bundle } from "../bundle/files.js";
import type { TaskName } from "../bundle/manifest.js";
import type { Encoder } from "../encoder.js";

/** A task object over an opened encoder. */
export abstract class Task {
  /** @throws TaskError The bundle is for another task. */
  constructor(
    protected readonly encoder: Encoder,
    names: readonly TaskName[],
  ) {
    const { bundle } = encoder;
    if (!names.includes(bundle.manifest.task)) {
      throw new TaskError(
        `${bundle.name} is a ${bundle.manifest.task} bundle, expected ${names.join(" or ")}: choose another bundle, or ` +
          "export the checkpoint with --task",
      );
    }
  }

  /** The bundle that runs. */
  get bundle(): Bundle {
    return this.encoder.bundle;
  }

  /** The name of the variant that runs. */
  get variant(): string {
    return this.encoder.variant;
  }

  /** Free the model's memory; the object cannot be used after that. */
  close(): Promise<void> {
    return this.encoder.session.close();
  }
}

const BLOCK = 64; // inputs among which those of like length find each other

/** Gather a stream's inputs in blocks. */
export async function* inBlocks<T>(inputs: AsyncIterable<T> | Iterable<T>, size = BLOCK): AsyncGenerator<T[]> {
  let block: T[] = [];
  for await (const input of inputs) {
    block.push(input);
    if (block.length === size) {
      yield block;
      block = [];
    }
  }
  if (block.length) yield block;
}
