/// Everything that this package throws: what was got, what was expected, what to do.
public enum EdgeDistilError: Error, Equatable, CustomStringConvertible {
    /// A file of the bundle is missing, damaged or of a kind that this package does not read.
    case bundle(String)
    /// A text or a parameter is out of range.
    case input(String)
    /// The model does not do what its description says.
    case model(String)

    public var description: String {
        switch self {
        case .bundle(let text), .input(let text), .model(let text): return text
        }
    }
}
