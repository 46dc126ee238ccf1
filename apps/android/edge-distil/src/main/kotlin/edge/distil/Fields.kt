package edge.distil

/**
 * A JSON object of a bundle and where it stands: every value checked for its type and its range.
 *
 * `null` counts as absent; a field that nobody asks for is ignored.
 */
internal class Fields private constructor(
    val values: Map<*, *>,
    private val file: String,
    private val place: String
) {
    val names: List<String> get() = values.keys.map { it as String }

    operator fun contains(name: String): Boolean = values[name] != null

    fun text(name: String, choices: Collection<String> = emptyList()): String {
        val value = value(name)
        if (value !is String || (choices.isNotEmpty() && value !in choices)) {
            throw wrong(name, if (choices.isEmpty()) "a text" else "one of ${choices.joinToString()}")
        }
        return value
    }

    fun optionalText(name: String): String? = if (name in this) text(name) else null

    /** Return a path inside the bundle, its parts divided by `/`. */
    fun path(name: String): String {
        val text = text(name)
        val parts = text.split("/")
        val printable = text.none { it < ' ' || it == '\\' || it == ':' || it == '\u007f' }
        if (!printable || text.length > LONGEST_PATH || parts.any { it.isEmpty() || it == "." || it == ".." }) {
            throw wrong(name, "a path inside the bundle, its parts divided by /")
        }
        return text
    }

    fun whole(name: String, least: Long, most: Long = LARGEST): Long {
        val value = value(name)
        val number = when (value) {
            is Long -> value
            is Double -> if (value == Math.rint(value)) value.toLong() else null
            else -> null
        }
        return number?.takeIf { it in least..most } ?: throw wrong(name, "a whole number from $least to $most")
    }

    fun flag(name: String, default: Boolean = false): Boolean {
        val value = if (name in this) value(name) else default
        return value as? Boolean ?: throw wrong(name, "true or false")
    }

    fun list(name: String, most: Int = MOST): List<*> {
        val value = if (name in this) value(name) else emptyList<Any>()
        if (value !is List<*>) throw wrong(name, "a list")
        if (value.size > most) throw wrong(name, "at most $most entries")
        return value
    }

    fun texts(name: String, most: Int = MOST): List<String> = numbered(name, most).run { names.map { text(it) } }

    fun wholes(name: String, least: Long, most: Long): List<Long> =
        numbered(name, MOST).run { names.map { whole(it, least, most) } }

    fun objects(name: String, most: Int = MOST): List<Fields> =
        numbered(name, most).run { names.map { objectAt(it) } }

    /** Return an object, empty where it is absent. */
    fun objectAt(name: String, most: Int = MOST): Fields {
        val found = of(if (name in this) values[name] else emptyMap<String, Any>(), file, placeOf(name))
        if (found.values.size > most) throw wrong(name, "at most $most entries")
        return found
    }

    fun wrong(name: String, expected: String): BundleException = wrong(file, placeOf(name), values[name], expected)

    private fun value(name: String): Any =
        values[name] ?: throw BundleException("$file has no ${placeOf(name)}, expected one: $AGAIN")

    private fun numbered(name: String, most: Int): Fields {
        val entries = LinkedHashMap<String, Any?>()
        list(name, most).forEachIndexed { i, value -> entries[i.toString()] = value }
        return Fields(entries, file, placeOf(name))
    }

    private fun placeOf(name: String): String = if (place.isEmpty()) name else "$place.$name"

    companion object {
        private const val MOST = 100_000 // entries
        private const val LONGEST_PATH = 1_000
        private const val LARGEST = 1L shl 53 // beyond it not every program reads a JSON number exactly
        private const val AGAIN = "copy, fetch or export it again, from a source that you trust"

        /** Take what must be an object. */
        fun of(value: Any?, file: String, place: String = ""): Fields =
            Fields(value as? Map<*, *> ?: throw wrong(file, place, value, "an object"), file, place)

        private fun wrong(file: String, place: String, value: Any?, expected: String): BundleException {
            val subject = if (place.isEmpty()) file else "$file: $place"
            return BundleException("$subject is ${shown(value)}, expected $expected: $AGAIN")
        }

        private fun shown(value: Any?): String = when (value) {
            is Map<*, *> -> "an object of ${value.size}"
            is List<*> -> "a list of ${value.size}"
            is String -> "'${value.take(40)}'"
            else -> value.toString()
        }
    }
}
