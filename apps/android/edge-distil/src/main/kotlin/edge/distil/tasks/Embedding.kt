package edge.distil.tasks

import edge.distil.BundleException
import edge.distil.Encoder
import edge.distil.InputException

/**
 * Embeds texts.
 *
 * A `sentence-similarity` bundle pools and normalises as its checkpoint says. A plain
 * `feature-extraction` bundle takes the mean over the tokens.
 *
 * Source: `edge_distil/tasks/embedding.py`, whose names, meanings and defaults these are.
 */
class Embedding(private val encoder: Encoder) {
    private val settings = encoder.bundle.manifest.pooling

    init {
        val task = encoder.bundle.manifest.task
        if (task !in TASKS) throw BundleException(
            "${encoder.bundle.folder} is a $task bundle, expected ${TASKS.joinToString(" or ")}: choose another"
        )
    }

    /**
     * Embed a text, cut to the model's maximum length. Not for the main thread.
     *
     * @param normalizeEmbeddings Scale the vector to length 1 (the bundle may do so already).
     * @param truncateDim Keep the first so many dimensions (Matryoshka models).
     * @param promptName Put the checkpoint's prompt of that name before the text; by default its
     *     default prompt.
     * @param prompt Put this before the text, whatever the name.
     * @throws InputException Half a surrogate pair, an unknown prompt, or a size below 1.
     */
    fun encode(
        text: String,
        normalizeEmbeddings: Boolean = false,
        truncateDim: Int? = null,
        promptName: String? = null,
        prompt: String? = null
    ): FloatArray {
        if (truncateDim != null && truncateDim < 1) throw InputException("truncateDim is $truncateDim, expected 1 or more")
        val prefix = prompt ?: named(promptName)
        val whole = embed(prefix + text, leftOut(prefix))
        val kept = if (truncateDim == null) whole else whole.copyOf(minOf(truncateDim, whole.size))
        return if (normalizeEmbeddings) normalize(kept) else kept
    }

    /** Embed a query: `encode` with the prompt named "query". */
    fun encodeQuery(text: String, normalizeEmbeddings: Boolean = false, truncateDim: Int? = null): FloatArray =
        encode(text, normalizeEmbeddings, truncateDim, promptName = "query")

    /** Embed what is searched: `encode` with the prompt named "document". */
    fun encodeDocument(text: String, normalizeEmbeddings: Boolean = false, truncateDim: Int? = null): FloatArray =
        encode(text, normalizeEmbeddings, truncateDim, promptName = "document")

    /** Run one text; its first `leftOut` tokens are not pooled. */
    private fun embed(text: String, leftOut: Int): FloatArray {
        val encoding = encoder.encode(text)
        val pooled = Encoder.POOLED in encoder.outputs && leftOut == 0
        val name = if (pooled) Encoder.POOLED else HIDDEN.firstOrNull { it in encoder.outputs } ?: encoder.outputs[0]
        val floats = encoder.run(encoding, listOf(name)).getValue(name)
        if (pooled) return floats.data
        val vector = TokenVectors(floats) { it in leftOut until encoding.size }.pool(settings?.modes ?: listOf("mean"))
        return if (settings != null && settings.normalize) normalize(vector) else vector
    }

    /** Return how many tokens are the prompt's, where the pooling leaves them out. */
    private fun leftOut(prefix: String): Int {
        if (prefix.isEmpty() || settings == null || settings.includePrompt) return 0
        // The prompt alone is counted, without the special token behind it, as sentence-transformers does.
        val ids = encoder.encode(prefix).ids
        return ids.size - (if (ids.isNotEmpty() && encoder.tokenizer.isSpecial(ids.last())) 1 else 0)
    }

    private fun named(promptName: String?): String {
        val known = ALWAYS.associateWith { "" } + (settings?.prompts ?: emptyMap())
        val name = promptName ?: settings?.defaultPrompt ?: return ""
        return known[name] ?: throw InputException(
            "the bundle has no prompt '$name', only ${known.keys.joinToString()}: give the text itself as prompt"
        )
    }

    private companion object {
        val TASKS = listOf("sentence-similarity", "feature-extraction")
        val ALWAYS = listOf("query", "document") // names that every model knows, empty where it has none
        val HIDDEN = listOf("last_hidden_state", "token_embeddings")
    }
}
