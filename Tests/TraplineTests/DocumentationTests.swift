import Foundation
import Processor
import Testing

@Suite struct DocumentationTests {
  private func page(_ name: String) throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("Documentation/\(name).md"), encoding: .utf8)
  }

  @Test("the page on mmu has each counter with its meaning, as the table of counters says it")
  func counters() throws {
    let page = try page("MMUComparison")
    for row in PagingCounters.rows { #expect(page.contains("\n| `\(row.name)` | \(row.meaning) |\n"), "\(row.name)") }
  }

  @Test("the page on the summary has each of the translator's counters with its meaning")
  func translatorCounters() throws {
    let page = try page("RunSummary")
    for row in TranslatorStatistics.rows {
      #expect(page.contains("\n| `\(row.name)` | \(row.meaning) |\n"), "\(row.name)")
    }
  }
}
