package edge.distil

import java.io.File
import java.nio.ByteBuffer
import java.nio.charset.CharacterCodingException
import java.security.MessageDigest

/** A bundle's folder, whose files are what the manifest says. */
class Bundle private constructor(val folder: File, val manifest: Manifest, private val verify: Boolean) {

    /**
     * Return a variant's name and its model, the file checked.
     *
     * @param name By default fp32 or, where its file was left out, the first of `ORDER` that is there:
     *     adding a variant never changes what an app loads.
     */
    fun model(name: String? = null): Pair<String, File> {
        val runnable = manifest.variants.filterValues { it.parts.isEmpty() }
        val there = runnable.filterValues { File(folder, it.file.path).isFile }.keys
        val chosen = name ?: ORDER.firstOrNull { it in there } ?: ORDER.first()
        val variant = runnable[chosen] ?: throw BundleException(
            "$folder has no variant '$chosen', only ${runnable.keys.joinToString().ifEmpty { "none" }}: choose one " +
                "of these, or make it with edge-distil quantize"
        )
        return chosen to check(variant.file)
    }

    /** Return a file of the tokenizer, parsed; `null` where there is none. */
    internal fun json(name: String): Any? {
        val file = File(folder, name)
        return if (file.isFile) Json.parse(text(file), file.path) else null
    }

    /** Check a file's size and, of small ones or where all are to be verified, its sha256. */
    private fun check(record: FileRecord): File {
        val file = File(folder, record.path)
        if (!file.isFile) throw BundleException(
            "$file is missing, though ${Manifest.FILE_NAME} names it: copy the whole bundle again, or export it again"
        )
        if (file.length() != record.bytes) throw BundleException(
            "$file has ${file.length()} bytes, ${Manifest.FILE_NAME} says ${record.bytes}: it was truncated or " +
                "edited; copy or export the bundle again"
        )
        val found = if (verify || record.bytes <= HASHED_AT_OPEN) sha256(file) else record.sha256
        if (found != record.sha256) throw BundleException(
            "$file was edited: its sha256 is ${found.take(12)}…, it was recorded as ${record.sha256.take(12)}…; " +
                "copy or export the bundle again"
        )
        return file
    }

    companion object {
        private const val HASHED_AT_OPEN = 4 shl 20 // bytes; a file this small takes a few milliseconds
        private val USUAL = listOf("fp32", "int8", "int8-static", "weights-only", "fp16", "int4")
        private val ORDER = USUAL + USUAL.map { "$it-ort" }
        private const val BLOCK = 1 shl 16 // bytes read at once

        /**
         * Open a bundle; its small files are checked now, a model when it is asked for.
         *
         * @param verify Hash every file that is read, whatever its size: after a download.
         */
        fun open(folder: File, verify: Boolean = false): Bundle {
            val file = File(folder, Manifest.FILE_NAME)
            if (!file.isFile) throw BundleException(
                "no bundle at $folder (no ${Manifest.FILE_NAME}): give the folder that edge-distil export wrote"
            )
            val bundle = Bundle(folder, Manifest.read(text(file), file.path), verify)
            bundle.manifest.files.forEach { bundle.check(it) }
            return bundle
        }

        private fun text(file: File): String = try {
            Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(file.readBytes())).toString()
        } catch (error: CharacterCodingException) {
            throw BundleException("$file is not UTF-8 text; it was damaged: copy or export the bundle again", error)
        }

        private fun sha256(file: File): String {
            val digest = MessageDigest.getInstance("SHA-256")
            val block = ByteArray(BLOCK)
            file.inputStream().use { stream ->
                while (true) {
                    val count = stream.read(block)
                    if (count < 0) break
                    digest.update(block, 0, count)
                }
            }
            return digest.digest().joinToString("") { "%02x".format(it) }
        }
    }
}
