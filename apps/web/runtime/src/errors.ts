/**
 * Every error that edge-distil throws on purpose. Each says what was got, what was expected and
 * what to do, in one line:
 *
 *     EdgeDistilError
 *     ├── BundleError
 *     │   ├── BundleNotFound      no manifest at the given place
 *     │   ├── BundleFileMissing   the manifest names a file that is not there
 *     │   ├── BundleCorrupt       truncated, edited, half-written or foreign
 *     │   ├── SchemaUnsupported   a manifest of another version of the format
 *     │   └── VariantMissing      the bundle has no such variant
 *     ├── DownloadError           the network or the server failed
 *     ├── StorageError            the cache cannot be written or read
 *     ├── SessionError            the engine cannot load or run the model
 *     │   ├── OutputError         its outputs are no numbers, or not the task's
 *     │   └── OutOfMemory         it has not the memory for it
 *     ├── TaskError               the wrong task
 *     └── InputError              a text or an option that cannot be used
 *         └── InputTypeError      ... for it is of another type
 *
 * A call that was cancelled rejects with the reason of its `AbortSignal`.
 */
export class EdgeDistilError extends Error {
  override readonly name: string = "EdgeDistilError";

  /** Messages quote file names, labels and texts of strangers, so they are shown escaped. */
  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options);
  }
}

/** Something is wrong with a bundle. */
export class BundleError extends EdgeDistilError {
  override readonly name: string = "BundleError";
}

/** There is no bundle at the given place. */
export class BundleNotFound extends BundleError {
  override readonly name: string = "BundleNotFound";
}

/** A file that the bundle needs is absent. */
export class BundleFileMissing extends BundleError {
  override readonly name: string = "BundleFileMissing";
}

/** A file differs from its record, or this is no bundle at all. */
export class BundleCorrupt extends BundleError {
  override readonly name: string = "BundleCorrupt";
}

/** The manifest's schema version is not one that this release reads. */
export class SchemaUnsupported extends BundleError {
  override readonly name: string = "SchemaUnsupported";
}

/** The bundle has no variant of that name. */
export class VariantMissing extends BundleError {
  override readonly name: string = "VariantMissing";
}

/** The network or the server failed. */
export class DownloadError extends EdgeDistilError {
  override readonly name: string = "DownloadError";
}

/** The cache cannot be written or read. */
export class StorageError extends EdgeDistilError {
  override readonly name: string = "StorageError";
}

/** The engine cannot load or run the model. */
export class SessionError extends EdgeDistilError {
  override readonly name: string = "SessionError";
}

/** A model's output is not finite, or not of the shape that its task reads. */
export class OutputError extends SessionError {
  override readonly name: string = "OutputError";
}

/** The engine did not get the memory that a model or a batch needs. */
export class OutOfMemory extends SessionError {
  override readonly name: string = "OutOfMemory";
}

/** The bundle serves another task. */
export class TaskError extends EdgeDistilError {
  override readonly name: string = "TaskError";
}

/** A text or an option cannot be used. */
export class InputError extends EdgeDistilError {
  override readonly name: string = "InputError";
}

/** Something is no text, no pair, or an option of another type. */
export class InputTypeError extends InputError {
  override readonly name: string = "InputTypeError";
}

// Control characters of ASCII and of Latin-1, ends of lines and paragraphs, changes of the writing
// direction, halves of surrogate pairs: a terminal acts on them instead of drawing them.
const ACTS = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/gu;

/** Escape what is not drawn but acted on; the escapes are JSON's. */
export function printable(text: string): string {
  return text.replace(ACTS, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Cut a text for a message of one line. */
export function shortened(text: string, most = 40): string {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most).join("")}...`;
}
