package edge.distil

/**
 * Parses JSON into maps, lists, strings, numbers, booleans and null.
 *
 * Whole numbers become `Long`, all others `Double`. Android's own parser takes what is no JSON.
 */
internal class Json private constructor(private val text: String, private val file: String) {
    private var at = 0

    private fun document(): Any? {
        val value = value(0)
        skip()
        if (at < text.length) throw wrong()
        return value
    }

    private fun value(depth: Int): Any? {
        if (depth > DEEPEST) throw wrong()
        skip()
        return when (peek()) {
            '{' -> map(depth)
            '[' -> list(depth)
            '"' -> string()
            't' -> word("true", true)
            'f' -> word("false", false)
            'n' -> word("null", null)
            else -> number()
        }
    }

    private fun map(depth: Int): Map<String, Any?> {
        val made = LinkedHashMap<String, Any?>()
        each('}') {
            skip()
            val name = string()
            skip()
            take(':')
            made[name] = value(depth + 1)
        }
        return made
    }

    private fun list(depth: Int): List<Any?> {
        val made = ArrayList<Any?>()
        each(']') { made.add(value(depth + 1)) }
        return made
    }

    private inline fun each(end: Char, entry: () -> Unit) {
        at++
        skip()
        if (peek() == end) {
            at++
            return
        }
        while (true) {
            entry()
            skip()
            if (peek() == end) break
            take(',')
        }
        at++
    }

    private fun string(): String {
        take('"')
        val made = StringBuilder()
        while (true) {
            val start = at
            while (at < text.length && text[at] != '"' && text[at] != '\\' && text[at] >= ' ') at++
            made.append(text, start, at)
            when (peek()) {
                '"' -> {
                    at++
                    return made.toString()
                }
                '\\' -> made.append(escaped())
                else -> throw wrong()
            }
        }
    }

    private fun escaped(): Char {
        at++
        val kind = peek()
        at++
        if (kind != 'u') return ESCAPES[kind] ?: throw wrong()
        val digits = text.substring(at, minOf(at + 4, text.length))
        if (!digits.matches(HEXADECIMAL)) throw wrong()
        at += 4
        return Character.toChars(digits.toInt(16))[0]
    }

    private fun number(): Number {
        val start = at
        while (at < text.length && text[at] in "+-.eE0123456789") at++
        val written = text.substring(start, at)
        if (!written.matches(NUMBER)) {
            at = start
            throw wrong()
        }
        return written.toLongOrNull() ?: written.toDouble()
    }

    private fun word(word: String, value: Boolean?): Boolean? {
        if (!text.startsWith(word, at)) throw wrong()
        at += word.length
        return value
    }

    private fun take(character: Char) {
        if (peek() != character) throw wrong()
        at++
    }

    private fun peek(): Char = if (at < text.length) text[at] else throw wrong()

    private fun skip() {
        while (at < text.length && text[at] in " \t\r\n") at++
    }

    private fun wrong() = BundleException(
        "$file is not JSON (at character $at): it was truncated or edited; copy or export the bundle again"
    )

    companion object {
        private const val DEEPEST = 64 // lists and objects within each other; ours have seven
        private val HEXADECIMAL = Regex("[0-9a-fA-F]{4}")
        private val NUMBER = Regex("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?")
        private val ESCAPES = mapOf(
            '"' to '"', '\\' to '\\', '/' to '/', 'b' to '\b', 'f' to '\u000c', 'n' to '\n', 'r' to '\r',
            't' to '\t'
        )

        /**
         * Parse a document.
         *
         * @param file The file's name, for messages.
         * @throws BundleException It is not JSON.
         */
        fun parse(text: String, file: String): Any? = Json(text, file).document()
    }
}
