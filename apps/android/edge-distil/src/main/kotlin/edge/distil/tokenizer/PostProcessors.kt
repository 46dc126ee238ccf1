package edge.distil.tokenizer

private const val BYTE_SPACE = 0x120 // Ġ, which byte-level vocabularies write for a space
private val blank = Characters.named("WHITESPACE")

/** A piece of a template: special tokens, or a text (0 or 1). */
private class Piece(val typeId: Int, val ids: List<Int> = emptyList(), val sequence: Int? = null)

/** Puts special tokens around one text, or around a pair. */
internal class PostProcessor private constructor(
    private val single: List<Piece>,
    private val pair: List<Piece>,
    private val changes: List<(Encoding) -> Encoding> = emptyList()
) {
    /** How many tokens it adds. */
    fun added(isPair: Boolean): Int = (if (isPair) pair else single).fold(0) { sum, piece -> sum + piece.ids.size }

    fun process(first: Encoding, second: Encoding? = null): Encoding {
        val texts = listOfNotNull(first, second).map { changes.fold(it) { made, change -> change(made) } }
        return Encoding.joined((if (second == null) single else pair).map { piece ->
            if (piece.sequence == null) Encoding.added(piece.ids, piece.typeId)
            else texts[piece.sequence].placed(piece.sequence, piece.typeId)
        })
    }

    private fun after(change: (Encoding) -> Encoding) = PostProcessor(single, pair, listOf(change) + changes)

    companion object {
        /** Read `tokenizer.json`'s `post_processor`. */
        fun read(read: Description?): PostProcessor = when (read?.type) {
            null -> PostProcessor(listOf(text(0, 0)), listOf(text(0, 0), text(1, 1)))
            "TemplateProcessing" -> PostProcessor(template(read, "single"), template(read, "pair"))
            "BertProcessing" -> {
                val (cls, sep) = ends(read)
                val start = listOf(Piece(0, cls), text(0, 0), Piece(0, sep))
                PostProcessor(start, start + text(1, 1) + Piece(1, sep))
            }
            "RobertaProcessing" -> {
                val (cls, sep) = ends(read)
                val start = listOf(Piece(0, cls), text(0, 0), Piece(0, sep))
                val made = PostProcessor(start, start + Piece(0, sep) + text(1, 0) + Piece(0, sep))
                trimming(read)?.let { made.after(it) } ?: made
            }
            "ByteLevel" -> read(null).let { made -> trimming(read)?.let { made.after(it) } ?: made }
            "Sequence" -> sequence(read)
            else -> throw Description.unsupported("post-processor", read.type)
        }

        /** Of several, at most one adds tokens; the others look at offsets. */
        private fun sequence(read: Description): PostProcessor {
            val (trims, rest) = read.parts("processors").partition { it.type == "ByteLevel" }
            if (rest.size > 1) throw Description.unsupported("post-processor", rest.joinToString(" + ") { "${it.type}" })
            return trims.mapNotNull { trimming(it) }.asReversed().fold(read(rest.firstOrNull())) { made, trim ->
                made.after(trim)
            }
        }

        private fun trimming(read: Description): ((Encoding) -> Encoding)? {
            if (!read.flag("trim_offsets", default = true)) return null
            val prefixed = read.flag("add_prefix_space", default = true)
            return { trimmed(it, prefixed) }
        }

        private fun text(sequence: Int, typeId: Int) = Piece(typeId, sequence = sequence)

        private fun ends(read: Description): List<List<Int>> =
            listOf("cls", "sep").map { listOf((read.list(it)[1] as Number).toInt()) }

        private fun template(read: Description, name: String): List<Piece> {
            val tokens = read.map("special_tokens")
            return read.parts(name).map { piece ->
                val token = piece.part("SpecialToken")
                val sequence = piece.part("Sequence")
                when {
                    token != null -> Piece(
                        token.number("type_id"),
                        Description.of(tokens[token.text("id")])?.list("ids")?.map { (it as Number).toInt() } ?: emptyList()
                    )
                    sequence != null -> text(if (sequence.text("id") == "B") 1 else 0, sequence.number("type_id"))
                    else -> throw Description.unsupported("piece of a template", name)
                }
            }
        }
    }
}

/** Leave the spaces that a token begins or ends with out of its offsets. */
private fun trimmed(encoding: Encoding, prefixed: Boolean): Encoding {
    val starts = encoding.starts.copyOf()
    val ends = encoding.ends.copyOf()
    for (i in starts.indices) {
        val codes = codePoints(encoding.tokens[i])
        var leading = codes.indices.firstOrNull { !isSpace(codes[it]) } ?: codes.size
        val trailing = codes.indices.reversed().indexOfFirst { !isSpace(codes[it]) }.let { if (it < 0) codes.size else it }
        // One space at the start is the one that the pre-tokenizer put there.
        if (leading == 1 && prefixed && (i == 0 || starts[i] == 0)) leading = 0
        val start = minOf(starts[i] + leading, ends[i])
        if (trailing > 0 && ends[i] >= trailing) ends[i] = maxOf(ends[i] - trailing, start)
        starts[i] = start
    }
    return encoding.withOffsets(starts, ends)
}

private fun isSpace(code: Int): Boolean = code == BYTE_SPACE || code in blank
