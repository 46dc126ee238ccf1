package edge.distil.tokenizer

import edge.distil.BundleException

/** A part of `tokenizer.json`, by its type. */
internal class Description(private val fields: Map<*, *>) {
    val type: String? get() = fields["type"] as? String

    operator fun get(name: String): Any? = fields[name]

    fun has(name: String): Boolean = fields[name] != null

    fun text(name: String): String = fields[name] as? String ?: throw wrong(name)

    fun textOr(name: String, default: String): String = fields[name] as? String ?: default

    fun flag(name: String, default: Boolean = false): Boolean = fields[name] as? Boolean ?: default

    fun number(name: String): Int = (fields[name] as? Number)?.toInt() ?: throw wrong(name)

    fun list(name: String): List<*> = fields[name] as? List<*> ?: throw wrong(name)

    fun map(name: String): Map<*, *> = fields[name] as? Map<*, *> ?: throw wrong(name)

    fun parts(name: String): List<Description> = list(name).map { of(it) ?: throw wrong(name) }

    fun part(name: String): Description? = of(fields[name])

    private fun wrong(name: String) =
        BundleException("tokenizer.json's ${type ?: "part"} has no usable $name: copy or export the bundle again")

    companion object {
        fun of(value: Any?): Description? = (value as? Map<*, *>)?.let { Description(it) }

        /** Return the error of a part that this library does not have. */
        fun unsupported(part: String, type: Any?) = BundleException(
            "tokenizer.json has the $part $type, which this library does not know: export a checkpoint of a " +
                "family that edge-distil tests"
        )
    }
}
