package edge.distil.tokenizer

/** For each byte the code point that byte-level vocabularies write for it (GPT-2's table). */
internal val BYTE_CHARACTERS: IntArray = run {
    var next = 256
    IntArray(256) { if (it in 33..126 || it in 161..172 || it >= 174) it else next++ }
}

/** Return the bytes of a code point in UTF-8. */
internal fun utf8(code: Int): List<Int> =
    String(Character.toChars(code)).toByteArray(Charsets.UTF_8).map { it.toInt() and 0xff }

/** The entries of a code point's bytes, as `<0x0A>`, with their ids; `null` where one is missing. */
internal fun byteEntries(code: Int, ids: Map<String, Int>): List<Pair<String, Int>>? =
    utf8(code).map { byte -> "<0x%02X>".format(byte).let { name -> name to (ids[name] ?: return null) } }
