package edge.distil.tokenizer

import edge.distil.BundleException
import java.util.PriorityQueue

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

    private fun merged(symbols: List<Symbol>): List<Symbol> = Merging(symbols).run()

    /** A pair of neighbours that may be merged; the text tells whether they are still the same two. */
    private class Offer(val rank: Int, val left: Int, val right: Int, val text: String)

    /** Merges the pair of the lowest rank, of equals the first, until no pair is left. */
    private inner class Merging(symbols: List<Symbol>) {
        private val parts = ArrayList<Symbol?>(symbols)
        private val next = IntArray(parts.size) { it + 1 }
        private val before = IntArray(parts.size) { it - 1 }
        private val offers = PriorityQueue(compareBy<Offer>({ it.rank }, { it.left }))

        fun run(): List<Symbol> {
            for (i in 0 until parts.size - 1) offer(i, i + 1)
            while (true) {
                val best = offers.poll() ?: return parts.filterNotNull()
                if (next[best.left] == best.right && textOf(best.left, best.right) == best.text) merge(best.left, best.right)
            }
        }

        private fun merge(left: Int, right: Int) {
            val first = parts[left]!!
            val second = parts[right]!!
            val text = first.text + second.text.substring(prefix.length)
            val id = ids[text] ?: throw BundleException(
                "tokenizer.json merges to '$text', which its vocabulary lacks: copy or export the bundle again"
            )
            parts[left] = Symbol(text, first.start, second.end, id)
            parts[right] = null
            next[left] = next[right]
            if (next[left] < parts.size) before[next[left]] = left
            offer(before[left], left)
            offer(left, next[left])
        }

        private fun offer(left: Int, right: Int) {
            val text = textOf(left, right) ?: return
            val rank = ranks[text] ?: return
            offers.add(Offer(rank, left, right, text))
        }

        /** Two parts as a merge is written; null where one is gone or there is none. */
        private fun textOf(left: Int, right: Int): String? {
            val first = parts.getOrNull(left) ?: return null
            val second = parts.getOrNull(right) ?: return null
            return "${first.text} ${second.text}"
        }
    }
}
