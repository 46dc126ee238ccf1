package edge.distil.tokenizer

/**
 * Tokens of a text, or of a pair, as columns of equal length.
 *
 * Offsets count code points of the text that a token belongs to, as Python's strings do;
 * `text.offsetByCodePoints(0, start)` is where a Kotlin string has it.
 */
class Encoding internal constructor(
    val ids: IntArray,
    /** The vocabulary's entries; of an added token the text that it took, spaces included. */
    internal val tokens: List<String>,
    val typeIds: IntArray,
    val starts: IntArray,
    val ends: IntArray,
    /** The number of the word that a token is a piece of; -1 for what the template adds. */
    val words: IntArray,
    /** 0 for the first text, 1 for the second, -1 for what the template adds. */
    val sequences: IntArray
) {
    val size: Int get() = ids.size

    /** Return tokens `start` to `end`. */
    internal fun cut(start: Int, end: Int) = Encoding(
        ids.copyOfRange(start, end), tokens.subList(start, end), typeIds.copyOfRange(start, end),
        starts.copyOfRange(start, end), ends.copyOfRange(start, end), words.copyOfRange(start, end),
        sequences.copyOfRange(start, end)
    )

    /** Return the first so many tokens, or the last. */
    internal fun cutTo(length: Int, left: Boolean): Encoding = when {
        size <= length -> this
        left -> cut(size - length, size)
        else -> cut(0, length)
    }

    /** Cut into windows of at most `length` tokens that overlap by `stride`, on the left from the end. */
    internal fun windows(length: Int, stride: Int, left: Boolean): List<Encoding> {
        if (size <= length) return listOf(this)
        val made = ArrayList<Encoding>()
        var done = 0
        while (true) {
            val end = minOf(done + length, size)
            made.add(if (left) cut(size - end, size - done) else cut(done, end))
            if (end == size) return made
            done += length - stride
        }
    }

    /** Return the same tokens as part of a template. */
    internal fun placed(sequence: Int, typeId: Int) =
        Encoding(ids, tokens, IntArray(size) { typeId }, starts, ends, words, IntArray(size) { sequence })

    internal fun withOffsets(starts: IntArray, ends: IntArray) =
        Encoding(ids, tokens, typeIds, starts, ends, words, sequences)

    internal companion object {
        /** Put encodings behind each other. */
        fun joined(parts: List<Encoding>): Encoding {
            fun column(of: (Encoding) -> IntArray) = parts.fold(IntArray(0)) { made, part -> made + of(part) }
            return Encoding(
                column { it.ids }, parts.flatMap { it.tokens }, column { it.typeIds }, column { it.starts },
                column { it.ends }, column { it.words }, column { it.sequences }
            )
        }

        /** Return tokens that a template adds. */
        fun added(ids: List<Int>, typeId: Int): Encoding {
            val none = IntArray(ids.size) { -1 }
            val zeros = IntArray(ids.size)
            return Encoding(
                ids.toIntArray(), ids.map { "" }, IntArray(ids.size) { typeId }, zeros, zeros, none, none
            )
        }
    }
}
