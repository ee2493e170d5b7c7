"""What a kernel must answer: native's own sum for the compute kernels, arithmetic for the system ones."""

from typing import Optional

MASK = (1 << 32) - 1


def expected_system_sum(id: str, count: int) -> Optional[int]:
    """The sum of a system kernel that any PC gives; None where machines may differ."""
    if id in "eEyf":
        return count & MASK
    if id == "F":
        # Frame 0 holds 1 and frame 1 holds 2; the last pass reads frame 0.
        return (count + count // 2) & MASK
    if id == "g":
        # Each pass adds one to 32 words of its space and sums them up.
        total = 0
        for passes in ((count + 1) // 2, count // 2):
            total += 32 * passes * (passes + 1) // 2
        return total & MASK
    if id == "l":
        # The transmitter is empty and idle.
        return count * 0x60 & MASK
    if id in "GoxS":
        return 0
    return None
