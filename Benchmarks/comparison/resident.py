"""How much memory a small guest takes: the peak of the resident set of `trapline run`."""

import os
import subprocess
from pathlib import Path

from .timing import MeasurementError


def peak_resident_bytes(program: Path, kit: Path) -> int:
    """Runs a 64 MiB guest that touches 4 MiB."""
    command = [str(program), "run", "--memory", "64M", str(kit / "touch.elf")]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if b"touched 4 MiB" not in output or process.returncode != 1:
        said = output.decode(errors="replace").strip()
        raise MeasurementError(f"{' '.join(command)} ended with {process.returncode}: {said}")
    return usage.ru_maxrss * 1024
