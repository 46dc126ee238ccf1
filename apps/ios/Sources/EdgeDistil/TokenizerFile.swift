/// Reads the parts of `tokenizer.json`, and refuses what this package would do otherwise.
enum TokenizerFile {
    /// Check that every part is of the kind that BERT has.
    static func check(_ json: JSON) throws {
        let parts = [
            ("normalizer", "BertNormalizer"), ("pre_tokenizer", "BertPreTokenizer"),
            ("model", "WordPiece"),
        ]
        for (part, expected) in parts {
            let found = json[part]?["type"]?.string ?? "none"
            guard found == expected else {
                throw EdgeDistilError.bundle(
                    "tokenizer.json has \(found) as \(part), expected \(expected): "
                        + "this package reads the tokenizers of BERT and DistilBERT")
            }
        }
    }

    /// Check how texts are taken, of which `tokenizer_config.json` has the first word.
    static func checkSettings(_ json: JSON, _ config: JSON?) throws {
        let direction = json["truncation"]?["direction"]?.string
        let side = config?["truncation_side"]?.string ?? direction ?? "right"
        guard side.lowercased() == "right" else {
            throw EdgeDistilError.bundle(
                "the tokenizer cuts long texts on the \(side.lowercased()), expected right: "
                    + "this package cuts their ends; use a checkpoint whose truncation_side is right")
        }
        guard config?["split_special_tokens"]?.bool != true else {
            throw EdgeDistilError.bundle(
                "tokenizer_config.json has split_special_tokens, expected none: this package takes "
                    + "special tokens in a text as they are; use a checkpoint without it")
        }
    }

    static func normalizer(_ json: JSON) -> Normalizer {
        let options = json["normalizer"]
        let lowercase = options?["lowercase"]?.bool ?? true
        return Normalizer(
            cleanText: options?["clean_text"]?.bool ?? true,
            handleChineseCharacters: options?["handle_chinese_chars"]?.bool ?? true,
            stripAccents: options?["strip_accents"]?.bool ?? lowercase,
            lowercase: lowercase)
    }

    static func wordPiece(_ json: JSON) throws -> WordPiece {
        guard let model = json["model"], let entries = model["vocab"]?.members else {
            throw EdgeDistilError.bundle("tokenizer.json has no vocabulary: export the bundle again")
        }
        var vocabulary: [[UInt8]: Int] = [:]
        vocabulary.reserveCapacity(entries.count)
        for entry in entries { vocabulary[Array(entry.name.utf8)] = entry.value.integer }
        guard let unknown = vocabulary[Array((model["unk_token"]?.string ?? "[UNK]").utf8)] else {
            throw EdgeDistilError.bundle(
                "tokenizer.json has no unknown token in its vocabulary: export the bundle again")
        }
        return WordPiece(
            vocabulary: vocabulary,
            unknown: unknown,
            prefix: Array((model["continuing_subword_prefix"]?.string ?? "##").utf8),
            longestWord: model["max_input_chars_per_word"]?.integer ?? 100)
    }

    /// The tokens that are found in the text as they are written, `[SEP]` and the like.
    static func addedTokens(_ json: JSON) throws -> [(text: String, id: Int)] {
        try (json["added_tokens"]?.array ?? []).map { token in
            guard let text = token["content"]?.string, let id = token["id"]?.integer else {
                throw EdgeDistilError.bundle("tokenizer.json has a damaged added token: export again")
            }
            for option in ["single_word", "lstrip", "rstrip", "normalized"] {
                guard token[option]?.bool != true else {
                    throw EdgeDistilError.bundle(
                        "tokenizer.json has \(option) for \(text), which this package cannot do: "
                            + "use a checkpoint with BERT's own special tokens")
                }
            }
            return (text, id)
        }
    }

    /// Ids of the tokens around texts: `[CLS] question [SEP] context [SEP]`.
    static func clsAndSep(_ json: JSON) throws -> (cls: Int, sep: Int) {
        let processor = json["post_processor"]
        if processor?["type"]?.string == "BertProcessing",
            let cls = processor?["cls"]?.array?.last?.integer,
            let sep = processor?["sep"]?.array?.last?.integer {
            return (cls, sep)
        }
        let names = (processor?["pair"]?.array ?? []).map { part in
            part["SpecialToken"]?["id"]?.string ?? part["Sequence"]?["id"]?.string ?? "?"
        }
        let ids = names.map { processor?["special_tokens"]?[$0]?["ids"]?.array?.first?.integer }
        guard names.count == 5, names[1] == "A", names[3] == "B", names[2] == names[4],
            let cls = ids[0], let sep = ids[2]
        else {
            throw EdgeDistilError.bundle(
                "tokenizer.json joins texts as \(names.joined(separator: " ")), expected "
                    + "[CLS] A [SEP] B [SEP]: this package reads the tokenizers of BERT")
        }
        return (cls, sep)
    }
}
