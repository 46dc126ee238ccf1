package edge.distil.tokenizer

import edge.distil.BundleException
import edge.distil.InputException
import edge.distil.Json

/**
 * A tokenizer with exact offsets, read from `tokenizer.json`.
 *
 * Ids, offsets, words and sequences are those of Hugging Face's `tokenizers`. It holds no state but
 * the vocabulary: one serves several threads.
 */
class Tokenizer private constructor(read: Any?, private val left: Boolean, splitSpecial: Boolean) {
    private val model: Model
    private val added: AddedTokens
    private val preTokenize: PreTokenizer
    private val post: PostProcessor
    private val ids: Map<String, Int>
    private val texts: Map<Int, String>
    private val special: Set<Int>

    init {
        val description = Description.of(read)
        val part = description?.part("model") ?: throw BundleException(
            "tokenizer.json is not a tokenizer's description: copy or export the bundle again"
        )
        val tokens = if (description.has("added_tokens")) description.parts("added_tokens").map { AddedToken(it) } else emptyList()
        model = readModel(part)
        added = AddedTokens(tokens.filter { !(splitSpecial && it.special) }, readNormalizer(description.part("normalizer")))
        preTokenize = readPreTokenizer(description.part("pre_tokenizer"))
        post = PostProcessor.read(description.part("post_processor"))
        ids = model.ids + tokens.map { it.content to it.id }
        texts = ids.entries.associate { it.value to it.key }
        special = tokens.filter { it.special }.map { it.id }.toSet()
    }

    /**
     * Tokenize a text or a pair, cut to `maxLength` tokens with the special ones.
     *
     * Of a pair the longer half is cut first.
     *
     * @throws InputException A text holds half a surrogate pair.
     */
    fun encode(first: String, second: String? = null, maxLength: Int = Int.MAX_VALUE): Encoding {
        val parts = listOfNotNull(first, second).map { pieces(it) }
        val lengths = fit(parts.map { it.size }, room(parts.size == 2, maxLength))
        val cut = parts.mapIndexed { i, part -> part.cutTo(lengths[i], left) }
        return post.process(cut[0], cut.getOrNull(1))
    }

    /**
     * Tokenize a pair into windows over the second text, each with the whole first one.
     *
     * @param maxFirst The first text is cut to so many tokens.
     * @throws InputException The first text and `stride` leave no room for the second.
     */
    internal fun pairWindows(first: String, second: String, maxLength: Int, stride: Int, maxFirst: Int): List<Encoding> {
        val question = pieces(first).cutTo(maxFirst, left)
        val room = room(true, maxLength) - question.size
        if (room <= stride) throw InputException(
            "a window of maxSeqLen $maxLength leaves $room tokens beside a question of ${question.size}, expected " +
                "more than docStride $stride: raise maxSeqLen or lower docStride or maxQuestionLen"
        )
        return pieces(second).windows(room, stride, left).map { post.process(question, it) }
    }

    /** Return the id of an entry of the vocabulary. */
    fun id(token: String): Int? = ids[token]

    internal fun isSpecial(id: Int): Boolean = id in special

    /** Tokenize a text, without special tokens around it. */
    private fun pieces(text: String): Encoding {
        val columns = Array(4) { Codes() } // id, start, end, word
        val tokens = ArrayList<String>()
        var word = 0
        fun add(id: Int, token: String, start: Int, end: Int) {
            tokens.add(token)
            intArrayOf(id, start, end, word).forEachIndexed { i, value -> columns[i].add(value) }
        }
        for (section in added.divide(AlignedText.of(wholeCharacters(text)))) {
            val whole = section.text
            if (section.id != null) {
                add(section.id, textOf(whole.codes), whole.startOf(0), whole.endBefore(whole.size))
                word++
            } else for (piece in preTokenize(whole)) {
                if (piece.size == 0) continue
                for (part in model.divide(piece.codes)) {
                    add(part.id, texts[part.id] ?: "", piece.startOf(part.start), piece.endBefore(part.end))
                }
                word++
            }
        }
        val (ids, starts, ends, words) = columns.map { it.toArray() }
        val zeros = IntArray(ids.size)
        return Encoding(ids, tokens, zeros, starts, ends, words, zeros)
    }

    private fun wholeCharacters(text: String): IntArray {
        val codes = codePoints(text)
        if (codes.any { it in 0xD800..0xDFFF }) throw InputException(
            "a text holds half a surrogate pair, expected whole characters: decode it again from its bytes"
        )
        return codes
    }

    /** How many tokens fit beside the special ones. */
    private fun room(pair: Boolean, maxLength: Int): Int {
        val room = maxLength - post.added(pair)
        if (room < 1) throw InputException(
            "a maximum length of $maxLength leaves no room beside the special tokens: raise it"
        )
        return room
    }

    companion object {
        /** Read the text of a `tokenizer.json`. */
        fun read(json: String): Tokenizer = of(Json.parse(json, "tokenizer.json"))

        /**
         * Read a parsed `tokenizer.json`.
         *
         * @param left A text that is too long loses its beginning, not its end.
         * @param splitSpecial Special tokens that stand in a text are cut up like any other text.
         */
        internal fun of(read: Any?, left: Boolean = false, splitSpecial: Boolean = false): Tokenizer = try {
            Tokenizer(read, left, splitSpecial)
        } catch (error: RuntimeException) { // a part is of another kind than it must be
            throw BundleException(
                "tokenizer.json is not as tokenizers writes it (${error.message}): copy or export the bundle again", error
            )
        }

        /** Cut one length, or two, to fit into `room`, as the library's "longest first" does. */
        internal fun fit(lengths: List<Int>, room: Int): List<Int> {
            if (lengths.sum() <= room) return lengths
            if (lengths.size == 1) return listOf(room)
            val short = minOf(lengths[0], lengths[1])
            if (short <= room - short) return lengths.map { if (it == short) short else room - short }
            val halves = listOf(room / 2, room - room / 2)
            return if (lengths[0] <= lengths[1]) halves else halves.asReversed()
        }
    }
}
