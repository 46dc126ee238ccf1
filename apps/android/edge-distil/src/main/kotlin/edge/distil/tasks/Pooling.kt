package edge.distil.tasks

import edge.distil.Floats

private const val SMALLEST_COUNT = 1e-9f // torch.clamp's floor in sentence-transformers' Pooling
private const val SMALLEST_NORM = 1e-12 // torch.nn.functional.normalize's eps

/** Token vectors of one text, and which of its tokens take part. */
internal class TokenVectors(floats: Floats, private val takesPart: (Int) -> Boolean) {
    private val values = floats.data
    private val tokens = floats.shape[1]
    private val hidden = floats.shape[2]

    /** Pool as sentence-transformers does; the vectors of several modes stand behind each other. */
    fun pool(modes: List<String>): FloatArray = modes.fold(FloatArray(0)) { made, mode -> made + pool(mode) }

    private fun pool(mode: String): FloatArray = when {
        tokens == 1 -> values.copyOf() // a graph that computes the first token alone
        mode == "mean" -> average({ 1f }) { it }
        mode == "mean_sqrt_len_tokens" -> average({ 1f }) { Math.sqrt(it.toDouble()).toFloat() }
        mode == "weightedmean" -> average({ it + 1f }) { it }
        mode == "max" -> largest()
        mode == "cls" -> at((0 until tokens).firstOrNull(takesPart) ?: 0)
        else -> (0 until tokens).lastOrNull(takesPart)?.let { at(it) } ?: FloatArray(hidden)
    }

    private fun at(token: Int) = values.copyOfRange(token * hidden, (token + 1) * hidden)

    private fun average(weight: (Int) -> Float, divisor: (Float) -> Float): FloatArray {
        val sum = DoubleArray(hidden)
        var count = 0f
        for (token in (0 until tokens).filter(takesPart)) {
            count += weight(token)
            for (i in 0 until hidden) sum[i] += (weight(token) * values[token * hidden + i]).toDouble()
        }
        val by = divisor(maxOf(count, SMALLEST_COUNT))
        return FloatArray(hidden) { (sum[it] / by).toFloat() }
    }

    private fun largest(): FloatArray {
        val made = FloatArray(hidden) { Float.NEGATIVE_INFINITY }
        for (token in (0 until tokens).filter(takesPart)) {
            for (i in 0 until hidden) made[i] = maxOf(made[i], values[token * hidden + i])
        }
        return made
    }
}

/** Scale a vector to Euclidean length 1; zeros stay zeros. */
internal fun normalize(vector: FloatArray): FloatArray {
    val norm = maxOf(Math.sqrt(vector.fold(0.0) { sum, it -> sum + it.toDouble() * it }), SMALLEST_NORM)
    return FloatArray(vector.size) { (vector[it] / norm).toFloat() }
}
