"""What translating costs, from the summaries of a guest's runs (`trapline run --json`)."""

import json
import subprocess
from typing import List

from .timing import MeasurementError


def summary(command: List[str], patience: float = 300) -> dict:
    """Runs a guest to its end; `command` asks for --json."""
    words = [str(word) for word in command]
    result = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=patience)
    try:
        found = json.loads(result.stderr.strip().splitlines()[-1])
    except (IndexError, ValueError):
        said = (result.stderr or result.stdout).strip()[-300:]
        raise MeasurementError(f"{' '.join(words)} gave no summary: {said or 'no output'}") from None
    if found["outcome"] not in ("guest-exit", "powered-off"):
        raise MeasurementError(f"{' '.join(words)} ended with {found['outcome']}")
    return found


def quickest(command: List[str], patience: float = 300, runs: int = 3) -> dict:
    """The summary of the run that took least: the times in it are wall time, which a busy machine makes longer."""
    return min((summary(command, patience) for _ in range(runs)), key=lambda found: found["wallTime"])


def figures(translated: dict, interpreted: dict) -> dict:
    """From a run by the translator and one by the interpreter, of the same guest."""
    counts = translated["translator"]
    nanoseconds = counts["translationNanoseconds"] / counts["instructions"]
    interpreting = interpreted["wallTime"] / interpreted["instructions"]
    executing = translated["wallTime"] - counts["translationNanoseconds"]
    saved = interpreting - executing / translated["instructions"]
    return {
        "fragments": counts["fragments"],
        "instructions": counts["instructions"],
        "nanoseconds_an_instruction": nanoseconds,
        "million_per_second": 1e3 / nanoseconds,
        "guest_bytes": counts["guestBytes"],
        "host_bytes": counts["hostBytes"],
        "expansion": counts["hostBytes"] / counts["guestBytes"],
        "share_of_time": counts["translationNanoseconds"] / translated["wallTime"],
        "interpreted_nanoseconds": interpreting,
        "pays_after": nanoseconds / saved if saved > 0 else None,
    }


def report(found: dict, guest: str) -> str:
    """The figures as lines for people."""
    pays = found["pays_after"]
    after = f"has paid after {pays:.0f} more executions" if pays else "does not pay here"
    return (
        f"translation of {guest}: {found['instructions']} instructions in {found['fragments']} fragments, "
        f"{found['million_per_second']:.1f} M instructions/s, {found['nanoseconds_an_instruction']:.0f} ns each\n"
        f"expansion: {found['guest_bytes']} -> {found['host_bytes']} bytes, x{found['expansion']:.1f}\n"
        f"cold code: {100 * found['share_of_time']:.1f}% of the run is translating; an instruction interpreted takes "
        f"{found['interpreted_nanoseconds']:.1f} ns, and its translation {after}"
    )
