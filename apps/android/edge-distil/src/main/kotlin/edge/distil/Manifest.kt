package edge.distil

/** One file of the bundle: its path inside the bundle, its size and its sha256. */
class FileRecord(val path: String, val bytes: Long, val sha256: String)

/** A probe string and the token ids that the checkpoint's own tokenizer gives. */
class GoldenTokens(val text: String, val ids: List<Int>)

/** One model: its file, and what else it is made of where it is a folder. */
class Variant(val file: FileRecord, val recipe: String, val parts: List<FileRecord>)

/** How token vectors become one vector, as the checkpoint says. */
class Pooling(
    /** In order; the vectors of several stand behind each other. */
    val modes: List<String>,
    val normalize: Boolean,
    /** Length of the vector, after Dense modules. */
    val dimension: Int,
    val prompts: Map<String, String>,
    val defaultPrompt: String?,
    /** False where a prompt's tokens are left out of the pooling. */
    val includePrompt: Boolean
)

/** What this library reads of `edge_distil.json`; see docs/bundle-format.md. */
class Manifest(
    val task: String,
    val checkpoint: String,
    val inputs: List<String>,
    val outputs: List<String>,
    /** Longest sequence in tokens, special tokens included. */
    val maxLength: Int,
    val pooling: Pooling?,
    /** True where a token has one vector, whatever stands beside it: a text may have no tokens. */
    val static: Boolean,
    val files: List<FileRecord>,
    val golden: List<GoldenTokens>,
    val variants: Map<String, Variant>
) {
    companion object {
        const val FILE_NAME = "edge_distil.json"
        private const val SCHEMA_VERSION = 1L
        private val TASKS = listOf(
            "feature-extraction", "fill-mask", "question-answering", "sentence-similarity",
            "text-classification", "token-classification"
        )
        private val POOLING_MODES = listOf("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
        private val SHA256 = Regex("[0-9a-f]{64}")

        // Far more than any bundle has: what is beyond was made to exhaust its reader.
        private const val MOST_FILES = 1_000
        private const val MOST_VARIANTS = 100
        private const val MOST_TENSORS = 100
        private const val MOST_GOLDEN = 100
        private const val LONGEST_SEQUENCE = 10_000_000L
        private const val LARGEST_ID = Int.MAX_VALUE.toLong()
        private const val WIDEST = 1_000_000L // of a vector

        /** Parse and check a manifest. */
        internal fun read(text: String, file: String): Manifest {
            val document = Json.parse(text, file)
            checkVersion(document, file)
            val raw = Fields.of(document, file)
            val task = raw.text("task", TASKS)
            val variants = raw.objectAt("variants", MOST_VARIANTS)
            return Manifest(
                task,
                raw.objectAt("checkpoint").text("name"),
                raw.texts("inputs", MOST_TENSORS),
                raw.texts("outputs", MOST_TENSORS),
                raw.whole("max_length", 1, LONGEST_SEQUENCE).toInt(),
                if ("pooling" in raw || task == "sentence-similarity") pooling(raw.objectAt("pooling")) else null,
                raw.flag("static"),
                raw.objects("files", MOST_FILES).map { record(it) },
                raw.objects("golden", MOST_GOLDEN).map { golden(it) },
                variants.names.associateWith { variant(variants.objectAt(it)) }
            )
        }

        private fun checkVersion(document: Any?, file: String) {
            val version = (document as? Map<*, *>)?.get("schema_version") as? Long
                ?: throw BundleException(
                    "$file has no schema_version, so it is no edge-distil manifest: export the bundle again"
                )
            if (version == SCHEMA_VERSION) return
            val remedy = if (version > SCHEMA_VERSION) "take a newer edge-distil" else "export the bundle again"
            throw BundleException(
                "$file has schema_version $version, this release reads $SCHEMA_VERSION: $remedy"
            )
        }

        private fun golden(raw: Fields) =
            GoldenTokens(raw.text("text"), raw.wholes("ids", 0, LARGEST_ID).map { it.toInt() })

        private fun pooling(raw: Fields): Pooling {
            val prompts = raw.objectAt("prompts")
            val modes = raw.text("mode").split("+")
            if (modes.any { it !in POOLING_MODES }) {
                throw raw.wrong("mode", "one of ${POOLING_MODES.joinToString()}, or several joined by +")
            }
            return Pooling(
                modes,
                raw.flag("normalize"),
                raw.whole("dimension", 1, WIDEST).toInt(),
                prompts.names.associateWith { prompts.text(it) },
                raw.optionalText("default_prompt"),
                raw.flag("include_prompt", default = true)
            )
        }

        private fun variant(raw: Fields) = Variant(
            record(raw.objectAt("file")), raw.text("recipe"), raw.objects("parts", MOST_FILES).map { record(it) }
        )

        private fun record(raw: Fields): FileRecord {
            val sha256 = raw.text("sha256")
            if (!sha256.matches(SHA256)) throw raw.wrong("sha256", "64 hexadecimal digits")
            return FileRecord(raw.path("path"), raw.whole("bytes", 0), sha256)
        }
    }
}
