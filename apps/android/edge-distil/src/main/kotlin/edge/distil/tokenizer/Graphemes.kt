package edge.distil.tokenizer

// Clusters of characters that are seen as one (Unicode's Annex 29). Flags are left out: of two
// regional indicators each is looked up alone, whether they are one cluster or two.

private val alone = Characters.named("ALONE")
private val joinedTo = Characters.named("JOINED")
private val extending = Characters.named("EXTENDING")
private val prepended = Characters.named("PREPENDED")
private val pictograph = Characters.named("PICTOGRAPH")
private val consonant = Characters.named("CONSONANT")
private val linker = Characters.named("LINKER")
private val between = Characters.named("BETWEEN")
private const val RETURN = 0xd
private const val NEWLINE = 0xa
private const val JOINER = 0x200d
private const val UNJOINED = 0x300 // below it nothing joins but a return and a newline

/** Return where the cluster ends that begins at `start`. */
internal fun graphemeEnd(codes: IntArray, start: Int): Int {
    var end = start + 1
    while (end < codes.size && joins(codes, end)) end++
    return end
}

private fun joins(codes: IntArray, place: Int): Boolean {
    val before = codes[place - 1]
    val code = codes[place]
    if (before == RETURN && code == NEWLINE) return true
    if (code < UNJOINED && before < UNJOINED) return false
    if (before in alone || code in alone) return false
    return code in joinedTo || before in prepended || hangulJoins(before, code) ||
        (code in consonant && afterLinker(codes, place)) || (code in pictograph && afterJoiner(codes, place))
}

private fun isVowel(code: Int) = code in 0x1160..0x11A7 || code in 0xD7B0..0xD7C6

private fun isFinal(code: Int) = code in 0x11A8..0x11FF || code in 0xD7CB..0xD7FB

private fun isInitial(code: Int) = code in 0x1100..0x115F || code in 0xA960..0xA97C

private fun isSyllable(code: Int) = code in 0xAC00..0xD7A3

private fun hangulJoins(before: Int, code: Int): Boolean = when {
    isInitial(before) -> isInitial(code) || isVowel(code) || isSyllable(code)
    isVowel(before) || (isSyllable(before) && (before - 0xAC00) % 28 == 0) -> isVowel(code) || isFinal(code)
    isFinal(before) || isSyllable(before) -> isFinal(code)
    else -> false
}

/** Whether a consonant stands before, and between only what links, at least once, or extends. */
private fun afterLinker(codes: IntArray, place: Int): Boolean {
    var at = place - 1
    var linked = false
    while (at >= 0 && (codes[at] in linker || codes[at] in between)) linked = codes[at--] in linker || linked
    return linked && at >= 0 && codes[at] in consonant
}

private fun afterJoiner(codes: IntArray, place: Int): Boolean {
    var at = place - 1
    if (codes[at--] != JOINER) return false
    while (at >= 0 && codes[at] in extending) at--
    return at >= 0 && codes[at] in pictograph
}
