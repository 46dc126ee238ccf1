import Foundation

/// A scalar of the normalized text, and the scalar of the original text that it was made from.
struct Aligned: Equatable {
    let scalar: Unicode.Scalar
    let origin: Int
}

/// BERT's normalizer: `BertNormalizer` of the `tokenizers` library.
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
            for made in cleaned(scalar) {
                found.append(Aligned(scalar: made, origin: origin + index))
            }
        }
        if stripAccents { found = found.decomposed.filter { !$0.scalar.isNonspacingMark } }
        return lowercase ? found.flatMap { $0.lowercased } : found
    }

    private func cleaned(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        if handleChineseCharacters && scalar.isChinese { return [" ", scalar, " "] }
        guard cleanText else { return [scalar] }
        switch scalar {
        case "\t", "\n", "\r": return [" "]
        case _ where scalar.isRemovedWhenCleaned: return []
        default: return [scalar.properties.isWhitespace ? " " : scalar]
        }
    }
}

extension Aligned {
    /// The lower case, without regard to what stands beside it.
    fileprivate var lowercased: [Aligned] {
        if scalar.isASCII {
            guard (65...90).contains(scalar.value) else { return [self] }
            return [Aligned(scalar: Unicode.Scalar(UInt8(scalar.value + 32)), origin: origin)]
        }
        let made = scalar.properties.lowercaseMapping.unicodeScalars
        return made.map { Aligned(scalar: $0, origin: origin) }
    }
}

extension [Aligned] {
    /// The canonical decomposition of the whole (Unicode's form NFD).
    ///
    /// Where marks change places, the origins stay in order: the library counts them so.
    fileprivate var decomposed: [Aligned] {
        var parts: [(scalar: Unicode.Scalar, isFirst: Bool)] = []
        for one in self {
            for (index, scalar) in one.scalar.decomposed.enumerated() {
                parts.append((scalar, index == 0))
                var place = parts.count - 1
                let combining = scalar.combiningClass
                while combining > 0, place > 0,
                    parts[place - 1].scalar.combiningClass > combining {
                    parts.swapAt(place - 1, place)
                    place -= 1
                }
            }
        }
        var taken = -1
        return parts.map { part in
            if part.isFirst { taken += 1 }
            return Aligned(scalar: part.scalar, origin: self[Swift.max(taken, 0)].origin)
        }
    }
}

extension Unicode.Scalar {
    /// White space as Python sees it: ASCII's separators are some too.
    var isBlank: Bool { properties.isWhitespace || (0x1C...0x1F).contains(value) }

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
        if isASCII { return value < 32 || value == 127 }
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
        if isASCII { return [self] }
        return Array(String(Character(self)).decomposedStringWithCanonicalMapping.unicodeScalars)
    }

    /// By which marks on one letter are ordered; 0 for all but marks. In Unicode 9, of which the
    /// library's table of these is.
    var combiningClass: UInt8 {
        guard !isASCII, let age = properties.age, age.major <= 9 else { return 0 }
        return properties.canonicalCombiningClass.rawValue
    }
}
