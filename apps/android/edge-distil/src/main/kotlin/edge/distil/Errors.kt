package edge.distil

/**
 * What edge-distil throws on purpose. Each message says what was got, what was expected and what
 * to do.
 */
open class EdgeDistilException(message: String, cause: Throwable? = null) : Exception(message, cause)

/** A bundle is missing, damaged, foreign or of another version. */
class BundleException(message: String, cause: Throwable? = null) : EdgeDistilException(message, cause)

/** The engine cannot load or run the model, or the model gives what its task does not. */
class SessionException(message: String, cause: Throwable? = null) : EdgeDistilException(message, cause)

/** A text or an option cannot be used. */
class InputException(message: String) : EdgeDistilException(message)
