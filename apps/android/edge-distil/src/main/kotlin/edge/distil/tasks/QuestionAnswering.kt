package edge.distil.tasks

import edge.distil.BundleException
import edge.distil.Encoder
import edge.distil.InputException
import edge.distil.tokenizer.Encoding

/**
 * An answer and where it stands: `context.substring(start, end) == text`.
 *
 * @property score Probability that the text, in any case, is the answer, by the window that is surest of it.
 * @property codePoints Where it stands in code points, in which Python counts.
 */
data class Answer(
    val text: String, val score: Float, val start: Int, val end: Int, val codePoints: Pair<Int, Int>
)

/**
 * Answers questions with a span of a given context.
 *
 * Source: `edge_distil/tasks/question_answering.py`, whose names, meanings and defaults these are.
 */
class QuestionAnswering(private val encoder: Encoder) {
    private val clsId = encoder.specialId("cls_token")

    init {
        val task = encoder.bundle.manifest.task
        if (task != TASK) throw BundleException("${encoder.bundle.folder} is a $task bundle, expected $TASK: choose another")
    }

    /**
     * Answer a question: at least one answer, the best first. Not for the main thread.
     *
     * @param topK Return at most so many answers.
     * @param docStride Tokens by which neighbouring windows overlap; by default 128 or, for short
     *     windows, half of them.
     * @param maxAnswerLen Longest answer in tokens.
     * @param maxSeqLen Window length in tokens; by default 384 or the model's maximum.
     * @param maxQuestionLen The question is cut to so many tokens.
     * @param handleImpossibleAnswer Let "no answer" (an empty text) compete.
     * @param alignToWords Widen answers to whole words. Turn it off for scripts without spaces.
     * @throws InputException An empty text, half a surrogate pair, or a parameter out of range.
     */
    fun answers(
        question: String,
        context: String,
        topK: Int = 1,
        docStride: Int? = null,
        maxAnswerLen: Int = 15,
        maxSeqLen: Int? = null,
        maxQuestionLen: Int = 64,
        handleImpossibleAnswer: Boolean = false,
        alignToWords: Boolean = true
    ): List<Answer> {
        val length = maxSeqLen ?: minOf(encoder.maxLength, USUAL_WINDOW)
        val stride = docStride ?: minOf(length / 2, USUAL_STRIDE)
        listOf("topK" to topK, "maxAnswerLen" to maxAnswerLen, "maxSeqLen" to length, "maxQuestionLen" to maxQuestionLen)
            .forEach { (name, value) -> if (value < 1) throw InputException("$name is $value, expected 1 or more") }
        if (stride !in 0..length) throw InputException("docStride is $stride, expected 0 to maxSeqLen ($length)")
        for ((name, text) in listOf("question" to question, "context" to context)) {
            if (isBlank(text)) throw InputException("the $name is '${text.take(40)}', expected some text")
        }
        val windows = encoder.tokenizer.pairWindows(
            question, context, minOf(length, encoder.maxLength), stride, maxQuestionLen
        )
        val found = Answers(Cutter(context), maxAnswerLen, topK, alignToWords)
        for (window in windows) {
            val (start, end) = probabilities(window)
            found.add(window, start, end)
        }
        return found.best(handleImpossibleAnswer)
    }

    /** Return a window's start and end probabilities, a number for each token. */
    private fun probabilities(window: Encoding): List<FloatArray> {
        val names = listOf("start_logits", "end_logits")
        val outputs = encoder.run(window, names)
        return names.map { name ->
            val logits = outputs.getValue(name).data
            // The context's tokens and the "no answer" token share in the softmax.
            softmax(FloatArray(window.size) {
                if (window.sequences[it] == CONTEXT || window.ids[it] == clsId) logits[it] else MASKED
            })
        }
    }

    private companion object {
        const val TASK = "question-answering"
        const val MASKED = -10000f // the pipeline's logit for tokens that cannot be in an answer
        const val USUAL_WINDOW = 384 // tokens, the pipeline's default
        const val USUAL_STRIDE = 128
    }
}
