package edge.distil.tasks

import edge.distil.tokenizer.Encoding
import java.util.Locale

internal const val CONTEXT = 1 // the context is the second sequence of a window
private const val ANSWERS_KEPT = 100 // beside the best

/** The answers of the windows of a context, by their text in lower case. */
internal class Answers(
    private val cutter: Cutter,
    private val maxAnswerLen: Int,
    private val topK: Int,
    private val alignToWords: Boolean
) {
    private val found = LinkedHashMap<String, Answer>()
    private var noAnswer = 1f

    /** Take the answers of a window; of equal texts the surer one stays. */
    fun add(window: Encoding, start: FloatArray, end: FloatArray) {
        noAnswer = minOf(noAnswer, start[0] * end[0])
        for ((key, answer) in inWindow(window, start, end)) {
            val known = found[key]
            if (known == null || answer.score > known.score) found[key] = answer
        }
        // Of what cannot be among the best any more only a few are kept: flat memory for any context.
        if (found.size > 2 * topK + ANSWERS_KEPT) found.values.retainAll(best(found.values).toSet())
    }

    fun best(withNoAnswer: Boolean): List<Answer> {
        val all = found.values.toList()
        val none = Answer("", noAnswer, 0, 0, 0 to 0)
        return best(if (withNoAnswer || all.isEmpty()) all + none else all)
    }

    private fun best(answers: Collection<Answer>) = answers.sortedByDescending { it.score }.take(topK)

    /**
     * Return a window's best answers.
     *
     * Spans of one text are different events of one distribution: their probabilities add up. The
     * first is the most probable, so its place is given.
     */
    private fun inWindow(window: Encoding, start: FloatArray, end: FloatArray): Map<String, Answer> {
        fun inside(values: FloatArray) = FloatArray(values.size) { if (window.sequences[it] == CONTEXT) values[it] else -1f }
        val count = if (alignToWords) topK * 2 + 10 else topK // aligning to words makes some of them equal
        val answers = LinkedHashMap<String, Answer>()
        for (span in topSpans(inside(start), inside(end), maxAnswerLen, count)) {
            val (from, to) = characters(window, span)
            val answer = cutter.cut(from, to, span.score) ?: continue
            val key = lower(answer.text)
            val known = answers[key]
            answers[key] = known?.copy(score = minOf(known.score + span.score, 1f)) ?: answer.copy(score = minOf(span.score, 1f))
        }
        return answers
    }

    /** Return where a span stands in the context, in code points. */
    private fun characters(window: Encoding, span: Span): Pair<Int, Int> {
        var from = span.first
        var to = span.last
        fun inWord(i: Int, word: Int) = i in 0 until window.size && window.sequences[i] == CONTEXT && window.words[i] == word
        if (alignToWords && window.words[from] >= 0 && window.words[to] >= 0) {
            while (inWord(from - 1, window.words[span.first])) from--
            while (inWord(to + 1, window.words[span.last])) to++
        }
        return window.starts[from] to window.ends[to]
    }
}

/** Kotlin's own name for it changed between releases. */
@Suppress("PLATFORM_CLASS_MAPPED_TO_KOTLIN")
private fun lower(text: String): String = (text as java.lang.String).toLowerCase(Locale.ROOT)
