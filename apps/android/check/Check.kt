package edge.distil.check

import edge.distil.Bundle
import edge.distil.EdgeDistilException
import edge.distil.Encoder
import edge.distil.Engine
import edge.distil.Fields
import edge.distil.Floats
import edge.distil.Json
import edge.distil.tasks.Embedding
import edge.distil.tasks.QuestionAnswering
import edge.distil.tokenizer.Tokenizer
import java.io.File

// What tests/apps/test_android.py runs: reads lines of JSON from stdin, writes one for each.
//
//   tokens TOKENIZER_JSON      [text, second or null, maximum or null] -> [ids, offsets, words, types]
//   answers BUNDLE             {"call": {...}, "runs": [...]} -> [[text, score, start, end, from, to], ...]
//   vectors BUNDLE             {"call": {...}, "runs": [...]} -> [number, ...]
//   open BUNDLE                anything -> "opened"
//
// `runs` are what Python's session was fed and gave, in order. An error is {"error": message}.
fun main(args: Array<String>) {
    val (what, path) = args
    val tokenizer = if (what == "tokens") Tokenizer.read(File(path).readText()) else null
    val out = System.out.bufferedWriter()
    System.`in`.bufferedReader().forEachLine { line ->
        val made = try {
            Json.parse(line, "stdin").let { given ->
                if (tokenizer == null) task(what, File(path), given as Map<*, *>) else tokens(tokenizer, given as List<*>)
            }
        } catch (error: EdgeDistilException) {
            mapOf("error" to error.message)
        }
        out.write(written(made) + "\n")
    }
    out.flush()
}

private fun tokens(tokenizer: Tokenizer, line: List<*>): Any {
    val maximum = (line[2] as Long?)?.toInt() ?: Int.MAX_VALUE
    val made = tokenizer.encode(line[0] as String, line[1] as String?, maximum)
    return listOf(
        made.ids.toList(), made.starts.zip(made.ends).map { (start, end) -> listOf(start, end) },
        made.words.map { if (it < 0) null else it }, made.typeIds.toList()
    )
}

private fun task(what: String, folder: File, line: Map<*, *>): Any {
    val encoder = Encoder(Bundle.open(folder)) { Recorded((line["runs"] as List<*>).map { it as Map<*, *> }) }
    val call = Fields.of(line["call"], "call")
    return when (what) {
        "answers" -> answers(QuestionAnswering(encoder), call)
        "vectors" -> vector(Embedding(encoder), call).toList()
        else -> "opened"
    }
}

private fun answers(task: QuestionAnswering, call: Fields): Any {
    fun number(name: String) = (call.values[name] as Long?)?.toInt()
    return task.answers(
        call.text("question"), call.text("context"), number("top_k") ?: 1, number("doc_stride"),
        number("max_answer_len") ?: 15, number("max_seq_len"), number("max_question_len") ?: 64,
        call.flag("handle_impossible_answer"), call.flag("align_to_words", default = true)
    ).map { listOf(it.text, it.score, it.codePoints.first, it.codePoints.second, it.start, it.end) }
}

private fun vector(task: Embedding, call: Fields): FloatArray {
    val dimension = (call.values["truncate_dim"] as Long?)?.toInt()
    val normalize = call.flag("normalize_embeddings")
    return when (call.optionalText("kind")) {
        "query" -> task.encodeQuery(call.text("text"), normalize, dimension)
        "document" -> task.encodeDocument(call.text("text"), normalize, dimension)
        else -> task.encode(call.text("text"), normalize, dimension, call.optionalText("prompt_name"), call.optionalText("prompt"))
    }
}

/** An engine that gives what Python's gave, where it is fed the same. */
private class Recorded(private val runs: List<Map<*, *>>) : Engine {
    override val inputs = runs.first().part("feeds").keys.map { it as String }
    override val outputs = (runs.first()["outputs"] as List<*>).map { it as String }

    override fun run(feeds: Map<String, LongArray>, wanted: List<String>): Map<String, Floats> {
        val fed = feeds.mapValues { (_, row) -> row.toList() }
        val run = runs.firstOrNull { it.part("feeds") == fed } ?: throw AssertionError("Python fed no $fed")
        return wanted.associateWith { name ->
            val found = run.part("given")[name] as Map<*, *>
            val shape = (found["shape"] as List<*>).map { (it as Long).toInt() }
            Floats(shape.toIntArray(), (found["data"] as List<*>).map { (it as Number).toFloat() }.toFloatArray())
        }
    }

    override fun close() = Unit

    private fun Map<*, *>.part(name: String) = this[name] as Map<*, *>
}

private fun written(value: Any?): String = when (value) {
    is Map<*, *> -> value.entries.joinToString(",", "{", "}") { "${written(it.key)}:${written(it.value)}" }
    is List<*> -> value.joinToString(",", "[", "]") { written(it) }
    is String -> value.map { if (it in ' '..'~' && it != '"' && it != '\\') "$it" else escaped(it) }.joinToString("", "\"", "\"")
    else -> value.toString()
}

private fun escaped(c: Char): String = "\\u" + "%04x".format("$c".codePointAt(0))
