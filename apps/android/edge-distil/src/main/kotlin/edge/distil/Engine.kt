package edge.distil

import java.io.Closeable

/** An array as a model gives it. */
class Floats(val shape: IntArray, val data: FloatArray)

/** What runs a model: `edge.distil.onnx.OnnxEngine` on Android, a record of numbers in tests. */
interface Engine : Closeable {
    /** Names of the model's inputs. */
    val inputs: List<String>

    /** Names of its outputs. */
    val outputs: List<String>

    /**
     * Run one row.
     *
     * @param feeds For each input its numbers, of shape (1, tokens).
     * @param wanted The outputs to compute.
     */
    fun run(feeds: Map<String, LongArray>, wanted: List<String>): Map<String, Floats>
}
