// Dates for the real-time clock, after Hinnant's civil-calendar algorithms ("chrono-Compatible Low-Level Date
// Algorithms"): pure integer arithmetic, no locale, no time zone.

/// A date and time of day in the Gregorian calendar, UTC.
struct CalendarTime: Equatable {
  var year: Int64
  var month: Int64
  var day: Int64
  var hour: Int64
  var minute: Int64
  var second: Int64

  init(year: Int64, month: Int64, day: Int64, hour: Int64, minute: Int64, second: Int64) {
    self.year = year
    self.month = month
    self.day = day
    self.hour = hour
    self.minute = minute
    self.second = second
  }

  /// - Parameter unixTime: seconds since 1970.
  init(unixTime: Int64) {
    let days = Self.floorDivide(unixTime, 86_400)
    let ofDay = unixTime - days * 86_400
    hour = ofDay / 3600
    minute = ofDay / 60 % 60
    second = ofDay % 60

    // Years run from March, eras have 400 years.
    let shifted = days + 719_468
    let era = Self.floorDivide(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// Seconds since 1970. Days past the end of the month count into the next one; a month outside 1...12 is taken as the
  /// nearest.
  var unixTime: Int64 {
    let month = min(max(month, 1), 12)
    let year = month <= 2 ? year - 1 : year
    let era = Self.floorDivide(year, 400)
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return (era * 146_097 + dayOfEra - 719_468) * 86_400 + hour * 3600 + minute * 60 + second
  }

  /// 1 is Sunday, as the clock chip counts.
  var dayOfWeek: Int64 {
    let days = Self.floorDivide(unixTime, 86_400)
    return (days + 4) - Self.floorDivide(days + 4, 7) * 7 + 1
  }

  private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 { a >= 0 ? a / b : (a - b + 1) / b }
}
