@testable import Charts

/// Charts for the tests: what is usual, and what is hard.
enum SampleCharts {
  static let usual = Chart(
    title: "Shadow or nested paging", subtitle: "Modelled overhead. A 64-entry TLB.",
    panels: [workingSet, updates, switches])

  static let workingSet = Panel(
    title: "Working set", x: Axis(title: "working set", unit: "pages", scale: .logarithmic(base: .two)),
    y: Axis(title: "overhead", unit: "cycles per access"),
    series: [
      Series(name: "shadow", points: (4...13).map { (Double(1 << $0), 40 - 300 / Double(1 << $0)) }),
      Series(name: "nested", points: (4...13).map { (Double(1 << $0), 120 - 1900 / Double(1 << $0)) }),
    ],
    markers: [VerticalMarker(x: 20, label: "shadow wins from 20 pages")])

  static let updates = Panel(
    title: "Page-table updates", x: Axis(title: "updates", unit: "per 1,000 accesses"), y: Axis(title: "overhead"),
    series: [
      Series(name: "nested", points: [(0, 33), (50, 33)]),
      Series(name: "shadow", points: [(0, 22), (25, 40), (50, 67)]),
    ],
    markers: [VerticalMarker(x: 12, label: "12"), VerticalMarker(x: 14, label: "14")],
    references: [ReferenceLine(y: 24, label: "native"), ReferenceLine(y: 25, label: "native and a little")])

  static let switches = Panel(
    title: "Context switches", x: Axis(title: "switches", scale: .logarithmic(base: .ten)),
    y: Axis(title: "overhead", scale: .logarithmic(base: .ten)),
    series: [Series(name: "lazy", points: [(0.01, 23), (0.1, 54), (1, 333), (10, 3123)])])

  /// Panels that have little or nothing to show, or far too much.
  static let odd: [Panel] = [
    panel([]), panel([(.nan, 1), (1, .infinity), (-.infinity, .nan)]), panel([(3, 7)]), panel([(0, 0)]),
    panel([(0, 0)], logarithmic),
    panel([(3, 7), (3, 7)], logarithmic), panel([(-3, -7), (-2, -9)]), panel([(-3, 1), (0, 1), (5, 1)], logarithmic),
    panel([(1e15, 1e15), (1e15 + 1, 1e15 + 1)]),
    panel([(.leastNonzeroMagnitude, .leastNonzeroMagnitude), (.leastNormalMagnitude, 0)]),
    panel([(1e-100, 1e100), (1e100, 1e-100)]), panel([(1e-100, 1e100), (1e100, 1e-100)], logarithmic),
    panel([(.greatestFiniteMagnitude, 1), (-.greatestFiniteMagnitude, 2), (1, 3)]),
    panel([(.leastNonzeroMagnitude, 1e308), (5, 5)], logarithmic), panel([(0.1, 0.3), (0.7, 0.9)]),
    panel((0..<1000).map { (Double($0), Double($0 * $0 % 997)) }),
    Panel(
      title: "notes beyond all places", x: Axis(title: "x"), y: logarithmic,
      series: [Series(name: "s", points: [(1, 1)])],
      markers: [VerticalMarker(x: .nan, label: "nowhere"), VerticalMarker(x: .infinity, label: "")],
      references: [ReferenceLine(y: -1, label: "nowhere"), ReferenceLine(y: 2, label: "")]),
  ]

  /// Long texts, many series, notes that crowd.
  static let crowded = Chart(
    title: String(repeating: "A title that has to be broken ", count: 8),
    subtitle: String(repeating: "word", count: 100),
    panels: [
      Panel(
        title: "A panel's title that is much wider than the panel",
        x: Axis(title: "what this axis measures takes many words", unit: "pages per thousand accesses"),
        y: Axis(title: "what that axis measures takes many words too", unit: "cycles"),
        series: (0..<12).map { index in
          Series(
            name: "series \(index) with a longish name",
            points: (0...8).map { (Double($0), Double((index + 1) * $0) * 2.3e5) })
        },
        markers: [0, 3, 3.2, 3.4, 7.5, 7.9].map { VerticalMarker(x: $0, label: "crossover here") } + [
          VerticalMarker(x: 4, label: String(repeating: "very ", count: 30) + "long")
        ],
        references: [1e6, 1.1e6, 1.2e6, 1.7e7].map { ReferenceLine(y: $0, label: "a bound of so many cycles") }),
      workingSet,
    ])

  static let logarithmic = Axis(title: "logarithmic", scale: .logarithmic(base: .ten))

  static func panel(_ points: [(x: Double, y: Double)], _ axis: Axis = Axis(title: "linear")) -> Panel {
    Panel(title: "panel", x: axis, y: axis, series: [Series(name: "s", points: points)])
  }
}
