package edge.distil.tokenizer

import edge.distil.BundleException

private const val UNKNOWN = "\u0000" // of no merge

/** Byte-pair encoding: neighbours are merged, the pair of the lowest rank first. */
internal class Bpe(read: Description) : Model {
    private class Symbol(val text: String, val start: Int, val end: Int, val id: Int)

    override val ids = vocabulary(read)
    private val ranks: Map<String, Int> = read.list("merges").mapIndexed { rank, pair ->
        (if (pair is List<*>) pair.joinToString(" ") else pair as String) to rank
    }.toMap()
    private val prefix = read.textOr("continuing_subword_prefix", "")
    private val suffix = read.textOr("end_of_word_suffix", "")
    private val unknown = (read["unk_token"] as? String)?.let { ids[it] }
    private val fuse = read.flag("fuse_unk")
    private val bytes = read.flag("byte_fallback")
    private val whole = read.flag("ignore_merges")

    override fun divide(codes: IntArray): List<Part> {
        val known = if (whole) ids[textOf(codes)] else null
        if (known != null) return listOf(Part(known, 0, codes.size))
        return merged(symbols(codes)).map { Part(it.id, it.start, it.end) }
    }

    /** The characters' entries, the unknown one for what has none, or nothing where there is no such. */
    private fun symbols(codes: IntArray): List<Symbol> {
        val made = ArrayList<Symbol>()
        for (i in codes.indices) {
            val text = (if (i > 0) prefix else "") + textOf(codes, i, i + 1) + (if (i == codes.size - 1) suffix else "")
            val id = ids[text]
            val spelled = if (id == null && bytes) byteEntries(codes[i], ids) else null
            when {
                id != null -> made.add(Symbol(text, i, i + 1, id))
                spelled != null -> spelled.forEach { (name, byte) -> made.add(Symbol(name, i, i + 1, byte)) }
                unknown == null -> Unit
                fuse && made.isNotEmpty() && made.last().text == UNKNOWN ->
                    made.add(Symbol(UNKNOWN, made.removeAt(made.size - 1).start, i + 1, unknown))
                else -> made.add(Symbol(UNKNOWN, i, i + 1, unknown))
            }
        }
        return made
    }

    private fun merged(symbols: List<Symbol>): List<Symbol> {
        val parts = ArrayList(symbols)
        while (true) {
            val best = lowest(parts) ?: return parts
            val first = parts[best]
            val second = parts.removeAt(best + 1)
            val text = first.text + second.text.substring(prefix.length)
            val id = ids[text] ?: throw BundleException(
                "tokenizer.json merges to '$text', which its vocabulary lacks: copy or export the bundle again"
            )
            parts[best] = Symbol(text, first.start, second.end, id)
        }
    }

    /** The place of the pair of the lowest rank; of equal ones the first. */
    private fun lowest(parts: List<Symbol>): Int? {
        var best: Int? = null
        var least = Int.MAX_VALUE
        for (i in 0 until parts.size - 1) {
            val rank = ranks["${parts[i].text} ${parts[i + 1].text}"] ?: continue
            if (rank < least) {
                least = rank
                best = i
            }
        }
        return best
    }
}
