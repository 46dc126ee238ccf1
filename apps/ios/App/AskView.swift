import EdgeDistil
import SwiftUI

/// A passage, a question, and the answer where it stands.
@MainActor
struct AskView: View {
    @State private var passage = """
        Skerrin Point lighthouse stands on a narrow ledge of black basalt. It was built between \
        1861 and 1864 by the engineer Margaret Dunmore, who chose granite shipped from the mainland.
        """
    @State private var question = "Who built the lighthouse?"
    @State private var units = ComputeUnits.all
    @State private var model = Resources.models.first
    @State private var shown: Shown?
    @State private var failure: String?
    @State private var isBusy = false

    /// An answer, and the passage that it was found in: the text on screen may change.
    private struct Shown {
        let answer: Answer
        let passage: String
        let milliseconds: Double
        let forward: Double
    }

    var body: some View {
        NavigationStack {
            Form {
                Section("Passage") { TextEditor(text: $passage).frame(minHeight: 120) }
                Section("Question") {
                    TextField("Question", text: $question).onSubmit { ask() }
                    Button("Ask") { ask() }.disabled(isBusy || model == nil)
                }
                if let shown { answer(shown) }
                if let failure { Section { Text(failure).foregroundStyle(.red) } }
                ModelPicker(model: $model, units: $units)
            }
            .navigationTitle("edge-distil")
        }
    }

    private func answer(_ shown: Shown) -> some View {
        Section("Answer") {
            Text(shown.answer.text).font(.headline)
            Text(highlighted(shown))
            LabeledContent("Score", value: String(format: "%.3f", shown.answer.score))
            LabeledContent("End to end", value: String(format: "%.1f ms", shown.milliseconds))
            LabeledContent("Forward pass", value: String(format: "%.1f ms", shown.forward))
        }
    }

    private func highlighted(_ shown: Shown) -> AttributedString {
        let range = shown.answer.range(in: shown.passage)
        var answer = AttributedString(String(shown.passage[range]))
        answer.backgroundColor = .yellow
        answer.foregroundColor = .black
        return AttributedString(String(shown.passage[..<range.lowerBound])) + answer
            + AttributedString(String(shown.passage[range.upperBound...]))
    }

    private func ask() {
        guard let model, !isBusy else { return }
        let (passage, question, units) = (passage, question, units)
        isBusy = true
        Task {
            do {
                shown = try await Self.ask(model, units, question, passage)
                failure = nil
            } catch {
                (shown, failure) = (nil, "\(error)")
            }
            isBusy = false
        }
    }

    private static func ask(
        _ model: InstalledModel, _ units: ComputeUnits, _ question: String, _ passage: String
    ) async throws -> Shown {
        let query = Query(question: question, context: passage)
        let (answers, timing) = try await Opened.shared.answer(query, model, units)
        return Shown(
            answer: answers[0], passage: passage, milliseconds: Double(timing.total) / 1e6,
            forward: Double(timing.forward) / 1e6)
    }
}

/// Keeps the last model open, answers once to warm it up, and works off the main thread.
private actor Opened {
    static let shared = Opened()
    private var name = ""
    private var answering: QuestionAnswering?

    func answer(
        _ query: Query, _ model: InstalledModel, _ units: ComputeUnits
    ) throws -> (answers: [Answer], timing: Timing) {
        if answering == nil || name != model.id + units.rawValue {
            answering = try model.open(units)
            name = model.id + units.rawValue
            _ = try answering?.timed(query)
        }
        return try answering!.timed(query)
    }
}

/// Chooses a model and what it runs on.
struct ModelPicker: View {
    @Binding var model: InstalledModel?
    @Binding var units: ComputeUnits

    var body: some View {
        Section("Model") {
            if Resources.models.isEmpty {
                Text("No model: add a package of edge-distil export --coreml to the application.")
            }
            Picker("Model", selection: $model) {
                ForEach(Resources.models) { Text($0.id).tag(Optional($0)) }
            }
            Picker("Runs on", selection: $units) {
                ForEach(ComputeUnits.allCases) { Text($0.name).tag($0) }
            }
        }
    }
}
