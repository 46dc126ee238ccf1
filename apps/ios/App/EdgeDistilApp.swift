import SwiftUI

@main
struct EdgeDistilApp: App {
    var body: some Scene {
        WindowGroup {
            TabView {
                AskView().tabItem { Label("Ask", systemImage: "text.magnifyingglass") }
                BenchmarkView().tabItem { Label("Measure", systemImage: "stopwatch") }
            }
        }
    }
}
