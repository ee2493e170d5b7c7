// What a guest did, as a technique takes it: counts with how each came to pass, and modelled cycles. Cycles are counts times
// the cost model's figures, and nothing else.

import Platforms

/// A run's account under a technique.
struct NanoCount {
  /// A line of the report: what, and how it came to pass; nil for what is merely counted.
  struct Item: Hashable {
    var name: String
    var handling: Handling?

    var text: String { handling.map { $0 == .direct ? name : "\(name) \($0.rawValue)" } ?? name }
  }

  private(set) var items: [Item: Double] = [:]
  /// Figures of the cost model, and how often each is due.
  private(set) var figures: [String: Double] = [:]
  private var references = 0.0

  init(_ run: NanoRun, _ technique: Technique) {
    for (instruction, times) in run.executed {
      let handling = technique.handling(of: instruction)
      items[Item(name: "instructions", handling: nil), default: 0] += times
      if handling != .direct { items[Item(name: "\(instruction.operation)", handling: handling), default: 0] += times }
      // A routine in an instruction's place is all of it; what runs as it is costs what it costs natively.
      if !handling.replacesInstruction { figures[instruction.native ?? "instruction", default: 0] += times }
      for figure in handling.figures { figures[figure.name, default: 0] += figure.times * times }
    }
    for (happening, times) in run.happenings {
      let (handling, others) = happening.outcome(technique)
      items[Item(name: happening.rawValue, handling: handling), default: 0] += times
      for figure in handling.figures { figures[figure.name, default: 0] += figure.times * times }
      for figure in others { figures[figure, default: 0] += times }
    }
    items[Item(name: "TLB misses", handling: nil), default: 0] += run.walks
    items = items.filter { $0.value != 0 }
    figures = figures.filter { $0.value != 0 }
    references = run.references
  }

  /// Modelled cycles; a refusal when the model lacks a figure.
  func cycles(_ model: CostModel) throws(Refusal) -> Double {
    var sum = references * (model.entries.first { $0.name == "walk" }?.cyclesPerUnit ?? 0)
    for (name, times) in figures.sorted(by: { $0.key < $1.key }) {
      guard let cycles = model.cycles(name) else { throw Refusal("the cost model has no figure '\(shown(name))'") }
      sum += Double(cycles) * times
    }
    return sum
  }
}
