package edge.distil

import edge.distil.tokenizer.Encoding
import edge.distil.tokenizer.Tokenizer
import edge.distil.tokenizer.TokenizerSettings
import java.io.Closeable
import java.io.File

/**
 * A bundle's tokenizer and model, ready to run.
 *
 * @param variant By default fp32 or, where its file was left out, the first that is there.
 * @param open Opens a model's file: `OnnxEngine.open(it)` on Android.
 * @throws BundleException The bundle is not what its manifest says.
 */
class Encoder(val bundle: Bundle, variant: String? = null, open: (File) -> Engine) : Closeable {
    val tokenizer: Tokenizer
    val maxLength: Int get() = bundle.manifest.maxLength
    val outputs: List<String> get() = engine.outputs
    private val settings: TokenizerSettings
    private val engine: Engine
    private val padId: Long
    private val name: String

    init {
        val read = bundle.json(TOKENIZER) ?: throw BundleException(
            "${bundle.folder}/$TOKENIZER is missing: copy the whole bundle again, or export it again"
        )
        val plain = Tokenizer.of(read)
        settings = TokenizerSettings.read({ if (it == TOKENIZER) read else bundle.json(it) }) { plain.id(it) != null }
        tokenizer = if (settings.truncateLeft || settings.splitSpecial) {
            Tokenizer.of(read, settings.truncateLeft, settings.splitSpecial)
        } else plain
        padId = (specialId("pad_token") ?: 0).toLong()
        checkGolden()
        val (chosen, file) = bundle.model(variant)
        name = "${bundle.folder} $chosen"
        engine = open(file)
    }

    /** Return the id of the special token of a role, where there is one. */
    internal fun specialId(role: String): Int? = settings.special[role]?.let { tokenizer.id(it) }

    /** Tokenize a text, cut to the model's maximum. */
    internal fun encode(text: String): Encoding = tokenizer.encode(beginning(text), maxLength = maxLength)

    /** Return what is tokenized of a text at most, counted in code points. */
    private fun beginning(text: String): String {
        val most = settings.maxCharacters ?: return text
        return if (text.codePointCount(0, text.length) <= most) text
        else text.substring(0, text.offsetByCodePoints(0, most))
    }

    /**
     * Run one encoding, not padded, and return the outputs wanted, each of shape (1, ...).
     */
    internal fun run(encoding: Encoding, wanted: List<String>): Map<String, Floats> {
        if (encoding.size == 0 && !bundle.manifest.static) throw SessionException(
            "$name: the tokenizer makes no tokens of a text, expected at least one for this model: give another " +
                "text, or check tokenizer.json's post_processor"
        )
        val width = maxOf(1, encoding.size) // engines differ about arrays without numbers
        val missing = wanted.filter { it !in engine.outputs }
        if (missing.isNotEmpty()) throw SessionException(
            "$name gives ${engine.outputs.joinToString()}, expected ${missing.joinToString()}: export the bundle again"
        )
        val found = engine.run(feeds(encoding, width), wanted)
        for ((output, floats) in found) check(output, floats, width)
        return found
    }

    override fun close() = engine.close()

    private fun feeds(encoding: Encoding, width: Int): Map<String, LongArray> {
        fun row(fill: Long, value: (Int) -> Int) = LongArray(width) { if (it < encoding.size) value(it).toLong() else fill }
        val given = mapOf(
            "input_ids" to row(padId) { encoding.ids[it] },
            "attention_mask" to row(0) { 1 },
            "token_type_ids" to row(0) { if (settings.tokenTypes) encoding.typeIds[it] else 0 }
        )
        return engine.inputs.associateWith {
            given[it] ?: throw SessionException(
                "$name takes the input $it, which the tokenizer does not give (it gives ${given.keys.joinToString()}): " +
                    "export the checkpoint again, without --position-ids"
            )
        }
    }

    private fun check(output: String, floats: Floats, width: Int) {
        val (shape, data) = floats.shape to floats.data
        val perToken = output != POOLED
        val fits = shape.size >= 2 && shape[0] == 1 && shape.fold(1) { size, axis -> size * axis } == data.size
        // A graph for CLS pooling may compute the first token alone.
        if (!fits || (perToken && shape[1] != width && shape[1] != 1)) throw SessionException(
            "$name gives $output of shape ${shape.toList()}, expected (1, $width, ...): export the bundle again"
        )
        if (data.any { it.isNaN() || it.isInfinite() }) throw SessionException(
            "$name gives numbers in $output that are not finite: take another variant, or export the bundle again"
        )
    }

    private fun checkGolden() {
        val wrong = bundle.manifest.golden.firstOrNull { tokenizer.encode(it.text).ids.toList() != it.ids } ?: return
        throw BundleException(
            "${bundle.folder}/$TOKENIZER gives other tokens than the checkpoint's for '${wrong.text}': it was " +
                "edited, or is of a family that edge-distil does not test; copy or export the bundle again"
        )
    }

    internal companion object {
        const val POOLED = "sentence_embedding"
        private const val TOKENIZER = "tokenizer.json"
    }
}
