package edge.distil.tokenizer

/** Changes a text before it is divided. */
internal typealias Normalizer = (AlignedText) -> AlignedText

private const val SPACE = 0x20
private val removed = Characters.named("REMOVED")
private val spaces = Characters.named("SPACE")
private val chinese = Characters.named("CHINESE")
private val nonspacing = Characters.named("NONSPACING")
private val combining = Characters.named("COMBINING")
private val blank = Characters.named("WHITESPACE")

/** Read `tokenizer.json`'s `normalizer`. */
internal fun readNormalizer(read: Description?): Normalizer = when (read?.type) {
    null -> { text -> text }
    "Sequence" -> {
        val all = read.parts("normalizers").map { readNormalizer(it) };
        { text -> all.fold(text) { made, one -> one(made) } }
    }
    "BertNormalizer" -> bert(read)
    "Lowercase" -> { text -> text.expand(Unicode::lowerCase) }
    "NFC", "NFKC" -> { text -> composed(text, read.type == "NFKC") }
    "NFD", "NFKD" -> { text -> decomposed(text, read.type == "NFKD") }
    "StripAccents" -> { text -> text.filter { it !in combining } }
    "Strip" -> { text -> strip(text, read.flag("strip_left"), read.flag("strip_right")) }
    "Replace" -> {
        val pattern = readPattern(read.part("pattern"))
        val content = codePoints(read.text("content"));
        { text -> text.replace(pattern(text.codes), content) }
    }
    "Prepend" -> {
        val codes = codePoints(read.text("prepend"));
        { text -> text.prepend(codes) }
    }
    "Precompiled" -> Precompiled(read.text("precompiled_charsmap"))
    "Nmt" -> ::nmt
    else -> throw Description.unsupported("normalizer", read.type)
}

private fun bert(read: Description): Normalizer {
    val lower = read.flag("lowercase", default = true)
    val accents = read.flag("strip_accents", default = lower)
    val clean = read.flag("clean_text", default = true)
    val divide = read.flag("handle_chinese_chars", default = true)
    return { text ->
        var made = text
        if (clean) made = made.filter { it !in removed }.expand { intArrayOf(if (it in spaces) SPACE else it) }
        if (divide) made = made.expand { if (it in chinese) intArrayOf(SPACE, it, SPACE) else intArrayOf(it) }
        if (accents) made = decomposed(made, false).filter { it !in nonspacing }
        if (lower) made.expand(Unicode::lowerCase) else made
    }
}

private fun strip(text: AlignedText, left: Boolean, right: Boolean): AlignedText {
    var start = 0
    var end = text.size
    while (left && start < end && text.codes[start] in blank) start++
    while (right && end > start && text.codes[end - 1] in blank) end--
    return text.slice(start, end)
}

private val NMT_DROPPED = (1..8) + listOf(0xb) + (0xe..0x1f) + listOf(0x7f, 0x8f, 0x9f)
private val NMT_BLANKS = setOf(
    0x9, 0xa, 0xc, 0xd, 0x1680, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x2581, 0xfeff, 0xfffd
)

/** sentencepiece's rules for machine translation. */
private fun nmt(text: AlignedText): AlignedText =
    text.filter { it !in NMT_DROPPED }.expand { intArrayOf(if (it in NMT_BLANKS) SPACE else it) }
