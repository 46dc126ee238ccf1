package edge.distil.tokenizer

/** A set of characters, asked by code point. */
internal class Characters(ranges: List<IntArray>) {
    private val starts = IntArray(ranges.size) { ranges[it][0] }
    private val ends = IntArray(ranges.size) { ranges[it][1] }
    private val low = BooleanArray(LOW) { search(it) }

    operator fun contains(code: Int): Boolean = if (code < LOW) low[code] else search(code)

    /** The ranges as the inside of a class of a regular expression. */
    val asClass: String by lazy {
        starts.indices.joinToString("") { "\\x{%x}-\\x{%x}".format(starts[it], ends[it]) }
    }

    private fun search(code: Int): Boolean {
        val found = starts.binarySearch(code)
        if (found >= 0) return true
        val before = -found - 2
        return before >= 0 && code <= ends[before]
    }

    companion object {
        private const val LOW = 0x400

        /** Return a set of `unicode.txt`. */
        fun named(name: String): Characters = Unicode.sets.getValue(name)
    }
}

/**
 * What the `tokenizers` library takes each character for, read from `unicode.txt`.
 *
 * A device's own tables are of the Unicode of its year, and are not used.
 */
internal object Unicode {
    private const val INVENTED_I = 0x130 // İ, whose lower case is i and a dot
    private val lines: Map<String, String> = Unicode::class.java.getResourceAsStream("/edge/distil/unicode.txt")!!
        .bufferedReader().useLines { all ->
            all.filter { !it.startsWith("#") }.associate { it.substringBefore(' ') to it.substringAfter(' ') }
        }

    val sets: Map<String, Characters> by lazy {
        lines.filterValues { '=' !in it && ',' !in it }.mapValues { (_, packed) -> Characters(ranges(packed)) }
    }

    /** Combining class of each character that has one. */
    val classes: Map<Int, Int> by lazy {
        val made = HashMap<Int, Int>()
        lines.filterKeys { it.startsWith("CLASS_") }.forEach { (name, packed) ->
            ranges(packed).forEach { (start, end) ->
                for (code in start..end) made[code] = name.substringAfter('_').toInt()
            }
        }
        made
    }

    val canonical: Map<Int, IntArray> by lazy { decompositions("CANONICAL") }
    val compatibility: Map<Int, IntArray> by lazy { canonical + decompositions("COMPATIBILITY") }

    /** Which character two characters make, by both. */
    val composed: Map<Long, Int> by lazy {
        lines.getValue("COMPOSED").split(" ").associate { entry ->
            val (first, second, made) = entry.split(",").map { it.toInt(16) }
            pair(first, second) to made
        }
    }

    fun pair(first: Int, second: Int): Long = (first.toLong() shl 32) or second.toLong()

    /** Return the lower case of a character, without regard to what stands beside it. */
    fun lowerCase(code: Int): IntArray = when {
        code < 0x80 -> intArrayOf(if (code in 65..90) code + 32 else code)
        code == INVENTED_I -> intArrayOf(0x69, 0x307)
        else -> intArrayOf(lower[code] ?: code)
    }

    private val lower: Map<Int, Int> by lazy {
        val made = HashMap<Int, Int>()
        for (group in lines.getValue("LOWER_CASE").split(" ")) {
            val (start, count, step, distance) = group.split(",").map { it.toInt() }
            for (i in 0 until count) made[start + i * step] = start + i * step + distance
        }
        made
    }

    private fun decompositions(name: String): Map<Int, IntArray> =
        lines.getValue(name).split(" ").associate { entry ->
            val (code, parts) = entry.split("=")
            code.toInt(16) to parts.split(",").map { it.toInt(16) }.toIntArray()
        }

    private fun ranges(packed: String): List<IntArray> {
        var last = 0
        return packed.split(" ").map { word ->
            val start = last + word.substringBefore('.').toInt(36)
            last = start + word.substringAfter('.', "0").toInt(36)
            intArrayOf(start, last)
        }
    }
}
