/// WordPiece: a word is the longest entry that it begins with, and so on with what remains.
///
/// Entries are looked up by their bytes: Swift takes strings for equal that differ in bytes but not
/// in looks ("é" in one scalar or in two), and a vocabulary may hold both.
struct WordPiece: Sendable {
    let vocabulary: [[UInt8]: Int]
    let unknown: Int
    let prefix: [UInt8]
    let longestWord: Int

    /// Cut a word.
    ///
    /// - Returns: Ids with the scalars `start..<end` of the word; the unknown token for the whole
    ///   word where it cannot be cut, or has more scalars than `longestWord`.
    func cut(_ word: [Unicode.Scalar]) -> [(id: Int, start: Int, end: Int)] {
        guard word.count <= longestWord else { return [(unknown, 0, word.count)] }
        let bytes = word.map { Array(UTF8.encode($0)!) }
        var pieces: [(id: Int, start: Int, end: Int)] = []
        var start = 0
        while start < word.count {
            guard let piece = longest(bytes, from: start) else { return [(unknown, 0, word.count)] }
            pieces.append((piece.id, start, piece.end))
            start = piece.end
        }
        return pieces
    }

    private func longest(_ word: [[UInt8]], from start: Int) -> (id: Int, end: Int)? {
        var key = (start > 0 ? prefix : []) + word[start...].joined()
        for end in stride(from: word.count, to: start, by: -1) {
            if let id = vocabulary[key] { return (id, end) }
            key.removeLast(word[end - 1].count)
        }
        return nil
    }
}
