package edge.distil.tokenizer

/** Divides a text into pieces, of which the model takes one at a time. */
internal typealias PreTokenizer = (AlignedText) -> List<AlignedText>

private val punctuation = Characters.named("PUNCTUATION")
private val blank = Characters.named("WHITESPACE")
private val number = Characters.named("NUMBER")
private const val GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
private const val SPACE = 0x20

/** Read `tokenizer.json`'s `pre_tokenizer`. */
internal fun readPreTokenizer(read: Description?): PreTokenizer = when (read?.type) {
    null -> { piece -> listOf(piece) }
    "Sequence" -> {
        val all = read.parts("pretokenizers").map { readPreTokenizer(it) };
        { piece -> all.fold(listOf(piece)) { pieces, one -> pieces.flatMap(one) } }
    }
    "BertPreTokenizer" -> { piece ->
        split(piece, each { it in blank }, "Removed").flatMap { split(it, each { c -> c in punctuation }, "Isolated") }
    }
    "Whitespace" -> by(inverted(expression("\\w+|[^\\w\\s]+")), "Removed")
    "WhitespaceSplit" -> by(each { it in blank }, "Removed")
    "Punctuation" -> by(each { it in punctuation }, read.textOr("behavior", "Isolated"))
    "Digits" -> by(each { it in number }, if (read.flag("individual_digits")) "Isolated" else "Contiguous")
    "CharDelimiterSplit" -> {
        val delimiter = codePoints(read.text("delimiter")).first()
        by(each { it == delimiter }, "Removed")
    }
    "Split" -> {
        val pattern = readPattern(read.part("pattern"))
        by(if (read.flag("invert")) inverted(pattern) else pattern, read.text("behavior"))
    }
    "ByteLevel" -> byteLevel(read)
    "Metaspace" -> metaspace(read)
    else -> throw Description.unsupported("pre-tokenizer", read.type)
}

private fun by(pattern: Pattern, behavior: String): PreTokenizer = { piece -> split(piece, pattern, behavior) }

private fun byteLevel(read: Description): PreTokenizer {
    val words = expression(GPT2)
    val prefix = read.flag("add_prefix_space")
    val divide = read.flag("use_regex", default = true)
    return { piece ->
        val spaced = if (prefix && piece.size > 0 && piece.codes[0] != SPACE) piece.prepend(intArrayOf(SPACE)) else piece
        val parts = if (divide) split(spaced, words, "Isolated") else listOf(spaced)
        parts.map { part -> part.expand { code -> utf8(code).map { BYTE_CHARACTERS[it] }.toIntArray() } }
    }
}

private fun metaspace(read: Description): PreTokenizer {
    val mark = codePoints(read.textOr("replacement", "▁"))
    // Files of older releases say add_prefix_space.
    val scheme = read.textOr("prepend_scheme", if (read.flag("add_prefix_space", default = true)) "always" else "never")
    val space = each { it == SPACE }
    val divide = read.flag("split", default = true)
    return { piece ->
        var made = piece.replace(space(piece.codes), mark)
        val wanted = scheme == "always" || (scheme == "first" && made.first == 0)
        if (wanted && made.size > 0 && made.codes[0] != mark[0]) made = made.prepend(mark)
        if (divide) split(made, each { it == mark[0] }, "MergedWithNext") else listOf(made)
    }
}

/** Divide a piece; empty parts are left out. */
private fun split(piece: AlignedText, pattern: Pattern, behavior: String): List<AlignedText> =
    joined(pattern(piece.codes), behavior).map { piece.slice(it.start, it.end) }

private fun joined(matches: List<Match>, behavior: String): List<Match> = when (behavior) {
    "Removed" -> matches.filter { !it.matched }
    "Isolated" -> matches
    "Contiguous" -> merged(matches) { match, last -> match.matched == last.matched }
    "MergedWithPrevious" -> merged(matches) { match, last -> match.matched && !last.matched }
    "MergedWithNext" -> merged(matches.asReversed()) { match, last -> match.matched && !last.matched }.asReversed()
    else -> throw Description.unsupported("behavior", behavior)
}

/** Join neighbours; whether a match joins depends on it and on the match before it. */
private fun merged(matches: List<Match>, joins: (Match, Match) -> Boolean): List<Match> {
    val made = ArrayList<Match>()
    matches.forEachIndexed { i, match ->
        if (i > 0 && joins(match, matches[i - 1])) {
            val before = made.removeAt(made.size - 1)
            made.add(Match(minOf(before.start, match.start), maxOf(before.end, match.end), before.matched))
        } else made.add(match)
    }
    return made
}
