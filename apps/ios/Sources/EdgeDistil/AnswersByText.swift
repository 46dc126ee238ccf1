/// Answers in the order in which they were found, one for each text, whatever its case.
struct AnswersByText {
    private(set) var all: [Answer] = []
    // By bytes: Swift takes texts for equal that differ in bytes but not in looks.
    private var places: [[UInt8]: Int] = [:]

    /// Add an answer, or put it to the one of the same text.
    mutating func add(_ answer: Answer, joining: (inout Answer) -> Void) {
        let name = Array(answer.text.lowercased().utf8)
        if let place = places[name] {
            joining(&all[place])
        } else {
            places[name] = all.count
            all.append(answer)
        }
    }
}
