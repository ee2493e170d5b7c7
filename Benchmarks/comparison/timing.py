"""How long a kernel takes: the time between its B line and its E line, as they come out of the engine."""

import re
import subprocess
import threading
import time
from dataclasses import dataclass

from .engines import Engine

LINE = re.compile(rb"^([BES]) (\S) (?:\S+ n=(\d+) sum=([0-9a-f]+))?")


class MeasurementError(Exception):
    """A program that didn't do what it should; one sentence for people."""


class Skipped(Exception):
    """The guest says that its processor can't run this kernel."""


@dataclass(frozen=True)
class Measurement:
    count: int
    seconds: float
    sum: int

    @property
    def nanoseconds(self) -> float:
        """An operation's time."""
        return self.seconds * 1e9 / self.count


def processor_clock(pid: int) -> int:
    """Linux's clock of the processor time of a process, all its threads together (clock_getcpuclockid)."""
    return (~pid << 3) | 2


class Stopwatch:
    """Reads the wall's clock, or the processor time that a process has used: a busy machine disturbs that less."""

    def __init__(self, kind: str):
        self.kind = kind

    def read(self, process: subprocess.Popen) -> float:
        clock = time.CLOCK_MONOTONIC if self.kind == "wall" else processor_clock(process.pid)
        return time.clock_gettime(clock)


def measure(engine: Engine, id: str, count: int, watch: Stopwatch, patience: float = 300) -> Measurement:
    command = engine.command(id, count)
    # Bytes as they come: a buffered reader could hold a line back.
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    timer = threading.Timer(patience, process.kill)
    timer.start()
    begin = None
    result = None
    skipped = False
    transcript = b""
    try:
        pending = b""
        while chunk := process.stdout.read(4096):
            now = watch.read(process)
            transcript += chunk
            pending += chunk
            *lines, pending = pending.split(b"\n")
            for line in lines:
                match = LINE.match(line.strip())
                if not match or match[2].decode() != id:
                    continue
                if match[1] == b"B":
                    begin = now
                elif match[1] == b"S":
                    skipped = True
                elif match[3] and begin is not None:
                    result = Measurement(int(match[3]), now - begin, int(match[4], 16))
        errors = process.stderr.read()
    finally:
        timer.cancel()
        process.stdout.close()
        process.stderr.close()
        process.wait()
    if skipped:
        raise Skipped(id)
    if result is None:
        said = (errors.decode(errors="replace") + transcript.decode(errors="replace")).strip()[-400:]
        raise MeasurementError(f"{engine.name} did not finish kernel {id} ({' '.join(command)}): {said or 'no output'}")
    return result


def calibrate(engine: Engine, id: str, expected: float, target: float, watch: Stopwatch) -> int:
    """A count that takes about `target` seconds. `expected` is a guess at an operation's nanoseconds."""
    count = max(1, int(target / 8 * 1e9 / expected))
    for _ in range(4):
        first = measure(engine, id, count, watch)
        if first.seconds > target / 20 or first.count >= 1 << 31:
            break
        count = min(count * 16, 1 << 31)
    return max(1, min(int(first.count * target / max(first.seconds, 1e-6)), (1 << 32) - 1))
