package edge.distil.tokenizer

import edge.distil.BundleException

/** WordPiece: the longest entry that a word begins with, then the longest that goes on. */
internal class WordPiece(read: Description) : Model {
    override val ids = vocabulary(read)
    private val unknown = ids[read.textOr("unk_token", "[UNK]")] ?: throw BundleException(
        "tokenizer.json's vocabulary has no ${read["unk_token"]}: copy or export the bundle again"
    )
    private val prefix = read.textOr("continuing_subword_prefix", "##")
    private val longest = if (read.has("max_input_chars_per_word")) read.number("max_input_chars_per_word") else 100

    override fun divide(codes: IntArray): List<Part> {
        val whole = listOf(Part(unknown, 0, codes.size))
        if (codes.size > longest) return whole
        val parts = ArrayList<Part>()
        var start = 0
        while (start < codes.size) {
            val part = longestAt(codes, start) ?: return whole
            parts.add(part)
            start = part.end
        }
        return parts
    }

    private fun longestAt(codes: IntArray, start: Int): Part? {
        for (end in codes.size downTo start + 1) {
            val id = ids[(if (start > 0) prefix else "") + textOf(codes, start, end)]
            if (id != null) return Part(id, start, end)
        }
        return null
    }
}
