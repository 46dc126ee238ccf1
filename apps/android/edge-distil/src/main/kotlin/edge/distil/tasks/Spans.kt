package edge.distil.tasks

/** Tokens from first to last, and the product of their probabilities. */
internal class Span(val first: Int, val last: Int, val score: Float)

/**
 * Return the `count` spans with the greatest product of probabilities; ties in order of the tokens.
 *
 * @param start Probability that an answer starts at a token; -1 where it cannot.
 * @param end The same for its last token.
 */
internal fun topSpans(start: FloatArray, end: FloatArray, maxLength: Int, count: Int): List<Span> {
    val best = ArrayList<Span>() // the best first
    for (first in start.indices) {
        if (start[first] < 0) continue
        for (last in first until minOf(first.toLong() + maxLength, end.size.toLong()).toInt()) {
            if (end[last] < 0) continue
            val score = start[first] * end[last]
            if (best.size == count && score <= best.last().score) continue
            var place = best.size
            while (place > 0 && best[place - 1].score < score) place--
            best.add(place, Span(first, last, score))
            if (best.size > count) best.removeAt(count)
        }
    }
    return best
}

/** Cuts answers out of a text, given in code points. */
internal class Cutter(private val source: String) {
    private val units: IntArray by lazy { // of each code point, where it stands in the Kotlin string
        var unit = 0
        IntArray(source.codePointCount(0, source.length) + 1) {
            unit.also { if (unit < source.length) unit += Character.charCount(source.codePointAt(unit)) }
        }
    }

    /** The part without white space at its ends; `null` where it is white space alone. */
    fun cut(start: Int, end: Int, score: Float): Answer? {
        var from = start
        var to = end
        while (from < to && isSpace(source[units[from]])) from++
        while (to > from && isSpace(source[units[to] - 1])) to--
        if (from >= to) return null
        return Answer(source.substring(units[from], units[to]), score, units[from], units[to], from to to)
    }
}

/** Whether a text is empty or white space alone. */
internal fun isBlank(text: String): Boolean = text.all { isSpace(it) }

/** White space as Python sees it: an answer ends where Python's ends. */
private fun isSpace(c: Char): Boolean =
    c in '\t'..'\r' || c in '\u001c'..' ' || c in '\u2000'..'\u200a' ||
        c in "\u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000"

/** Softmax of one row. */
internal fun softmax(logits: FloatArray): FloatArray {
    val most = logits.fold(Float.NEGATIVE_INFINITY) { greatest, it -> maxOf(greatest, it) }
    val powers = FloatArray(logits.size) { Math.exp((logits[it] - most).toDouble()).toFloat() }
    val total = powers.fold(0.0) { sum, it -> sum + it }.toFloat()
    return FloatArray(powers.size) { powers[it] / total }
}
