package edge.distil.tokenizer

// Unicode's normal forms, change by change, as the library's crate
// `unicode-normalization-alignments` counts them.

private const val HANGUL = 0xAC00
private const val LAST_HANGUL = 0xD7A3
private const val INITIALS = 0x1100
private const val VOWELS = 0x1161
private const val FINALS = 0x11A7 // one before the first
private const val VOWEL_COUNT = 21
private const val FINAL_COUNT = 28
private const val INITIAL_COUNT = 19

/** The canonical (NFD) or compatibility (NFKD) decomposition. */
internal fun decomposed(text: AlignedText, compatibility: Boolean): AlignedText =
    if (text.codes.all { it < 0x80 }) text else text.transform(decompositions(text.codes, compatibility))

/** The canonical (NFC) or compatibility (NFKC) composition. */
internal fun composed(text: AlignedText, compatibility: Boolean): AlignedText =
    if (text.codes.all { it < 0x80 }) text else text.transform(compositions(decompositions(text.codes, compatibility)))

private fun decompositions(codes: IntArray, compatibility: Boolean): Changes {
    val table = if (compatibility) Unicode.compatibility else Unicode.canonical
    val made = Changes()
    for (code in codes) {
        val parts = if (code in HANGUL..LAST_HANGUL) jamo(code) else table[code]
        if (parts == null) add(made, code, 0)
        else parts.forEachIndexed { i, part -> add(made, part, if (i > 0) 1 else 0) }
    }
    return made
}

private fun jamo(syllable: Int): IntArray {
    val number = syllable - HANGUL
    val last = number % FINAL_COUNT
    val vowel = number / FINAL_COUNT % VOWEL_COUNT
    val start = intArrayOf(INITIALS + number / FINAL_COUNT / VOWEL_COUNT, VOWELS + vowel)
    return if (last == 0) start else start + (FINALS + last)
}

/** Add a character; a mark goes before those of a higher combining class. */
private fun add(made: Changes, code: Int, kind: Int) {
    made.add(code, kind)
    var place = made.codes.size - 1
    while (place > 0 && comesBefore(code, made.codes[place - 1])) {
        swap(made.codes, place)
        swap(made.kinds, place)
        place--
    }
}

private fun swap(values: Codes, place: Int) {
    val before = values[place - 1]
    values[place - 1] = values[place]
    values[place] = before
}

private fun combiningClass(code: Int): Int = if (code < 0x300) 0 else Unicode.classes[code] ?: 0

private fun comesBefore(mark: Int, other: Int): Boolean = combiningClass(mark) in 1 until combiningClass(other)

private fun compositions(changes: Changes): Changes {
    val made = Changes()
    var starter = -1 // place in `made` of what marks are added to
    for (i in 0 until changes.codes.size) {
        val code = changes.codes[i]
        val adjacent = starter >= 0 && starter == made.codes.size - 1
        val blocked = !adjacent && made.codes.size > 0 && !comesBefore(made.codes[made.codes.size - 1], code)
        val joined = if (starter >= 0 && !blocked) compose(made.codes[starter], code) else null
        if (joined != null) {
            made.codes[starter] = joined
            made.kinds[starter] = made.kinds[starter] + changes.kinds[i] - 1
            continue
        }
        made.add(code, changes.kinds[i])
        if (combiningClass(code) == 0) starter = made.codes.size - 1
    }
    return made
}

/** Return the character that two make, where they make one. */
private fun compose(first: Int, second: Int): Int? {
    val initial = first - INITIALS
    val vowel = second - VOWELS
    if (initial in 0 until INITIAL_COUNT && vowel in 0 until VOWEL_COUNT) {
        return HANGUL + (initial * VOWEL_COUNT + vowel) * FINAL_COUNT
    }
    val last = second - FINALS
    if (first in HANGUL..LAST_HANGUL && (first - HANGUL) % FINAL_COUNT == 0 && last in 1 until FINAL_COUNT) {
        return first + last
    }
    return Unicode.composed[Unicode.pair(first, second)]
}
