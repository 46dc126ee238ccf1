import { BundleError } from "../errors.js";

/** A part of `tokenizer.json`, by its type. */
export interface Description {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Return the error of a part that this runtime does not have. */
export function unsupported(part: string, type: string): BundleError {
  return new BundleError(
    `tokenizer.json has the ${part} ${type}, which this runtime does not know: ` +
      "export a checkpoint of a family that edge-distil tests",
  );
}
