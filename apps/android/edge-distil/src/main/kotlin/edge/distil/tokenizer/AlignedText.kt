package edge.distil.tokenizer

/** Code points that grow. */
internal class Codes(size: Int = 16) {
    private var kept = IntArray(maxOf(size, 4))
    var size = 0
        private set

    operator fun get(i: Int): Int = kept[i]

    operator fun set(i: Int, code: Int) {
        kept[i] = code
    }

    fun add(code: Int) {
        if (size == kept.size) kept = kept.copyOf(size * 2)
        kept[size++] = code
    }

    fun toArray(): IntArray = kept.copyOf(size)
}

/** Characters of a new text, and how each came about: see `AlignedText.transform`. */
internal class Changes {
    val codes = Codes()
    val kinds = Codes()

    fun add(code: Int, kind: Int) {
        codes.add(code)
        kinds.add(kind)
    }
}

/** A part of a text that a pattern matches, or that lies between two such parts. */
internal class Match(val start: Int, val end: Int, val matched: Boolean)

/**
 * A text each of whose characters knows which characters of the original it stands for.
 *
 * Source: `NormalizedString` of Hugging Face's `tokenizers`, with code points for bytes.
 */
internal class AlignedText(
    val codes: IntArray,
    private val starts: IntArray,
    private val ends: IntArray,
    /** Where the original of this piece starts. */
    val first: Int
) {
    val size: Int get() = codes.size

    fun slice(start: Int, end: Int) = AlignedText(
        codes.copyOfRange(start, end),
        starts.copyOfRange(start, end),
        ends.copyOfRange(start, end),
        if (start < size) starts[start] else first
    )

    /**
     * Make a new text of the old one, character by character.
     *
     * A change of 0 replaces the next old character; of 1 adds one, which shares the alignment of the
     * character before it; of -n replaces one and removes the n old ones behind it.
     */
    fun transform(changes: Changes): AlignedText {
        val from = IntArray(changes.codes.size)
        var next = 0
        for (i in from.indices) {
            val kind = changes.kinds[i]
            from[i] = if (kind > 0) next - 1 else next
            if (kind <= 0) next += 1 - kind
        }
        return AlignedText(changes.codes.toArray(), taken(starts, from), taken(ends, from), first)
    }

    fun filter(keep: (Int) -> Boolean): AlignedText {
        val kept = codes.indices.filter { keep(codes[it]) }.toIntArray()
        return AlignedText(taken(codes, kept), taken(starts, kept), taken(ends, kept), first)
    }

    /** Put something for each character; what is more than one shares its alignment. */
    fun expand(made: (Int) -> IntArray): AlignedText {
        val changes = Changes()
        for (code in codes) made(code).forEachIndexed { i, one -> changes.add(one, if (i > 0) 1 else 0) }
        return transform(changes)
    }

    fun prepend(added: IntArray): AlignedText {
        if (size == 0 || added.isEmpty()) return this
        return AlignedText(
            added + codes,
            IntArray(added.size) { starts[0] } + starts,
            IntArray(added.size) { ends[0] } + ends,
            first
        )
    }

    /** Put `content` for each match; it is aligned with the last character of the match. */
    fun replace(matches: List<Match>, content: IntArray): AlignedText {
        val made = Codes(size)
        val from = Codes(size)
        for (match in matches) {
            if (match.matched) for (code in content) {
                made.add(code)
                from.add(match.end - 1)
            } else for (i in match.start until match.end) {
                made.add(codes[i])
                from.add(i)
            }
        }
        val places = from.toArray()
        return AlignedText(made.toArray(), taken(starts, places), taken(ends, places), first)
    }

    /** Return where a character's part of the original starts. */
    fun startOf(i: Int): Int = if (i < size) starts[i] else first

    /** Return where the part of the original ends that the characters before `i` stand for. */
    fun endBefore(i: Int): Int = if (i in 1..size) ends[i - 1] else first

    private fun taken(values: IntArray, places: IntArray) =
        IntArray(places.size) { if (places[it] in values.indices) values[places[it]] else 0 }

    companion object {
        fun of(codes: IntArray) = AlignedText(codes, IntArray(codes.size) { it }, IntArray(codes.size) { it + 1 }, 0)
    }
}

/** Return the code points of a text. */
internal fun codePoints(text: String): IntArray {
    val made = Codes(text.length)
    var i = 0
    while (i < text.length) {
        val code = text.codePointAt(i)
        made.add(code)
        i += Character.charCount(code)
    }
    return made.toArray()
}

internal fun textOf(codes: IntArray, start: Int = 0, end: Int = codes.size) = String(codes, start, end - start)
