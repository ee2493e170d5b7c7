"""What Trapline is held to. Every limit stands here, and every verdict is made here."""

import math
import statistics
from typing import List, Optional, Tuple

from . import peers

# Geometric means over the compute kernels: times native's time, and times faster than QEMU.
MEAN_OF_NATIVE, MEAN_FASTER_THAN_QEMU = 1.5, 4.0
# Times native's time, for a compute kernel; and for the kernels that are a matter of their own.
COMPUTE = 3.0
COMPUTE_SPECIAL = {"d": 2.0, "H": 10.0}
# Native's time says nothing about this kernel. The translator leaves code that is rewritten to the interpreter, so both
# do the same work there, and the tolerance is for noise.
HELD_TO_INTERPRETER, TOLERANCE = "h", 1.05
# Parts of QEMU's time that a system kernel may take, where all of it is not the limit; and nanoseconds.
PART_OF_QEMU = {"f": (0.5, "QEMU / 2"), "g": (0.25, "QEMU / 4")}
NANOSECONDS = {"e": 200.0}
# System kernels that may be slower than the interpreter, each measured to be, and why.
# (By the callouts that `run --json` counts: each is an exit of translated code and an entry.)
EXPLAINED = {
    "e": "callouts: INT, IRET",
    "E": "callouts: INT, IRET, PUSHA, POPA, and a PUSH, MOV and POP of each of two segment registers",
    "f": "callouts: IRET, two INVLPG; and the fault and two TLB misses",
    "F": "callout: INVLPG; and a TLB miss",
    "G": "callout: MOV to CR3",
    "l": "callout: IN",
    "o": "callout: OUT",
    "S": "callouts: two MOV to segment registers",
}


def geometric_mean(values: List[float]) -> Optional[float]:
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def tightest(limits: List[Tuple[float, str]]) -> Tuple[Optional[float], str]:
    """The limit that holds: the least, and whose it is."""
    return min(limits, default=(None, "-"))


def judge_compute(row: dict) -> None:
    """Holds the translator to native's time, or to the interpreter's."""
    if row["id"] == HELD_TO_INTERPRETER:
        limit, by = row["interpreter"] * TOLERANCE, "interpreter"
    else:
        limit, by = COMPUTE_SPECIAL.get(row["id"], COMPUTE), "native"
    row.update(limit=limit, held_to=by, passes=row["trapline"] <= limit)


def judge_system(row: dict) -> None:
    """Holds the translator under its best pager to QEMU's time and the interpreter's."""
    limits = []
    if row["qemu_ns"]:
        part, by = PART_OF_QEMU.get(row["id"], (1, "QEMU"))
        limits.append((row["qemu_ns"] * part, by))
    if row["id"] in NANOSECONDS:
        limits.append((NANOSECONDS[row["id"]], f"{NANOSECONDS[row['id']]:g} ns"))
    if row["id"] not in EXPLAINED:
        limits.append((row["interpreter_ns"], "interpreter"))
    row["limit_ns"], row["held_to"] = tightest(limits)
    row["passes"] = row["trapline_ns"] <= row["limit_ns"] if limits else None
    slower = row["trapline_ns"] / row["interpreter_ns"]
    row["explained"] = EXPLAINED.get(row["id"]) if slower > 1 else None


def judge_means(rows: List[dict], is_complete: bool) -> List[dict]:
    """The geometric means over the compute kernels; they pass or fail only when all kernels were measured."""
    means = []
    of_native = geometric_mean([row["trapline"] for row in rows])
    faster = geometric_mean([row["qemu"] / row["trapline"] for row in rows if "qemu" in row])
    if of_native:
        passes = of_native <= MEAN_OF_NATIVE if is_complete else None
        limit = f"at most {MEAN_OF_NATIVE:g}"
        means.append({"name": "times native's time", "mean": of_native, "limit": limit, "passes": passes})
    if faster:
        passes = faster >= MEAN_FASTER_THAN_QEMU if is_complete else None
        limit = f"at least {MEAN_FASTER_THAN_QEMU:g}"
        means.append({"name": "times faster than QEMU", "mean": faster, "limit": limit, "passes": passes})
    return means


def native_ratio(rows: List[dict]) -> Optional[float]:
    """How this machine compares with the one of the peers' figures: the median over the compute kernels."""
    theirs = {peer.id: peer.native for peer in peers.COMPUTE}
    ratios = [row["native_ns"] / theirs[row["id"]] for row in rows]
    return statistics.median(ratios) if ratios else None


def judge_interpreter(compute: List[dict], system: List[dict], is_complete: bool) -> dict:
    """Holds the interpreter to what Bochs did with the same kernels on another machine."""
    figures = {peer.id: peer for peer in peers.COMPUTE}
    judged = []
    for row in compute:
        peer = figures[row["id"]]
        limit = row.get("qemu", peer.qemu) if row["id"] == peers.HELD_TO_QEMU else peer.bochs
        judged.append({
            "id": row["id"], "name": row["name"], "interpreter": row["interpreter"], "bochs": peer.bochs,
            "better": peer.bochs / row["interpreter"], "limit": limit, "passes": row["interpreter"] <= limit,
        })  # fmt: skip
    mean = geometric_mean([row["better"] for row in judged])
    without = geometric_mean([row["better"] for row in judged if row["id"] != "A"])
    ratio = native_ratio(compute)
    operations = []
    for row in system:
        bochs = next(peer.bochs for peer in peers.SYSTEM if peer.id == row["id"])
        scaled = bochs * ratio if bochs and ratio else None
        operations.append({
            "id": row["id"], "name": row["name"], "interpreter_ns": row["interpreter_ns"], "bochs_ns": bochs,
            "bochs_scaled_ns": scaled, "passes": row["interpreter_ns"] <= scaled if scaled else None,
        })  # fmt: skip
    return {
        "compute": judged, "mean": mean, "mean_without_aliased_copy": without,
        "mean_passes": mean >= peers.MEAN_DEMANDED if mean and is_complete else None,
        "native_ratio": ratio, "system": operations,
    }  # fmt: skip
