package edge.distil.sample

import android.app.Activity
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import android.os.SystemClock
import android.text.Spannable
import android.text.style.BackgroundColorSpan
import android.widget.Button
import android.widget.EditText
import android.widget.LinearLayout
import android.widget.ScrollView
import android.widget.TextView
import edge.distil.Encoder
import edge.distil.onnx.OnnxEngine
import edge.distil.tasks.Answer
import edge.distil.tasks.QuestionAnswering
import java.util.concurrent.Callable
import java.util.concurrent.Executors

private const val PADDING = 32 // pixels
private const val HIGHLIGHT = 0x66FFC107
private const val PASSAGE = "The footbridge over the river Ammer was designed by Lotte Kern and opened in 1997."
private const val QUESTION = "Who designed the footbridge?"

/** Asks a question of a text, and marks the answer in it. */
class MainActivity : Activity() {
    private val worker = Executors.newSingleThreadExecutor() // one call at a time, off the main thread
    private val main = Handler(Looper.getMainLooper())
    private lateinit var passage: EditText
    private lateinit var question: EditText
    private lateinit var ask: Button
    private lateinit var status: TextView
    private var encoder: Encoder? = null

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        passage = EditText(this).apply { setText(PASSAGE) }
        question = EditText(this).apply { setText(QUESTION) }
        ask = Button(this).apply {
            text = "Ask"
            isEnabled = false
            setOnClickListener { answer() }
        }
        status = TextView(this).apply { text = "Loading the model" }
        val column = LinearLayout(this).apply {
            orientation = LinearLayout.VERTICAL
            setPadding(PADDING, PADDING, PADDING, PADDING)
            fitsSystemWindows = true
            listOf(passage, question, ask, status).forEach { addView(it) }
        }
        setContentView(ScrollView(this).apply { addView(column) })
        work({ load() }) { loaded ->
            encoder = loaded
            status.text = "Ready"
        }
    }

    override fun onDestroy() {
        worker.execute { encoder?.close() }
        worker.shutdown()
        super.onDestroy()
    }

    private fun load() = Encoder(edge.distil.Bundle.open(bundleFolder(this))) { OnnxEngine.open(it) }

    private fun answer() {
        val (asked, text) = question.text.toString() to passage.text.toString()
        work({
            val started = SystemClock.elapsedRealtime()
            val best = QuestionAnswering(encoder!!).answers(asked, text).first()
            best to SystemClock.elapsedRealtime() - started
        }) { (best, milliseconds) -> show(best, milliseconds) }
    }

    private fun show(answer: Answer, milliseconds: Long) {
        val text: Spannable = passage.text
        text.getSpans(0, text.length, BackgroundColorSpan::class.java).forEach { text.removeSpan(it) }
        if (answer.end <= text.length) {
            text.setSpan(BackgroundColorSpan(HIGHLIGHT), answer.start, answer.end, Spannable.SPAN_EXCLUSIVE_EXCLUSIVE)
        }
        status.text = "%s (%.0f %%), %d ms".format(answer.text, 100 * answer.score, milliseconds)
    }

    /** Do something on the worker's thread, and show what it gives, or why it failed, on the main one. */
    private fun <T> work(job: Callable<T>, show: (T) -> Unit) {
        ask.isEnabled = false
        worker.execute {
            val done = runCatching { job.call() }
            main.post {
                done.onSuccess(show).onFailure { status.text = it.message }
                ask.isEnabled = encoder != null
            }
        }
    }
}
