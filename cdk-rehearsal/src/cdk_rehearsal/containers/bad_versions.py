"""Bad versions of any image: one whose command exits at once, and one that never listens.

Each is derived from the image. The image may have no shell and no other program, so a small
executable for Linux is added, which needs no library.
"""

import struct
from collections.abc import Mapping

DOCKERFILE = b"""\
ARG BUILT
FROM ${BUILT}
COPY --chmod=755 program /rehearsal-program
ENTRYPOINT ["/rehearsal-program"]
CMD []
STOPSIGNAL SIGTERM
"""

_ADDRESS = 0x400000
_HEADERS = 64 + 56  # the ELF header and one program header, elf(5)

# The number of each architecture in ELF, and its instructions below, by the engine's name for it.
_MACHINES = {"amd64": 62, "arm64": 183}
_EXIT = {
    "amd64": (
        "bf 01 00 00 00"  # mov edi, 1
        "b8 e7 00 00 00"  # mov eax, 231 (exit_group)
        "0f 05"  # syscall
    ),
    "arm64": (
        "20 00 80 d2"  # mov x0, 1
        "c8 0b 80 d2"  # mov x8, 94 (exit_group)
        "01 00 00 d4"  # svc 0
    ),
}
# It blocks SIGTERM and waits for it: the first process of a container ignores signals that it does
# not handle, and would run until it is killed.
_WAIT = {
    "amd64": (
        "68 00 40 00 00"  # push 1 << (SIGTERM - 1)
        "31 ff 48 89 e6 31 d2"  # edi = SIG_BLOCK, rsi = the set, edx = 0
        "41 ba 08 00 00 00"  # mov r10d, 8 (bytes of the set)
        "b8 0e 00 00 00 0f 05"  # 14 (rt_sigprocmask)
        "48 89 e7 31 f6 31 d2"  # rdi = the set, esi = edx = 0
        "41 ba 08 00 00 00"
        "b8 80 00 00 00 0f 05"  # 128 (rt_sigtimedwait)
        "31 ff b8 e7 00 00 00 0f 05"  # exit_group(0)
    ),
    "arm64": (
        "09 00 88 d2 e9 0f 1f f8"  # push 1 << (SIGTERM - 1)
        "00 00 80 d2 e1 03 00 91 02 00 80 d2 03 01 80 d2"  # SIG_BLOCK, the set, 0, 8
        "e8 10 80 d2 01 00 00 d4"  # 135 (rt_sigprocmask)
        "e0 03 00 91 01 00 80 d2 02 00 80 d2 03 01 80 d2"  # the set, 0, 0, 8
        "28 11 80 d2 01 00 00 d4"  # 137 (rt_sigtimedwait)
        "00 00 80 d2 c8 0b 80 d2 01 00 00 d4"  # exit_group(0)
    ),
}


def exits_at_once(architecture: str) -> Mapping[str, bytes]:
    """Return the files of a derived image whose command exits at once, with 1."""
    return {"Dockerfile": DOCKERFILE, "program": _program(architecture, _EXIT)}


def never_listens(architecture: str) -> Mapping[str, bytes]:
    """Return the files of a derived image that runs, listens nowhere, and ends with SIGTERM."""
    return {"Dockerfile": DOCKERFILE, "program": _program(architecture, _WAIT)}


def is_known(architecture: str) -> bool:
    """Tell whether there are programs for an architecture."""
    return architecture in _MACHINES


def _program(architecture: str, instructions: Mapping[str, str]) -> bytes:
    """Return a static executable for Linux: its headers, and the instructions behind them."""
    code = bytes.fromhex(instructions[architecture])
    size, entry = _HEADERS + len(code), _ADDRESS + _HEADERS
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)  # 64 bits, little endian
    machine = _MACHINES[architecture]
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", identity, 2, machine, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _ADDRESS, _ADDRESS, size, size, 0x10000)
    return header + segment + code
