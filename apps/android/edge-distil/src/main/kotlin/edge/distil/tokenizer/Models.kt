package edge.distil.tokenizer

import edge.distil.BundleException

/** A token of a piece: where it starts and ends there, in code points. */
internal class Part(val id: Int, val start: Int, val end: Int)

/** The vocabulary of a tokenizer, and how a piece is divided into its entries. */
internal interface Model {
    val ids: Map<String, Int>

    fun divide(codes: IntArray): List<Part>
}

/** Read `tokenizer.json`'s `model`. */
internal fun readModel(read: Description): Model = when {
    read.type == "WordPiece" -> WordPiece(read)
    read.type == "BPE" || (read.type == null && read.has("merges")) -> Bpe(read)
    read.type == "Unigram" -> Unigram(read)
    else -> throw Description.unsupported("model", read.type)
}

/** Read a vocabulary that is written as an object. */
internal fun vocabulary(read: Description): Map<String, Int> {
    val made = HashMap<String, Int>()
    for ((text, id) in read.map("vocab")) {
        made[text as String] = (id as? Number)?.toInt() ?: throw BundleException(
            "tokenizer.json's vocabulary gives '$text' the id $id, expected a number: copy or export the bundle again"
        )
    }
    return made
}
