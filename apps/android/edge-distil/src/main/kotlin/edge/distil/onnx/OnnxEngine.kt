package edge.distil.onnx

import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtException
import ai.onnxruntime.OrtSession
import android.system.Os
import edge.distil.Engine
import edge.distil.Floats
import edge.distil.SessionException
import java.io.File
import java.nio.LongBuffer

/** A model on onnxruntime-android: `.onnx`, and `.ort` with a minimal build too. */
class OnnxEngine private constructor(
    private val environment: OrtEnvironment,
    private val session: OrtSession,
    private val name: String
) : Engine {
    override val inputs: List<String> = session.inputNames.toList()
    override val outputs: List<String> = session.outputNames.toList()

    override fun run(feeds: Map<String, LongArray>, wanted: List<String>): Map<String, Floats> {
        val tensors = LinkedHashMap<String, OnnxTensor>()
        try {
            for ((input, row) in feeds) tensors[input] = tensor(row)
            session.run(tensors, wanted.toSet()).use { result -> return wanted.associateWith { floats(result, it) } }
        } catch (error: OrtException) {
            throw SessionException("the engine failed on $name (${error.message})", error)
        } finally {
            tensors.values.forEach { it.close() }
        }
    }

    override fun close() = session.close()

    private fun tensor(row: LongArray): OnnxTensor =
        OnnxTensor.createTensor(environment, LongBuffer.wrap(row), longArrayOf(1, row.size.toLong()))

    private fun floats(result: OrtSession.Result, output: String): Floats {
        val tensor = result.get(output).get() as? OnnxTensor
        val buffer = tensor?.floatBuffer ?: throw SessionException(
            "$name gives $output as another kind than floats: export the bundle again"
        )
        val data = FloatArray(buffer.remaining())
        buffer.get(data)
        return Floats(tensor.info.shape.map { it.toInt() }.toIntArray(), data)
    }

    companion object {
        /**
         * Open a model.
         *
         * @param threads Within an operator; by default as many as the engine takes.
         * @throws SessionException The engine cannot load it.
         */
        fun open(file: File, threads: Int? = null): OnnxEngine {
            // onnxruntime 1.29 and later send telemetry unless told so before the first session.
            Os.setenv("ORT_DISABLE_TELEMETRY", "1", true)
            try {
                val environment = OrtEnvironment.getEnvironment()
                OrtSession.SessionOptions().use { options ->
                    threads?.let { options.setIntraOpNumThreads(it) }
                    return OnnxEngine(environment, environment.createSession(file.path, options), file.name)
                }
            } catch (error: OrtException) {
                throw SessionException(
                    "the engine cannot load ${file.name} (${error.message}): take a newer onnxruntime, one that was " +
                        "built with the model's operators, or another variant",
                    error
                )
            }
        }
    }
}
