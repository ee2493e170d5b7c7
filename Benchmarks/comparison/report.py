"""What `compare` prints for people."""

from typing import List

from . import peers, tables, translation


def compute(rows: List[dict]) -> str:
    header = [
        "id", "kernel", "native ns", "Trapline x", "interpreter x", "QEMU x", "faster than QEMU", "limit x", "held to", "",
    ]  # fmt: skip
    lines = []
    for row in rows:
        if "skipped" in row:
            lines.append([row["id"], row["name"], *["-"] * 7, "no x87"])
            continue
        faster = f"{row['qemu'] / row['trapline']:.2f}" if "qemu" in row else "-"
        lines.append(
            [row["id"], row["name"], tables.number(row["native_ns"]), tables.number(row["trapline"]),
             tables.number(row["interpreter"]), tables.number(row.get("qemu")), faster,
             tables.number(row["limit"]), row["held_to"], tables.verdict(row["passes"])]
        )  # fmt: skip
    return tables.table(header, lines)


def system(rows: List[dict], pagers: List[str]) -> str:
    header = [
        "id", "operation", *(f"{pager} ns" for pager in pagers), "best", "interpreter ns", "QEMU ns", "limit ns", "held to", "",
    ]  # fmt: skip
    lines = [
        [row["id"], row["name"], *(tables.number(row["pagers_ns"][pager]) for pager in pagers), row["best"],
         tables.number(row["interpreter_ns"]), tables.number(row["qemu_ns"]), tables.number(row["limit_ns"]),
         row["held_to"], tables.verdict(row["passes"])]
        for row in rows
    ]  # fmt: skip
    return tables.table(header, lines)


def explained(rows: List[dict]) -> str:
    header = ["id", "of the interpreter's time", "why"]
    lines = [
        [row["id"], f"{row['trapline_ns'] / row['interpreter_ns']:.2f}", row["explained"]] for row in rows if row["explained"]
    ]
    return tables.table(header, lines, left=3) if lines else ""


def interpreter(judged: dict) -> str:
    """The interpreter's own verdict: beside Bochs."""
    parts = []
    if judged["compute"]:
        rows = [
            [row["id"], row["name"], tables.number(row["interpreter"]), tables.number(row["bochs"]), f"{row['better']:.2f}",
             tables.number(row["limit"]), tables.verdict(row["passes"])]
            for row in judged["compute"]
        ]  # fmt: skip
        header = ["id", "kernel", "interpreter x", "Bochs x", "better than Bochs", "limit x", ""]
        parts.append(tables.table(header, rows))
        without = judged["mean_without_aliased_copy"]
        parts.append(
            f"geometric mean: {judged['mean']:.2f} times better than Bochs"
            + (f" ({without:.2f} without A, where Bochs does worst)" if without else "")
            + f", demanded {peers.MEAN_DEMANDED}, aim {peers.MEAN_AIM:g}: {tables.verdict(judged['mean_passes'])}"
        )
    if judged["system"]:
        rows = [
            [row["id"], row["name"], tables.number(row["interpreter_ns"]), tables.number(row["bochs_ns"]),
             tables.number(row["bochs_scaled_ns"]), tables.verdict(row["passes"])]
            for row in judged["system"]
        ]  # fmt: skip
        parts.append(tables.table(["id", "operation", "interpreter ns", "Bochs ns", "scaled to here", ""], rows))
    if judged["native_ratio"]:
        parts.append(f"this machine takes {judged['native_ratio']:.2f} times as long as the one Bochs was measured on")
    return "\n\n".join(parts)


def results(found: dict, with_interpreter: bool) -> str:
    parts = [f"{found['machine']}; {found['rounds']} rounds, medians, {found['clock']} time"]
    if found["compute"]:
        parts.append(compute(found["compute"]))
    if found["means"]:
        parts.append("\n".join(
            f"geometric mean: {mean['mean']:.2f} {mean['name']}, {mean['limit']}: {tables.verdict(mean['passes'])}"
            for mean in found["means"]
        ))  # fmt: skip
    if found["system"]:
        parts.append(system(found["system"], found["pagers"]))
        if slower := explained(found["system"]):
            parts.append("slower than the interpreter, and why that may be:\n\n" + slower)
    if with_interpreter:
        parts.append("the interpreter, held to Bochs's figures\n\n" + interpreter(found["interpreter"]))
    last = []
    if figures := found.get("translation"):
        last.append(translation.report(figures, "the kit"))
    if decode := found.get("decode"):
        last.append(
            f"decode: {decode['million_per_second']:.1f} M instructions/s "
            f"({decode['instructions']} instructions of {decode['section']})"
        )
    if memory := found.get("resident"):
        last.append(
            f"resident: {memory['peak'] / (1 << 20):.1f} MiB at most for a 64 MiB guest that touches 4 MiB "
            f"(limit {memory['limit'] >> 20} MiB): {tables.verdict(memory['passes'])}"
        )
    wrong = found["wrong_sums"]
    last.append("sums: all as on the processor itself" if not wrong else "WRONG SUMS:\n  " + "\n  ".join(wrong))
    if not found["qemu_measured"]:
        last.append("QEMU WAS NOT MEASURED: its columns are empty, and nothing is held to it")
    failures = found["failures"]
    last.append("verdict: " + (f"FAIL: {', '.join(failures)}" if failures else "pass"))
    return "\n\n".join([*parts, "\n".join(last)])
