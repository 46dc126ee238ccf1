package edge.distil.tokenizer

import edge.distil.Fields

/**
 * How texts are cut, and what is given with their token ids.
 *
 * Source of every rule: `edge_distil/_tokenizing/settings.py`, which follows transformers 5.
 */
internal class TokenizerSettings(
    /** A text that is too long loses its beginning, not its end. */
    val truncateLeft: Boolean,
    /** The texts of a pair are told apart by `token_type_ids`; else all are 0. */
    val tokenTypes: Boolean,
    /** Special tokens that stand in a text are cut up like any other text. */
    val splitSpecial: Boolean,
    /** Special tokens by role: `cls_token` to `[CLS]`. */
    val special: Map<String, String>,
    /** A text is cut to so many characters before it is tokenized, as model2vec cuts it. */
    val maxCharacters: Int?
) {
    companion object {
        private val ROLES = listOf("pad_token", "cls_token")

        // What stands in for a role that no file names, where the vocabulary has it.
        private val USUAL = mapOf("pad_token" to listOf("[PAD]", "<pad>"), "cls_token" to listOf("[CLS]", "<s>"))

        // Classes that tell the texts of a pair apart where `model_input_names` does not say.
        private val TYPED = (
            "Bert ConvBert DPRContextEncoder DPRQuestionEncoder Deberta DebertaV2 Electra FNet LayoutLM LayoutLMv2 " +
                "Lxmert MarkupLM MobileBert SqueezeBert"
            ).split(" ").toSet()

        // Model type -> its tokenizer's class, where no file names one; of classes without types none is listed.
        private val CLASSES = (
            "bert convbert distilbert electra ernie layoutlm lxmert megatron-bert mobilebert nezha nomic_bert " +
                "qdqbert squeezebert visual_bert"
            ).split(" ").associateWith { "Bert" } + mapOf(
            "deberta" to "Deberta", "deberta-v2" to "DebertaV2", "dpr" to "DPRQuestionEncoder", "fnet" to "FNet",
            "layoutlmv2" to "LayoutLMv2", "markuplm" to "MarkupLM"
        )

        // Model types whose tokenizer is whatever tokenizer.json says, whichever class a file names.
        private val GENERIC = listOf("modernbert", "nystromformer", "xlm-roberta-xl")

        /**
         * Read the settings of a bundle's tokenizer.
         *
         * @param json Returns a file of the bundle, parsed; `null` where there is none.
         * @param has Whether the vocabulary has a token.
         */
        fun read(json: (String) -> Any?, has: (String) -> Boolean): TokenizerSettings {
            fun fields(name: String) = Fields.of(json(name) ?: emptyMap<String, Any>(), name)
            val config = fields("tokenizer_config.json")
            val tokenizer = fields("tokenizer.json")
            val truncation = tokenizer.objectAt("truncation").optionalText("direction") ?: "right"
            val sides = listOf("left", "right")
            val side = if ("truncation_side" in config) config.text("truncation_side", sides) else truncation
            return TokenizerSettings(
                side.equals("left", ignoreCase = true),
                if ("model_input_names" in config) "token_type_ids" in config.texts("model_input_names")
                else tokenizerClass(config, fields("config.json")) in TYPED,
                config.flag("split_special_tokens"),
                special(config, fields("special_tokens_map.json"), tokenizer, has),
                if ("max_characters" in config) config.whole("max_characters", 1, Int.MAX_VALUE.toLong()).toInt() else null
            )
        }

        private fun tokenizerClass(config: Fields, model: Fields): String {
            val type = model.optionalText("model_type") ?: ""
            if (type in GENERIC) return ""
            val name = config.optionalText("tokenizer_class") ?: model.optionalText("tokenizer_class")
            return name?.removeSuffix("Fast")?.removeSuffix("Tokenizer") ?: CLASSES[type] ?: ""
        }

        /** `special_tokens_map.json` is not read where `added_tokens_decoder` is there; read, it comes first. */
        private fun special(
            config: Fields, map: Fields, tokenizer: Fields, has: (String) -> Boolean
        ): Map<String, String> {
            val named = HashMap<Any?, Any?>()
            tokenizer.objectAt("padding").optionalText("pad_token")?.let { named["pad_token"] = it }
            named.putAll(config.values)
            if ("added_tokens_decoder" !in config.values) named.putAll(map.values)
            val found = HashMap<String, String>()
            for (role in ROLES) {
                val value = named[role]
                val text = (if (value is Map<*, *>) value["content"] else value) as? String
                (text ?: USUAL.getValue(role).firstOrNull(has))?.let { found[role] = it }
            }
            return found
        }
    }
}
