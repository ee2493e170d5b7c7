// One event of each kind, with what the sinks must make of it. Reviewed like code: a change here is a change of format.

@testable import Tracing

struct SampleEvent {
  var event: Event
  /// The text from the context on.
  var text: String
  /// JSON from the context on.
  var json: String
}

let samples: [SampleEvent] = [
  SampleEvent(
    event: Event(
      kind: .systemCallEntry, context: .guestUser, retired: 1000, code: 0x80, a: 4, b: 0x804_8014,
      arguments: (1, 0x804_9000, 13, 4, 5, 6), instructionPointer: 0x804_8012, addressSpace: 0x20_0000),
    text: "user    08048012  systemCallEntry        int 0x80 write(4) ebx=1 ecx=0x8049000 edx=0xd",
    json: #""guestUser","kind":"systemCallEntry","eip":134512658,"cr3":2097152,"vector":128,"number":4,"#
      + #""returnAddress":134512660,"name":"write","arguments":[1,134516736,13,4,5,6]}"#),
  SampleEvent(
    event: Event(
      kind: .systemCallReturn, context: .guestKernel, retired: 1250, code: 0x80, a: 0xffff_fffe, b: 5,
      instructionPointer: 0xc010_0000),
    text: "kernel  c0100000  systemCallReturn       open(5) = -2 ENOENT",
    json: #""guestKernel","kind":"systemCallReturn","eip":3222274048,"cr3":0,"vector":128,"number":5,"#
      + #""result":4294967294,"name":"open"}"#),
  SampleEvent(
    event: Event(
      kind: .exception, context: .guestUser, retired: 1251, code: 14, a: 6, b: 0xdead_beef, instructionPointer: 1),
    text: "user    00000001  exception              #PF(14) errorCode=6 cr2=0xdeadbeef",
    json: #""guestUser","kind":"exception","eip":1,"cr3":0,"vector":14,"errorCode":6,"cr2":3735928559}"#),
  SampleEvent(
    event: Event(kind: .interruptRaised, context: .device, retired: 2000, code: 0),
    text: "device  00000000  interruptRaised        irq=0",
    json: #""device","kind":"interruptRaised","eip":0,"cr3":0,"irq":0}"#),
  SampleEvent(
    event: Event(kind: .interruptInjected, context: .monitor, retired: 2001, code: 0x20),
    text: "monitor 00000000  interruptInjected      vector=0x20",
    json: #""monitor","kind":"interruptInjected","eip":0,"cr3":0,"vector":32}"#),
  SampleEvent(
    event: Event(kind: .interruptAcknowledged, context: .device, retired: 2001, code: 15),
    text: "device  00000000  interruptAcknowledged  irq=0xf",
    json: #""device","kind":"interruptAcknowledged","eip":0,"cr3":0,"irq":15}"#),
  SampleEvent(
    event: Event(kind: .softwareInterrupt, context: .guestKernel, retired: 2002, code: 0x10),
    text: "kernel  00000000  softwareInterrupt      vector=0x10",
    json: #""guestKernel","kind":"softwareInterrupt","eip":0,"cr3":0,"vector":16}"#),
  SampleEvent(
    event: Event(kind: .portRead, context: .guestKernel, retired: 2003, code: 0x3fd, a: 0x60, b: 1),
    text: "kernel  00000000  portRead               port=0x3fd value=0x60 size=1",
    json: #""guestKernel","kind":"portRead","eip":0,"cr3":0,"port":1021,"value":96,"size":1}"#),
  SampleEvent(
    event: Event(kind: .portWrite, context: .guestKernel, retired: 2004, code: 0x3f8, a: 0x41, b: 1, vcpu: 3),
    text: "kernel  00000000  portWrite              port=0x3f8 value=0x41 size=1 vcpu=3",
    json: #""guestKernel","kind":"portWrite","eip":0,"cr3":0,"port":1016,"value":65,"size":1}"#),
  SampleEvent(
    event: Event(kind: .mmioRead, context: .guestKernel, retired: 2005, code: 4, a: 0xfec0_0000, b: 0),
    text: "kernel  00000000  mmioRead               address=0xfec00000 value=0 size=4",
    json: #""guestKernel","kind":"mmioRead","eip":0,"cr3":0,"address":4273995776,"value":0,"size":4}"#),
  SampleEvent(
    event: Event(kind: .mmioWrite, context: .guestKernel, retired: 2006, code: 8, a: .max, b: .max),
    text: "kernel  00000000  mmioWrite              address=0xffffffffffffffff value=0xffffffffffffffff size=8",
    json: #""guestKernel","kind":"mmioWrite","eip":0,"cr3":0,"address":18446744073709551615,"#
      + #""value":18446744073709551615,"size":8}"#),
  SampleEvent(
    event: Event(kind: .addressSpaceSwitch, context: .guestKernel, retired: 2007, a: 0x30_0000, b: 0x20_0000),
    text: "kernel  00000000  addressSpaceSwitch     new=0x300000 old=0x200000",
    json: #""guestKernel","kind":"addressSpaceSwitch","eip":0,"cr3":0,"new":3145728,"old":2097152}"#),
  SampleEvent(
    event: Event(kind: .halt, context: .guestKernel, retired: 2008, cycles: 99),
    text: "kernel  00000000  halt                   cycles=99",
    json: #""guestKernel","kind":"halt","eip":0,"cr3":0}"#),
  SampleEvent(
    event: Event(kind: .shutdown, context: .monitor, retired: 2009),
    text: "monitor 00000000  shutdown",
    json: #""monitor","kind":"shutdown","eip":0,"cr3":0}"#),
  SampleEvent(
    event: Event(kind: .reset, context: .device, retired: 2010, code: 0x64),
    text: "device  00000000  reset                  port=0x64",
    json: #""device","kind":"reset","eip":0,"cr3":0,"port":100}"#),
  SampleEvent(
    event: Event(kind: .tlbMiss, context: .guestUser, retired: 2011, code: 14, a: 0x804_8123, b: 0x20_0000),
    text: "user    00000000  tlbMiss                linear=0x8048123 page=0x200000 references=0xe",
    json: #""guestUser","kind":"tlbMiss","eip":0,"cr3":0,"linear":134512931,"page":2097152,"references":14}"#),
  SampleEvent(
    event: Event(kind: .tlbFlush, context: .guestKernel, retired: 2012, code: 1),
    text: "kernel  00000000  tlbFlush               keptGlobal=1",
    json: #""guestKernel","kind":"tlbFlush","eip":0,"cr3":0,"keptGlobal":1}"#),
  SampleEvent(
    event: Event(kind: .pageInvalidation, context: .guestKernel, retired: 2013, a: 0x4000_0000),
    text: "kernel  00000000  pageInvalidation       linear=0x40000000",
    json: #""guestKernel","kind":"pageInvalidation","eip":0,"cr3":0,"linear":1073741824}"#),
  SampleEvent(
    event: Event(kind: .hiddenPageFault, context: .monitor, retired: 2014, code: 1, a: 0x4000_0010, b: 0x5000),
    text: "monitor 00000000  hiddenPageFault        reason=1 linear=0x40000010 page=0x5000",
    json: #""monitor","kind":"hiddenPageFault","eip":0,"cr3":0,"reason":1,"linear":1073741840,"page":20480}"#),
  SampleEvent(
    event: Event(kind: .traceHit, context: .monitor, retired: 2015, code: 4, a: 0x10_1004, b: 0x5067),
    text: "monitor 00000000  traceHit               address=0x101004 value=0x5067 size=4",
    json: #""monitor","kind":"traceHit","eip":0,"cr3":0,"address":1052676,"value":20583,"size":4}"#),
  SampleEvent(
    event: Event(kind: .eptViolation, context: .monitor, retired: 2016, code: 3, a: 0x9000, b: 1),
    text: "monitor 00000000  eptViolation           access=3 address=0x9000 mapped=1",
    json: #""monitor","kind":"eptViolation","eip":0,"cr3":0,"access":3,"address":36864,"mapped":1}"#),
  SampleEvent(
    event: Event(kind: .callout, context: .monitor, retired: 2017, code: 19),
    text: "monitor 00000000  callout                reason=port",
    json: #""monitor","kind":"callout","eip":0,"cr3":0,"reason":19}"#),
  SampleEvent(
    event: Event(kind: .monitorService, context: .monitor, retired: 2018, code: 0x70, b: 1),
    text: "monitor 00000000  monitorService         port=0x70 address=0 isWrite=1",
    json: #""monitor","kind":"monitorService","eip":0,"cr3":0,"port":112,"address":0,"isWrite":1}"#),
  SampleEvent(
    event: Event(
      kind: .worldSwitch, context: .monitor, retired: 2019, code: 0, a: 1, cycles: 5000, cost: 1631, measured: 900),
    text: "monitor 00000000  worldSwitch            to=host reason=memory cycles=5000 cost=1631 measured=900ns",
    json: #""monitor","kind":"worldSwitch","eip":0,"cr3":0,"to":0,"reason":1,"cost":1631,"measured":900}"#),
  SampleEvent(
    event: Event(kind: .doorbell, context: .hostKernel, retired: 2020, code: 1, a: 7),
    text: "host    00000000  doorbell               towards=monitor request=7",
    json: #""hostKernel","kind":"doorbell","eip":0,"cr3":0,"towards":1,"request":7}"#),
  SampleEvent(
    event: Event(kind: .vmxRequest, context: .vmx, retired: 2021, code: 1, a: 0x3f8, b: 0x41),
    text: "vmx     00000000  vmxRequest             request=portWrite address=0x3f8 value=0x41",
    json: #""vmx","kind":"vmxRequest","eip":0,"cr3":0,"request":1,"address":1016,"value":65}"#),
  SampleEvent(
    event: Event(
      kind: .hostSystemCall, context: .hostKernel, retired: 2022, code: 17, a: UInt64(bitPattern: -5), arguments: (4, 512, 4096, 0, 0, 0)),
    text: "host    00000000  hostSystemCall         pread64(4, 512, 4096) = -5 EIO",
    json: #""hostKernel","kind":"hostSystemCall","eip":0,"cr3":0,"#
      + #""number":17,"result":18446744073709551611,"arguments":[4,512,4096,0,0,0]}"#),
  SampleEvent(
    event: Event(kind: .hostInterrupt, context: .hostKernel, retired: 2023, code: 1),
    text: "host    00000000  hostInterrupt          source=storage",
    json: #""hostKernel","kind":"hostInterrupt","eip":0,"cr3":0,"source":1}"#),
  SampleEvent(
    event: Event(kind: .vmkernelCall, context: .vmkernel, retired: 2024, code: 3, a: 2, b: 8),
    text: "vmk     00000000  vmkernelCall           service=storageIssue a=2 b=8",
    json: #""vmkernel","kind":"vmkernelCall","eip":0,"cr3":0,"service":3,"a":2,"b":8}"#),
  SampleEvent(
    event: Event(kind: .controllerCommand, context: .vmkernel, retired: 2025, code: 1, a: 3, b: 2),
    text: "vmk     00000000  controllerCommand      controller=network index=3 descriptors=2",
    json: #""vmkernel","kind":"controllerCommand","eip":0,"cr3":0,"controller":1,"index":3,"descriptors":2}"#),
  SampleEvent(
    event: Event(kind: .dmaTransfer, context: .device, retired: 2026, code: 1, a: 0x9000, b: 512),
    text: "device  00000000  dmaTransfer            direction=fromMemory address=0x9000 bytes=0x200",
    json: #""device","kind":"dmaTransfer","eip":0,"cr3":0,"direction":1,"address":36864,"bytes":512}"#),
  SampleEvent(
    event: Event(kind: .backdoorCall, context: .monitor, retired: 2027, code: 10, a: 6, b: 0x564d_5868),
    text: "monitor 00000000  backdoorCall           command=0xa eax=6 ebx=0x564d5868",
    json: #""monitor","kind":"backdoorCall","eip":0,"cr3":0,"command":10,"eax":6,"ebx":1447909480}"#),
  SampleEvent(
    event: Event(kind: .packet, context: .monitor, retired: 2028, code: 2, a: 60, b: 4),
    text: "monitor 00000000  packet                 stage=gathered bytes=0x3c packets=4",
    json: #""monitor","kind":"packet","eip":0,"cr3":0,"stage":2,"bytes":60,"packets":4}"#),
]

/// Sends events through a recorder, in batches of `capacity`.
func record(_ events: [Event], to sink: any EventSink, filter: EventFilter = EventFilter(), capacity: Int = 4) {
  let recorder = Recorder(sink: sink, filter: filter, capacity: capacity, keepsMeasurements: true)
  for event in events where recorder.wants(event.kind) { recorder.record(event) }
  recorder.flush()
}

func text(_ events: [Event]) -> [String] {
  let output = ByteSink()
  record(events, to: TextSink(output, hasHeading: false))
  return String(decoding: output.contents, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    .dropLast().map(String.init)
}

func json(_ events: [Event], guest: String = "") -> [UInt8] {
  let output = ByteSink()
  record(events, to: JSONLinesSink(output, guest: guest))
  return output.contents
}
