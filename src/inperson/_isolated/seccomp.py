"""No network, no other program, no other process: a seccomp filter, through the kernel's own interface.

The filter refuses with EPERM what analysing a recording never needs and what would let a subverted decoder out:
sockets, starting programs or processes, looking into or signalling other processes, changing the modes, owners or times
of files, mounts and namespaces, kernel facilities with a history of holes. Threads, memory and opening files (which
`inperson._isolated.landlock` judges) stay. A system call newer than this table gets ENOSYS, so a new kernel opens no
new way. Numbers: Linux ``asm/unistd_64.h`` and ``asm-generic/unistd.h``.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from dataclasses import dataclass
from errno import ENOSYS, EPERM

_PR_SET_SECCOMP, _PR_GET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 21, 38  # linux/prctl.h
_MODE_FILTER = 2  # linux/seccomp.h
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _GREATER, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06  # linux/bpf_common.h
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data, little-endian
_CLONE_THREAD = 0x00010000
_NEWEST = 462  # mseal, Linux 6.10
_CLONE3 = 435

# Numbers from 424 on are the same everywhere: pidfd_send_signal, io_uring_*, open_tree, move_mount, fsopen, fsconfig,
# fsmount, fspick, pidfd_open, pidfd_getfd, process_madvise, mount_setattr, quotactl_fd, memfd_secret, process_mrelease.
_SHARED = (424, 425, 426, 427, 428, 429, 430, 431, 432, 433, 434, 438, 440, 442, 443, 447, 448)


@dataclass(frozen=True, slots=True)
class _Machine:
    """Audit number of an architecture (linux/audit.h), and its system calls."""

    audit: int
    clone: int
    prlimit: int
    signals: tuple[int, ...]
    refused: tuple[int, ...]


_MACHINES = {
    "x86_64": _Machine(
        0xC000003E,
        clone=56,
        prlimit=302,
        signals=(62, 200, 234),  # kill, tkill, tgkill
        refused=(
            *(41, 42, 43, 44, 49, 50, 53, 288),  # socket, connect, accept, sendto, bind, listen, socketpair, accept4
            *(57, 58, 59, 322),  # fork, vfork, execve, execveat
            *(101, 310, 311, 312, 129, 297),  # ptrace, process_vm_readv, _writev, kcmp, rt_sigqueueinfo, rt_tg...
            *(141, 142, 144, 251, 314),  # setpriority, sched_setparam, sched_setscheduler, ioprio_set, sched_setattr
            *(155, 161, 165, 166, 167, 168, 272, 308),  # pivot_root, chroot, mount, umount2, swap*, unshare, setns
            *(169, 170, 171, 172, 173),  # reboot, sethostname, setdomainname, iopl, ioperm
            *(175, 176, 313, 246, 320),  # init_module, delete_module, finit_module, kexec_load, kexec_file_load
            *(248, 249, 250, 298, 321, 323),  # add_key, request_key, keyctl, perf_event_open, bpf, userfaultfd
            *(300, 301, 303, 304),  # fanotify_init, fanotify_mark, name_to_handle_at, open_by_handle_at
            *(64, 65, 66, 220, 29, 30, 31, 67),  # semget, semop, semctl, semtimedop, shmget, shmat, shmctl, shmdt
            *(68, 69, 70, 71, 240, 241),  # msgget, msgsnd, msgrcv, msgctl, mq_open, mq_unlink
            *(90, 91, 268, 92, 93, 94, 260),  # chmod, fchmod, fchmodat, chown, fchown, lchown, fchownat
            *(132, 235, 261, 280, 133, 259),  # utime, utimes, futimesat, utimensat, mknod, mknodat
            *(188, 189, 190, 197, 198, 199),  # setxattr, l-, f-, removexattr, l-, f-
            *(134, 135, 153, 163, 179),  # uselib, personality, vhangup, acct, quotactl
            *(103, 159, 164, 227, 305),  # syslog, adjtimex, settimeofday, clock_settime, clock_adjtime
        ),
    ),
    "aarch64": _Machine(
        0xC00000B7,
        clone=220,
        prlimit=261,
        signals=(129, 130, 131),
        refused=(  # in the order of the other table
            *(198, 203, 202, 206, 200, 201, 199, 242),
            *(221, 281),
            *(117, 270, 271, 272, 138, 240),
            *(140, 118, 119, 30, 274),
            *(41, 51, 40, 39, 224, 225, 97, 268),
            *(142, 161, 162),
            *(105, 106, 273, 104, 294),
            *(217, 218, 219, 241, 280, 282),
            *(262, 263, 264, 265),
            *(190, 193, 191, 192, 194, 196, 195, 197),
            *(186, 189, 188, 187, 180, 181),
            *(52, 53, 54, 55),
            *(88, 33),
            *(5, 6, 7, 14, 15, 16),
            *(92, 58, 89, 60),
            *(116, 171, 170, 112, 266),
        ),
    ),
}


def machine() -> str:
    """The architecture's name if there is a table for it and the kernel has seccomp; else empty."""
    name = platform.machine()
    if sys.platform != "linux" or name not in _MACHINES or sys.byteorder != "little" or sys.maxsize < 1 << 32:
        return ""
    return name if ctypes.CDLL(None).prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) >= 0 else ""


def forbid(*, kill: bool = False) -> None:
    """Put the filter on this process, for good. Its threads must not have been started yet.

    Parameters
    ----------
    kill : bool
        End the process by SIGSYS where it would be refused: how a fuzzer counts attempts.

    Raises
    ------
    OSError
        The kernel refuses the filter, or this is no machine that `machine` knows.
    """
    name = machine()
    if not name:
        raise OSError(ENOSYS, "no seccomp on this system")
    code = _program(_MACHINES[name], os.getpid(), _KILL if kill else _ERRNO | EPERM)
    buffer = ctypes.create_string_buffer(code, len(code))
    libc = ctypes.CDLL(None, use_errno=True)
    whole = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))  # struct sock_fprog
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, whole, 0, 0):
        error = ctypes.get_errno()
        raise OSError(error, f"the kernel refuses the seccomp filter: {os.strerror(error)}")


def _program(one: _Machine, pid: int, refusal: int) -> bytes:
    """BPF. A jump names the place it goes to; None is the next instruction."""
    places: dict[str, int] = {}
    body: list[tuple[int, int, str | None, str | None] | str] = [
        (_LOAD, _ARCHITECTURE, None, None),
        (_EQUAL, one.audit, None, "kill"),
        (_LOAD, _NUMBER, None, None),
        (_GREATER, 0x3FFFFFFF, "refuse", None),  # x32 calls on x86_64
        (_GREATER, _NEWEST, "unknown", None),
        (_EQUAL, _CLONE3, "unknown", None),  # its flags are out of sight; libc falls back to clone
        (_EQUAL, one.clone, "clone", None),
        (_EQUAL, one.prlimit, "limit", None),
        *((_EQUAL, number, "signal", None) for number in one.signals),
        *((_EQUAL, number, "refuse", None) for number in (*one.refused, *_SHARED)),
        (_RETURN, _ALLOW, None, None),
        "clone",
        (_LOAD, _FIRST_ARGUMENT, None, None),
        (_ANY_BIT, _CLONE_THREAD, "allow", "refuse"),
        "limit",
        (_LOAD, _FIRST_ARGUMENT, None, None),
        (_EQUAL, 0, "allow", "own"),  # 0 is this process, and for signals its group
        "signal",
        (_LOAD, _FIRST_ARGUMENT, None, None),
        "own",
        (_EQUAL, pid, "allow", "refuse"),
        "allow",
        (_RETURN, _ALLOW, None, None),
        "refuse",
        (_RETURN, refusal, None, None),
        "unknown",
        (_RETURN, _ERRNO | ENOSYS, None, None),
        "kill",
        (_RETURN, _KILL, None, None),
    ]
    lines: list[tuple[int, int, str | None, str | None]] = []
    for line in body:
        if isinstance(line, str):
            places[line] = len(lines)
        else:
            lines.append(line)
    code = b""
    for at, (what, value, *ways) in enumerate(lines):
        code += struct.pack("HBBI", what, *(0 if to is None else places[to] - at - 1 for to in ways), value)
    return code
