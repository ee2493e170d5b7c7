"""The results as text for people."""

from typing import List, Optional


def table(header: List[str], rows: List[List[str]], left: int = 2) -> str:
    """Columns of aligned text that is Markdown, too; the first `left` are flush left."""
    widths = [max(3, *(len(row[i]) for row in [header, *rows])) for i in range(len(header))]

    def line(cells: List[str]) -> str:
        columns = (cell.ljust(width) if i < left else cell.rjust(width) for i, (cell, width) in enumerate(zip(cells, widths)))
        return f"| {' | '.join(columns)} |"

    rule = ["-" * width if i < left else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    return "\n".join([line(header), line(rule), *map(line, rows)])


def number(value: Optional[float]) -> str:
    """Three digits, or a dash for what wasn't measured."""
    if value is None:
        return "-"
    if value >= 1e5:
        return f"{value:.2e}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def verdict(passes: Optional[bool]) -> str:
    return {True: "pass", False: "FAIL", None: "-"}[passes]
