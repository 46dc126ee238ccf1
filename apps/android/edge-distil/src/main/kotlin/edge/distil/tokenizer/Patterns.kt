package edge.distil.tokenizer

import edge.distil.BundleException
import java.util.regex.PatternSyntaxException

/** Finds parts of a text that cover all of it, in order. */
internal typealias Pattern = (IntArray) -> List<Match>

/** Collects matches, and what lies between them. */
private class Matches(private val size: Int) {
    private val found = ArrayList<Match>()
    private var last = 0

    fun add(start: Int, end: Int) {
        if (last < start) found.add(Match(last, start, false))
        if (start < end) found.add(Match(start, end, true))
        last = end
    }

    fun all(): List<Match> {
        if (last < size) found.add(Match(last, size, false))
        return found
    }
}

/** A pattern of one character at a time. */
internal fun each(test: (Int) -> Boolean): Pattern = { codes ->
    val found = Matches(codes.size)
    for (i in codes.indices) if (test(codes[i])) found.add(i, i + 1)
    found.all()
}

/** A pattern of a text that is searched for as it stands. */
internal fun literal(text: String): Pattern {
    val wanted = codePoints(text)
    return { codes ->
        val found = Matches(codes.size)
        var i = 0
        while (wanted.isNotEmpty() && i + wanted.size <= codes.size) {
            if (wanted.indices.all { codes[i + it] == wanted[it] }) {
                found.add(i, i + wanted.size)
                i += wanted.size
            } else i++
        }
        found.all()
    }
}

/** A pattern of a regular expression in the dialect of `tokenizers` (Oniguruma's). */
internal fun expression(source: String): Pattern {
    val regex = try {
        java.util.regex.Pattern.compile(translate(source))
    } catch (error: PatternSyntaxException) {
        throw BundleException("tokenizer.json has an expression that Java does not take: $source", error)
    }
    return { codes ->
        val found = Matches(codes.size)
        val text = textOf(codes)
        val matcher = regex.matcher(text)
        var place = 0 // in code points
        var unit = 0 // the same place in UTF-16 units
        while (matcher.find()) {
            if (matcher.start() == matcher.end()) continue
            val start = place + text.codePointCount(unit, matcher.start())
            place = start + text.codePointCount(matcher.start(), matcher.end())
            unit = matcher.end()
            found.add(start, place)
        }
        found.all()
    }
}

/** Return a pattern that matches what another one does not. */
internal fun inverted(pattern: Pattern): Pattern = { codes ->
    pattern(codes).map { Match(it.start, it.end, !it.matched) }
}

/** Read a pattern: `{"String": text}` or `{"Regex": expression}`. */
internal fun readPattern(read: Description?): Pattern {
    val text = read?.get("String") as? String
    val source = read?.get("Regex") as? String
    return when {
        text != null -> {
            val codes = codePoints(text)
            if (codes.size == 1) each { it == codes[0] } else literal(text)
        }
        source != null -> expression(source)
        else -> throw Description.unsupported("pattern", read?.type)
    }
}

private val CLASSES = mapOf(
    "L" to "LETTER", "N" to "NUMBER", "M" to "MARK", "P" to "PUNCTUATION_CLASS", "S" to "SYMBOL", "Lu" to "UPPER",
    "Ll" to "LOWER"
)
private val PROPERTY = Regex("\\\\([pP])\\{(\\^?)(\\w+)\\}|\\\\([sSwW])")

/** Put the library's classes of characters for Java's, which are of another version of Unicode. */
private fun translate(source: String): String = PROPERTY.replace(source) { found ->
    val (property, caret, name, letter) = found.destructured
    val table = if (letter.isEmpty()) CLASSES[name] else if (letter in "sS") "BLANK" else "WORD"
    val negated = if (letter.isEmpty()) (property == "P") != caret.isNotEmpty() else letter in "SW"
    table ?: throw Description.unsupported("class of characters", name)
    // Java takes a class within a class, negated or not, as a part of it.
    "[${if (negated) "^" else ""}${Characters.named(table).asClass}]"
}
