import EdgeDistil
import Foundation

// edge-distil-check TOKENIZER_JSON < TEXTS: one JSON string a line in, one JSON list a line out,
// of [id, start, end, word] for each token.
let arguments = CommandLine.arguments
guard arguments.count == 2 else {
    FileHandle.standardError.write(Data("usage: edge-distil-check TOKENIZER_JSON < TEXTS\n".utf8))
    exit(2)
}
do {
    let tokenizer = try Tokenizer(contentsOf: URL(fileURLWithPath: arguments[1]))
    while let line = readLine() {
        let text = try JSON(reading: Data(line.utf8)).string ?? ""
        let tokens = tokenizer.encode(text).map { JSON([$0.id, $0.start, $0.end, $0.word]) }
        print(JSON.array(tokens).text)
    }
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}
