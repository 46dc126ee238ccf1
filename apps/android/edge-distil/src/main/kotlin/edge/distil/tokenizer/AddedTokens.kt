package edge.distil.tokenizer

/** A token that is found in a text before anything else is done with it. */
internal class AddedToken(read: Description) {
    val id = read.number("id")
    val content = read.text("content")
    val singleWord = read.flag("single_word")
    val left = read.flag("lstrip")
    val right = read.flag("rstrip")
    val normalized = read.flag("normalized")
    val special = read.flag("special")
}

/** A part of a text: an added token, or what is left to divide. */
internal class Section(val text: AlignedText, val id: Int? = null)

private class Node {
    val children = HashMap<Int, Node>()
    var token: AddedToken? = null
}

private class Found(val token: AddedToken, val end: Int)

private val blank = Characters.named("BLANK")
private val word = Characters.named("WORD")

/** Finds added tokens: those that are not normalized first, then the others in the rest. */
internal class AddedTokens(tokens: List<AddedToken>, private val normalize: Normalizer) {
    private val plain = trie(tokens.filter { !it.normalized }) { it }
    private val normalized = trie(tokens.filter { it.normalized }) { normalize(AlignedText.of(it)).codes }

    /** Divide a text, and normalize what is no token. */
    fun divide(text: AlignedText): List<Section> = sections(text, plain).flatMap { section ->
        if (section.id == null) sections(normalize(section.text), normalized) else listOf(section)
    }
}

private fun trie(tokens: List<AddedToken>, key: (IntArray) -> IntArray): Node {
    val root = Node()
    for (token in tokens) {
        var node = root
        for (code in key(codePoints(token.content))) node = node.children.getOrPut(code) { Node() }
        if (node !== root) node.token = token
    }
    return root
}

private fun sections(text: AlignedText, root: Node): List<Section> {
    val codes = text.codes
    val found = ArrayList<Section>()
    var done = 0
    var at = 0
    while (root.children.isNotEmpty() && at < codes.size) {
        val match = longest(codes, at, root)
        if (match == null) {
            at++
            continue
        }
        val token = match.token
        var start = at
        var end = match.end
        at = match.end
        if (token.singleWord && (isWord(codes, start - 1) || isWord(codes, end))) continue
        if (token.left) while (start > done && codes[start - 1] in blank) start--
        if (token.right) while (end < codes.size && codes[end] in blank) end++
        start = maxOf(start, done)
        if (done < start) found.add(Section(text.slice(done, start)))
        found.add(Section(text.slice(start, end), token.id))
        done = end
    }
    if (done < codes.size) found.add(Section(text.slice(done, codes.size)))
    return found
}

private fun longest(codes: IntArray, start: Int, root: Node): Found? {
    var node = root
    var found: Found? = null
    for (i in start until codes.size) {
        node = node.children[codes[i]] ?: break
        node.token?.let { found = Found(it, i + 1) }
    }
    return found
}

private fun isWord(codes: IntArray, place: Int): Boolean = place in codes.indices && codes[place] in word
