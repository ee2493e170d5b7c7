"""How much memory a guest takes: the resident set of `trapline run`, and what of it is the guest's own."""

import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import List, Tuple

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


# A mapping's first line in /proc/PID/smaps.
MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)")
SECONDS_BETWEEN_LOOKS = 0.01


def resident_bytes(pid: int) -> Tuple[int, int]:
    """All that is resident, and the guest's own memory: the pages resident in the greatest mapping of its file. (The
    translator's windows map the same pages again. They count among all that is resident, but not as the guest's.)
    """
    everything = own = greatest = size = 0
    is_guest = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if mapping := MAPPING.match(line):
            size = int(mapping[2], 16) - int(mapping[1], 16)
            is_guest = "memfd:trapline-memory" in mapping[3] and size > greatest
        elif line.startswith("Rss:"):
            pages = int(line.split()[1]) * 1024
            everything += pages
            if is_guest:
                own, greatest = pages, size
    return everything, own


def booted(command: List[str], mark: bytes, patience: float = 300) -> dict:
    """Boots a guest up to the mark. Its cost over its own memory is the most that anyone saw who looked all the time."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
    timer = threading.Timer(patience, process.kill)
    timer.start()
    looks = []
    is_over = threading.Event()

    def look():
        while not is_over.is_set():
            looks.append(resident_bytes(process.pid))
            time.sleep(SECONDS_BETWEEN_LOOKS)

    observer = threading.Thread(target=look)
    observer.start()
    said = b""
    try:
        while mark not in said:
            chunk = process.stdout.read(4096)
            if not chunk:
                raise MeasurementError(f"{' '.join(map(str, command))} did not get to the shell")
            said += chunk
        process.send_signal(signal.SIGSTOP)
        looks.append(resident_bytes(process.pid))
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024
    finally:
        timer.cancel()
        is_over.set()
        observer.join()
        process.kill()
        process.stdout.close()
        process.wait()
    everything, own = looks[-1]
    over = max([peak - own, *(all_of_it - guest for all_of_it, guest in looks)])
    return {"resident": everything, "peak": peak, "guest": own, "over": over, "looks": len(looks)}
