"""Which files a process may still open: Landlock, through the kernel's own interface (linux/landlock.h).

Everything not named is refused: reading, writing, making, removing, running, and, where the kernel knows how, TCP,
abstract sockets and signals to processes outside. Files that are open already stay open.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable
from errno import ENOSYS

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_VERSION = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_CHANGE_FOLDER = 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8  # remove folders and files, make folders and files
_FIRST = (1 << 13) - 1  # rights that version 1 handles; refer, truncate and ioctl came later


def version() -> int:
    """The kernel's version of Landlock; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, _syscall(_CREATE, None, 0, _VERSION))


def restrict(read: Iterable[str], write: Iterable[str]) -> None:
    """Leave this process only the files and folders named, for good. Its threads must not have been started yet.

    Parameters
    ----------
    read : iterable of path
        May be read, with all below; what does not exist is passed over.
    write : iterable of path
        May be read and written, files made and removed below.

    Raises
    ------
    OSError
        There is no Landlock, or the kernel refuses.
    """
    abi = version()
    if not abi:
        raise OSError(ENOSYS, "no Landlock on this system")
    handled = _FIRST | (1 << 13 if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0) | (1 << 15 if abi >= 5 else 0)
    attributes = struct.pack("QQQ", handled, 3, 3)[: 8 if abi < 4 else 16 if abi < 6 else 24]  # files, TCP, scopes
    ruleset = _checked(_syscall(_CREATE, attributes, len(attributes), 0))
    try:
        for path in read:
            _allow(ruleset, path, _READ_FILE | _READ_FOLDER)
        for path in write:
            rights = _READ_FILE | _READ_FOLDER | _WRITE_FILE | _TRUNCATE | _CHANGE_FOLDER
            _allow(ruleset, path, rights & handled)
        _checked(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(_syscall(_RESTRICT, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _READ_FILE | _WRITE_FILE | _TRUNCATE
        _checked(_syscall(_ADD, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, place), 0))
    finally:
        os.close(place)


def _syscall(*arguments: object) -> int:
    return int(ctypes.CDLL(None, use_errno=True).syscall(*arguments))


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"the kernel refuses a Landlock rule: {os.strerror(error)}")
    return result
