import Foundation

/// A scalar of the normalized text, and the scalar of the original text that it was made from.
struct Aligned: Equatable {
    let scalar: Unicode.Scalar
    let origin: Int
}

/// BERT's normalizer: `BertNormalizer` of the `tokenizers` library, scalar by scalar.
///
/// Every step of it looks at one scalar alone, so each normalized scalar knows its origin.
struct Normalizer: Sendable {
    var cleanText = true
    var handleChineseCharacters = true
    var stripAccents = true
    var lowercase = true

    /// Normalize a text.
    ///
    /// - Parameter origin: Offset of the first scalar in the whole text.
    func normalize(_ scalars: some Sequence<Unicode.Scalar>, from origin: Int) -> [Aligned] {
        var found: [Aligned] = []
        for (index, scalar) in scalars.enumerated() {
            for made in normalize(scalar) {
                found.append(Aligned(scalar: made, origin: origin + index))
            }
        }
        return found
    }

    private func normalize(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        if scalar.isASCII { return normalizeASCII(scalar) }
        if cleanText && scalar.isRemovedWhenCleaned { return [] }
        var scalars = [cleanText && scalar.properties.isWhitespace ? " " : scalar]
        if handleChineseCharacters && scalar.isChinese { scalars = [" ", scalar, " "] }
        if stripAccents { scalars = scalars.flatMap(\.decomposed).filter { !$0.isNonspacingMark } }
        return lowercase ? scalars.flatMap(\.lowercased) : scalars
    }

    private func normalizeASCII(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        switch scalar.value {
        case 9, 10, 13: return cleanText ? [" "] : [scalar]
        case ..<32, 127: return cleanText ? [] : [scalar]
        case 65...90: return lowercase ? [Unicode.Scalar(UInt8(scalar.value + 32))] : [scalar]
        default: return [scalar]
        }
    }
}

extension Unicode.Scalar {
    /// The general category in Unicode 8: the library's tables are of that version, and the
    /// system's are newer, each year's by some hundred characters. Six have changed since.
    private var category: Unicode.GeneralCategory {
        guard let age = properties.age, age.major <= 8 else { return .unassigned }
        switch value {
        case 0x166D, 0x111C9: return .otherPunctuation
        case 0x1734: return .nonspacingMark
        case 0x1885, 0x1886: return .otherLetter
        case 0xA9BD: return .spacingMark
        default: return properties.generalCategory
        }
    }

    /// A control, format, private-use or surrogate character, or the replacement character.
    ///
    /// Unassigned ones stay: the library's tables do not hold them either.
    var isRemovedWhenCleaned: Bool {
        switch category {
        case .control, .format, .privateUse, .surrogate: return true
        default: return value == 0xFFFD
        }
    }

    /// In one of the blocks that BERT takes for Chinese characters; kana and hangul are not.
    var isChinese: Bool {
        switch value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F,
            0x2B740...0x2B81F, 0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            return true
        default: return false
        }
    }

    var isNonspacingMark: Bool { category == .nonspacingMark }

    /// ASCII punctuation, which here holds `$`, `+` and `~` too, and all of Unicode's.
    var isPunctuation: Bool {
        if isASCII {
            switch value {
            case 33...47, 58...64, 91...96, 123...126: return true
            default: return false
            }
        }
        switch category {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
            .initialPunctuation, .finalPunctuation, .otherPunctuation:
            return true
        default: return false
        }
    }

    /// The canonical decomposition.
    var decomposed: [Unicode.Scalar] {
        Array(String(Character(self)).decomposedStringWithCanonicalMapping.unicodeScalars)
    }

    /// The lower case without regard to what stands beside it.
    var lowercased: [Unicode.Scalar] { Array(properties.lowercaseMapping.unicodeScalars) }
}
