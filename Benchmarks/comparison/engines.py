"""Who runs the kernels: each engine is a name and the command for a kernel and a count."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Optional, Sequence


@dataclass(frozen=True)
class Engine:
    name: str
    command: Callable[[str, int], List[str]]


def native(kit: Path) -> Engine:
    return Engine("native", lambda id, count: [str(kit / "user32"), f"{id}={count}"])


def trapline(program: Path, kit: Path, options: Sequence[str] = (), name: str = "Trapline") -> Engine:
    return Engine(
        name,
        lambda id, count: [
            str(program), "run", "--memory", "256M", *options, "--append", f"@{id}={count}", str(kit / "bench.elf"),
        ],
    )


def qemu(kit: Path) -> Optional[Engine]:
    """QEMU's translator, without KVM; None when it isn't installed."""
    program = shutil.which("qemu-system-i386")
    if program is None:
        return None
    machine = ["-accel", "tcg", "-M", "pc", "-m", "256", "-nodefaults", "-display", "none", "-vga", "std"]
    devices = ["-serial", "stdio", "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    return Engine(
        "QEMU",
        lambda id, count: [program, *machine, *devices, "-kernel", str(kit / "bench.elf"), "-append", f"@{id}={count}"],
    )
