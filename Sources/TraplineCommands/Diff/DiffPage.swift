import Tracing

struct DiffPage {
  var title: String
  var names: (String, String)
  var spans: [SpanComparison]
  var totals: [ContextTotal]
  var text: String { title }
}
