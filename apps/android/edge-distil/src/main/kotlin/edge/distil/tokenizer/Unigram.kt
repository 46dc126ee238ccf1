package edge.distil.tokenizer

private const val UNKNOWN_PENALTY = 10.0 // below the least score of an entry (sentencepiece's)
private const val NONE = -1

/** Unigram: of all ways to divide a piece the one whose entries' scores add up to most. */
internal class Unigram(read: Description) : Model {
    private class Node {
        val children = HashMap<Int, Node>()
        var id = NONE
    }

    /** The best way to each place: where its last entry starts, which it is, and the sum of scores. */
    private class Ways(size: Int) {
        val scores = DoubleArray(size + 1)
        val from = IntArray(size + 1) { NONE }
        val taken = IntArray(size + 1) { NONE }

        fun offer(start: Int, end: Int, id: Int, score: Double) {
            val total = score + scores[start]
            if (from[end] != NONE && total <= scores[end]) return
            scores[end] = total
            from[end] = start
            taken[end] = id
        }
    }

    override val ids: Map<String, Int>
    private val scores: DoubleArray
    private val root = Node()
    private val unknown = (read["unk_id"] as? Number)?.toInt()
    private val bytes = read.flag("byte_fallback")

    init {
        val entries = read.list("vocab").map { it as List<*> }
        scores = DoubleArray(entries.size) { (entries[it][1] as Number).toDouble() }
        ids = entries.mapIndexed { id, entry -> entry[0] as String to id }.toMap()
        for ((text, id) in ids) {
            var node = root
            for (code in codePoints(text)) node = node.children.getOrPut(code) { Node() }
            node.id = id
        }
    }

    private val unknownScore = (scores.fold(Double.POSITIVE_INFINITY) { least, it -> minOf(least, it) }) - UNKNOWN_PENALTY

    override fun divide(codes: IntArray): List<Part> = spans(codes).flatMap { span ->
        when {
            span.id != NONE -> listOf(span)
            bytes -> spelled(codes, span) ?: unknown(span)
            else -> unknown(span)
        }
    }

    private fun unknown(span: Part): List<Part> = unknown?.let { listOf(Part(it, span.start, span.end)) } ?: emptyList()

    private fun spelled(codes: IntArray, span: Part): List<Part>? {
        val found = (span.start until span.end).map { byteEntries(codes[it], ids) ?: return null }
        return found.flatten().map { (_, id) -> Part(id, span.start, span.end) }
    }

    /** Neighbouring unknown characters are one span without an id. */
    private fun spans(codes: IntArray): List<Part> {
        val ways = ways(codes)
        val made = ArrayList<Part>()
        var end = codes.size
        while (end > 0) {
            val start = ways.from[end]
            val last = made.lastOrNull()
            if (ways.taken[end] == NONE && last != null && last.id == NONE) made[made.size - 1] = Part(NONE, start, last.end)
            else made.add(Part(ways.taken[end], start, end))
            end = start
        }
        return made.asReversed()
    }

    private fun ways(codes: IntArray): Ways {
        val ways = Ways(codes.size)
        for (start in codes.indices) {
            var node = root
            var single = false
            for (end in start until codes.size) {
                node = node.children[codes[end]] ?: break
                if (node.id == NONE) continue
                ways.offer(start, end + 1, node.id, scores[node.id])
                single = single || end == start
            }
            if (!single) ways.offer(start, start + 1, NONE, unknownScore)
        }
        return ways
    }
}
