// The events of a diff's page, for its script: numbers in lists, and each text once, because traces repeat themselves.

import Tracing

struct DiffPageData {
  private var texts: [String] = []
  private var indices: [String: Int] = [:]
  private var rows: [String] = []
  private let names: (String, String)

  init(names: (String, String), spans: [[ComparisonRow]]) {
    self.names = names
    for span in spans { rows.append("[" + span.map { row($0) }.joined(separator: ",") + "]") }
  }

  /// JSON that can stand in a page's script element. An event is a list: lane, kind, details, EIP, CR3, sequence, retired,
  /// cycles, cost, measured nanoseconds, whether it hands over.
  var text: String {
    func list(_ texts: [String]) -> String { "[" + texts.map(Self.quoted).joined(separator: ",") + "]" }
    let lanes = EventContext.lanes
    return "{\"names\":\(list([names.0, names.1])),\"lanes\":\(list(lanes.map(\.shortText))),"
      + "\"contexts\":\(list(lanes.map(\.name))),\"kinds\":\(list(EventKind.allCases.map(\.name))),"
      + "\"texts\":\(list(texts)),\"spans\":[\(rows.joined(separator: ",\n"))]}"
  }

  private mutating func row(_ row: ComparisonRow) -> String {
    switch row {
    case .both(let left, let right): "[\(event(left)),\(event(right))]"
    case .onlyLeft(let left): "[\(event(left)),0]"
    case .onlyRight(let right): "[0,\(event(right))]"
    }
  }

  private mutating func event(_ event: Event) -> String {
    let text = event.detailText
    let index = indices[text] ?? texts.count
    if index == texts.count {
      texts.append(text)
      indices[text] = index
    }
    let lane = EventContext.lanes.firstIndex(of: event.context) ?? 0
    return "[\(lane),\(event.kind.rawValue),\(index),\(event.instructionPointer),\(event.addressSpace),\(event.sequence),"
      + "\(event.retired),\(event.cycles),\(event.cost),\(event.measured),\(event.handsOver ? 1 : 0)]"
  }

  /// No text can end the script element.
  private static func quoted(_ text: String) -> String {
    JSONLinesSink.quoted(text).split(separator: "<", omittingEmptySubsequences: false).joined(separator: "\\u003c")
  }
}
