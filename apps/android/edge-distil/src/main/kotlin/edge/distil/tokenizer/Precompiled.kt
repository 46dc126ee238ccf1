package edge.distil.tokenizer

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Base64

private const val LONGEST_GRAPHEME = 6 // bytes below which a cluster is looked up as a whole

/**
 * sentencepiece's compiled map of characters: a trie of UTF-8 in a double array, and the texts that
 * its leaves point to.
 *
 * Source: the crate `spm_precompiled`.
 */
internal class Precompiled(base64: String) : Normalizer {
    private val units: IntArray
    private val texts: ByteArray

    init {
        val bytes = Base64.getDecoder().decode(base64)
        val view = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
        val size = if (bytes.size < 4) 0 else view.getInt(0)
        units = IntArray(size / 4) { view.getInt(4 + 4 * it) }
        texts = bytes.copyOfRange(minOf(4 + size, bytes.size), bytes.size)
    }

    override fun invoke(text: AlignedText): AlignedText {
        val changes = Changes()
        var start = 0
        while (start < text.size) {
            val end = graphemeEnd(text.codes, start)
            val whole = textOf(text.codes, start, end).toByteArray()
            val made = if (whole.size < LONGEST_GRAPHEME) find(whole) else null
            if (made != null) replace(changes, end - start, made)
            else for (i in start until end) {
                val single = find(textOf(text.codes, i, i + 1).toByteArray())
                if (single != null) replace(changes, 1, single) else changes.add(text.codes[i], 0)
            }
            start = end
        }
        return text.transform(changes)
    }

    /** Note that `count` characters became others. */
    private fun replace(changes: Changes, count: Int, made: IntArray) {
        val more = made.size - count
        made.forEachIndexed { i, code -> changes.add(code, if (more > 0 && i >= made.size - more) 1 else 0) }
        val last = changes.kinds.size - 1
        if (more < 0 && last >= 0) changes.kinds[last] = changes.kinds[last] + more
    }

    /** The first text whose key begins what is looked up, as the library takes it. */
    private fun find(key: ByteArray): IntArray? {
        var place = offset(unit(0))
        for (signed in key) {
            val byte = signed.toInt() and 0xff
            if (byte == 0) return null
            place = place xor byte
            val unit = unit(place)
            if (unit and LABEL != byte) return null
            place = place xor offset(unit)
            if (unit ushr 8 and 1 == 1) return textAt(unit(place) and Int.MAX_VALUE)
        }
        return null
    }

    private fun textAt(start: Int): IntArray {
        var end = start
        while (end < texts.size && texts[end].toInt() != 0) end++
        return codePoints(String(texts, start, end - start, Charsets.UTF_8))
    }

    private fun unit(place: Int): Int = if (place in units.indices) units[place] else 0

    private fun offset(unit: Int): Int = (unit ushr 10) shl ((unit and 0x200) ushr 6)

    private companion object {
        const val LABEL = 0x800000ff.toInt()
    }
}
