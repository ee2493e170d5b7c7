"""What the peers did on the same kernels: the one place where these figures stand.

Measured on a 2-core Xeon (2.3 GHz TSC) with this kit, seven alternated rounds, medians; each ratio +-40%. QEMU 7.2
(Debian) and Bochs 3.0-devel built with its fast options.
"""

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class ComputePeer:
    id: str
    name: str
    native: float  # ns an operation
    qemu: float  # times slower than native, as bochs
    bochs: float


@dataclass(frozen=True)
class SystemPeer:
    id: str
    name: str
    qemu: Optional[float]  # ns an operation, as bochs; None where nobody measured
    bochs: Optional[float]
    # Two compute kernels were counted in nanoseconds too; they are judged by their slowdown.
    is_compute: bool = False


COMPUTE = [
    ComputePeer("a", "sieve of 4 Mi", 2.9e7, 14.7, 17.8),
    ComputePeer("s", "SHA-256 of a KiB", 6804, 8.5, 46),
    ComputePeer("q", "quicksort of 512 Ki", 5.6e7, 3.3, 12.4),
    ComputePeer("r", "CRC-32 of a MiB", 2.6e6, 2.6, 18.5),
    ComputePeer("b", "pointer chase in 64 MiB", 155, 1.9, 1.8),
    ComputePeer("B", "random updates in 64 MiB", 8.9, 36, 31),
    ComputePeer("c", "REP MOVSD of a MiB", 4.1e4, 26, 12),
    ComputePeer("A", "the same, 8 MiB apart", 4.0e4, 255, 1450),
    ComputePeer("C", "loop copy of a MiB", 1.39e5, 7.8, 49),
    ComputePeer("m", "REP MOVSB of 48 bytes", 8.6, 21, 6.3),
    ComputePeer("d", "x87 matrix of 128", 2.6e6, 69, 86),
    ComputePeer("h", "self-modifying call", 276, 28, 1.3),
    ComputePeer("H", "data beside code", 1.7, 120, 84),
    ComputePeer("i", "threaded interpreter", 8.4, 12.6, 46),
    ComputePeer("j", "indirect call", 3.0, 7.0, 22.5),
    ComputePeer("k", "fib(24)", 1.5e5, 8.9, 37),
]

SYSTEM = [
    SystemPeer("e", "INT 0x80 and IRET", 524, 312),
    SystemPeer("E", "INT 0x81, PUSHA, handler in C", 1125, 587),
    SystemPeer("y", "SYSENTER and SYSEXIT", 70, 123),
    SystemPeer("f", "page fault, repaired", 1218, 503),
    SystemPeer("F", "remap, INVLPG, read", 408, 171),
    SystemPeer("g", "CR3 switch, 32 pages", 8015, 9132),
    SystemPeer("G", "CR3 load", 3011, 2641),
    SystemPeer("l", "IN from a port", 66, 70),
    SystemPeer("o", "OUT to a port", 57, 64),
    SystemPeer("u", "CPUID", 18, 57),
    SystemPeer("x", "PUSHF CLI POPF STI CLI", 67, 61),
    SystemPeer("z", "MOV from CR0, CLTS", 24, 39),
    SystemPeer("S", "two segment loads", 79, 63),
    SystemPeer("v", "store to the text screen", None, None),
    SystemPeer("h", "self-modifying call", 7818, 355, True),
    SystemPeer("H", "data beside code", 199, 139, True),
]

# The kernel that is held to QEMU's slowdown instead of Bochs's.
HELD_TO_QEMU = "h"
# Needs an x87, which the processor may lack.
X87 = "d"
# Times better than Bochs in the geometric mean: what is demanded, and what is aimed at.
MEAN_DEMANDED, MEAN_AIM = 1.5, 2.0
# Peak resident bytes of a 64 MiB guest that touches 4 MiB.
RESIDENT_LIMIT = 64 << 20
