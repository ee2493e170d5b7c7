// The names of the PCnet's registers and their bits (Am79C970A data sheet 19436, "User Accessible Registers").
//
//             15    14     13     12     11     10     9      8      7      6      5      4      3      2      1      0
//   CSR0    | ERR | BABL | CERR | MISS | MERR | RINT | TINT | IDON | INTR | IENA | RXON | TXON | TDMD | STOP | STRT | INIT |
//   CSR3    |     | BABLM|      | MISSM| MERRM| RINTM| TINTM| IDONM|      | DXSUFLO ...
//   CSR4    | ... | DPOLL 12 | APAD 11 | ASTRP 10 | MFCO 9 | m 8 | UINTCMD 7 | UINT 6 | RCVCCO 5 | m 4 | TXSTRT 3 | m 2 | JAB 1 | m 0 |
//   CSR5    | TOKINTD 15 | LTINTEN 14 | ... | SPND 0 |
//   CSR15   | PROM | DRCVBC | DRCVPA | ... | INTL 6 | DRTY | FCOLL | DXMTFCS 3 | LOOP 2 | DTX 1 | DRX 0 |

enum PCnetRegister {
  /// Bits of CSR0.
  enum Status {
    static let error: UInt16 = 0x8000
    static let babble: UInt16 = 0x4000
    static let collision: UInt16 = 0x2000
    static let missed: UInt16 = 0x1000
    static let memory: UInt16 = 0x0800
    static let receive: UInt16 = 0x0400
    static let transmit: UInt16 = 0x0200
    static let initialized: UInt16 = 0x0100
    static let interrupt: UInt16 = 0x0080
    static let enable: UInt16 = 0x0040
    static let receiverOn: UInt16 = 0x0020
    static let transmitterOn: UInt16 = 0x0010
    static let demand: UInt16 = 0x0008
    static let stop: UInt16 = 0x0004
    static let start: UInt16 = 0x0002
    static let initialize: UInt16 = 0x0001
    static let errors = babble | collision | missed | memory
    /// Cleared by writing ones.
    static let causes = errors | receive | transmit | initialized
    /// Causes that CSR3 can mask, each at its own place.
    static let maskable = causes & ~collision
  }

  enum Mask {
    static let writable: UInt16 = 0x5f7c
    /// DXSUFLO: a transmitter that ran short goes on.
    static let survivesUnderflow: UInt16 = 0x0040
  }

  /// Bits of CSR4.
  enum Features {
    static let afterReset: UInt16 = 0x0115
    static let noPolling: UInt16 = 0x1000
    static let padsTransmit: UInt16 = 0x0800
    static let stripsReceive: UInt16 = 0x0400
    static let missedOverflow: UInt16 = 0x0200
    static let userCommand: UInt16 = 0x0080
    static let user: UInt16 = 0x0040
    static let transmitStart: UInt16 = 0x0008
    /// Cleared by writing ones; the masks of all but `user` stand one bit below.
    static let causes: UInt16 = 0x026a
    static let writable: UInt16 = 0xfd15
  }

  /// Bits of CSR5.
  enum Extended {
    static let noInterruptWhenGood: UInt16 = 0x8000
    static let lastInterruptOnly: UInt16 = 0x4000
    static let suspend: UInt16 = 0x0001
    /// The rest is power management and magic packets, which cause nothing here.
    static let writable: UInt16 = 0xc56f
  }

  /// Bits of CSR15.
  enum Mode {
    static let promiscuous: UInt16 = 0x8000
    static let noBroadcast: UInt16 = 0x4000
    static let noPhysical: UInt16 = 0x2000
    static let noTransmitCheck: UInt16 = 0x0008
    static let loop: UInt16 = 0x0004
    static let transmitterOff: UInt16 = 0x0002
    static let receiverOff: UInt16 = 0x0001
  }

  /// CSR88 and CSR89: part 2621, AMD's number 1, and a fixed 1.
  static let chip: UInt32 = 0x0262_1003

  /// BCR numbers.
  enum Bus {
    static let count = 32
    static let miscellaneous = 2
    static let linkLED = 4
    static let lastLED = 7
    static let duplex = 9
    static let bursts = 18
    static let eeprom = 19
    static let style = 20
    static let latency = 22
    static let afterReset: [(number: Int, value: UInt16)] = [
      (0, 0x0005), (1, 0x0005), (miscellaneous, 0x0002), (linkLED, 0x00c0), (5, 0x0084), (6, 0x0088),
      (lastLED, 0x0090), (bursts, 0x9001), (eeprom, 0x0002), (latency, 0xff06),
    ]
    static let writable: Set<Int> = [miscellaneous, linkLED, 5, 6, lastLED, duplex, 16, 17, bursts, eeprom, 21, latency]
    /// The link is up: that lights an LED which shows it.
    static let linkIsUp: UInt16 = 0x0040
    static let lit: UInt16 = 0x8000
    /// DWIO in BCR18.
    static let wide: UInt16 = 0x0080
  }

  /// Burst and bus-activity registers and others that hold a value and do nothing here: read and written as they are.
  static let plain: Set<UInt16> = [
    8, 9, 10, 11, 12, 13, 14, 18, 19, 20, 21, 22, 23, 26, 27, 28, 29, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45,
    46, 47, 60, 61, 62, 63, 64, 65, 66, 67, 80, 82, 84, 85, 86, 94, 100, 112, 114, 122, 124,
  ]
  static let count = 128
}
