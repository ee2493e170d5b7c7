import Foundation
import Processor
import Testing

@Suite struct DocumentationTests {
  @Test("the page on mmu has each counter with its meaning, as the table of counters says it")
  func counters() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appendingPathComponent("Documentation/MMUComparison.md"), encoding: .utf8)
    for row in PagingCounters.rows { #expect(page.contains("\n| `\(row.name)` | \(row.meaning) |\n"), "\(row.name)") }
  }
}
