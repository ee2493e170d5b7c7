// Colour, where it is wanted: on a terminal whose user hasn't said no.

/// Puts colour around text, or doesn't.
struct Paint {
  private let isOn: Bool
  static let off = Paint(false)

  init(_ isOn: Bool) { self.isOn = isOn }

  func strong(_ text: String) -> String { wrap(text, "1") }
  func privileged(_ text: String) -> String { wrap(text, "33") }
  func sensitive(_ text: String) -> String { wrap(text, "31") }

  func dim(_ text: String) -> String { wrap(text, "2") }
  func good(_ text: String) -> String { wrap(text, "32") }
  func noted(_ text: String) -> String { wrap(text, "36") }

  private func wrap(_ text: String, _ code: String) -> String { isOn ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text }
}
