"""Debian's kernel as the engines take it: a small initial RAM disk, and the kernel unpacked for those who can't do that."""

import lzma
import struct
from pathlib import Path

MARK = b"== SHELL"
INIT = f"""#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox echo "{MARK.decode()}"
/bin/busybox poweroff -f
"""


class KernelError(Exception):
    """A kernel that isn't what it should be; one sentence for people."""


def initial_files(busybox: Path) -> bytes:
    """An archive in cpio's newc form (Documentation/driver-api/early-userspace/buffer-format.rst)."""
    archive = bytearray()

    def add(name, mode, content=b""):
        fields = [len(archive) + 1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
        archive.extend(b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0")
        archive.extend(bytes(-len(archive) % 4))
        archive.extend(content)
        archive.extend(bytes(-len(archive) % 4))

    for folder in ("bin", "dev", "proc"):
        add(folder, 0o040755)
    add("bin/busybox", 0o100755, busybox.read_bytes())
    add("init", 0o100755, INIT.encode())
    add("TRAILER!!!", 0)
    return bytes(archive)


def unpacked(packed: bytes) -> bytes:
    """A bzImage whose protected-mode part isn't the kernel's decompressor but the kernel itself, with a few instructions in
    front that put it where it belongs. (QEMU starts a bare vmlinux only when it has a PVH note, which the 686 one has not.)
    """
    if packed[0x202:0x206] != b"HdrS":
        raise KernelError("the kernel is no bzImage")
    setup = (packed[0x1F1] or 4) * 512 + 512
    offset, length = struct.unpack_from("<II", packed, 0x248)
    payload = packed[setup + offset : setup + offset + length]
    if payload[:6] != b"\xfd7zXZ\0":
        raise KernelError("the kernel isn't packed with xz")
    elf = lzma.LZMADecompressor().decompress(payload)

    entry, headers = struct.unpack_from("<II", elf, 24)
    size, count = struct.unpack_from("<HH", elf, 42)
    segments = [struct.unpack_from("<8I", elf, headers + n * size) for n in range(count)]
    loads = [segment for segment in segments if segment[0] == 1]
    base = min(segment[3] for segment in loads)
    filled = max(segment[3] + segment[4] for segment in loads)
    end = max(segment[3] + segment[5] for segment in loads)
    image = bytearray(filled - base + 3 & ~3)
    for _, position, _, physical, in_file, _, _, _ in loads:
        image[physical - base : physical - base + in_file] = elf[position : position + in_file]

    start, gap = 0x100000, 0x1000
    if start + gap + len(image) > base:
        raise KernelError("the unpacked kernel would lie in its own way")
    stub = struct.pack(
        "<B2sBIBIBI2s2sBI2s2sBI2s",
        0xFC, b"\x89\xf3",  # cld; mov ebx, esi (the boot parameters)
        0xBE, start + gap, 0xBF, base, 0xB9, len(image) // 4, b"\xf3\xa5",  # mov esi, edi, ecx; rep movsd
        b"\x31\xc0", 0xB9, (end - base - len(image) + 3) // 4, b"\xf3\xab",  # xor eax, eax; mov ecx; rep stosd
        b"\x89\xde", 0xB8, entry, b"\xff\xe0",  # mov esi, ebx; mov eax; jmp eax
    )  # fmt: skip
    protected = stub.ljust(gap, b"\0") + image
    protected += bytes(-len(protected) % 16)
    head = bytearray(packed[:setup])
    struct.pack_into("<I", head, 0x1F4, len(protected) // 16)
    return bytes(head) + protected
