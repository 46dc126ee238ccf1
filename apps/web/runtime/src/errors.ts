/**
 * The errors that edge-distil throws on purpose. Each message says what was got, what was expected
 * and what to do.
 */
export class EdgeDistilError extends Error {
  override readonly name: string = "EdgeDistilError";
}

/** A bundle is missing, damaged, foreign or of another version. */
export class BundleError extends EdgeDistilError {
  override readonly name = "BundleError";
}

/** The engine cannot load or run the model. */
export class SessionError extends EdgeDistilError {
  override readonly name = "SessionError";
}

/** A text or an option cannot be used. */
export class InputError extends EdgeDistilError {
  override readonly name = "InputError";
}
