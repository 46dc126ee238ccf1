import CoreML
import EdgeDistil
import Foundation

/// A model that Xcode compiled into the application.
struct InstalledModel: Identifiable, Hashable {
    let url: URL

    /// `distilbert-base_fp16.mlpackage`: what it is, an underscore, and its variant.
    var id: String { url.deletingPathExtension().lastPathComponent }

    private var parts: [String] { id.components(separatedBy: "_") }

    func open(_ units: ComputeUnits) throws -> QuestionAnswering {
        QuestionAnswering(
            tokenizer: try Resources.tokenizer(),
            model: try CoreMLModel(compiled: url, computeUnits: units.value))
    }

    func measured(_ units: ComputeUnits) -> MeasuredModel {
        MeasuredModel(
            model: parts[0],
            variant: parts.count > 1 ? parts.dropFirst().joined(separator: "_") : "fp16",
            engine: "Core ML, \(ProcessInfo.processInfo.operatingSystemVersionString)",
            bytes: bytes,
            options: [.init("compute_units", .string(units.rawValue))])
    }

    /// Size of all files of the compiled model.
    private var bytes: Int {
        let keys: [URLResourceKey] = [.fileSizeKey]
        let files = FileManager.default.enumerator(at: url, includingPropertiesForKeys: keys)
        let all = files?.compactMap { $0 as? URL } ?? []
        return all.reduce(0) { $0 + ((try? $1.resourceValues(forKeys: Set(keys)))?.fileSize ?? 0) }
    }
}

enum ComputeUnits: String, CaseIterable, Identifiable {
    case all = "all"
    case cpuOnly = "cpu_only"
    case cpuAndGPU = "cpu_and_gpu"
    case cpuAndNeuralEngine = "cpu_and_ne"

    var id: String { rawValue }

    var name: String {
        switch self {
        case .all: return "All"
        case .cpuOnly: return "CPU"
        case .cpuAndGPU: return "CPU, GPU"
        case .cpuAndNeuralEngine: return "CPU, Neural Engine"
        }
    }

    var value: MLComputeUnits {
        switch self {
        case .all: return .all
        case .cpuOnly: return .cpuOnly
        case .cpuAndGPU: return .cpuAndGPU
        case .cpuAndNeuralEngine: return .cpuAndNeuralEngine
        }
    }
}

/// Files that the guide says to add to the application.
enum Resources {
    static var models: [InstalledModel] {
        let found = Bundle.main.urls(forResourcesWithExtension: "mlmodelc", subdirectory: nil) ?? []
        return found.map { InstalledModel(url: $0 as URL) }.sorted { $0.id < $1.id }
    }

    static func tokenizer() throws -> Tokenizer { try Tokenizer(contentsOf: file("tokenizer")) }

    /// Questions with passages, in SQuAD's format.
    static func queries() throws -> [Query] {
        let json = try JSON(reading: Data(contentsOf: file("passages")))
        return (json["data"]?.array ?? [])
            .flatMap { $0["paragraphs"]?.array ?? [] }
            .flatMap { paragraph in
                (paragraph["qas"]?.array ?? []).compactMap { qa in
                    guard let question = qa["question"]?.string,
                        let context = paragraph["context"]?.string
                    else { return nil }
                    return Query(question: question, context: context)
                }
            }
    }

    private static func file(_ name: String) throws -> URL {
        guard let url = Bundle.main.url(forResource: name, withExtension: "json") else {
            throw EdgeDistilError.bundle("\(name).json is missing: add it to the application")
        }
        return url
    }
}
