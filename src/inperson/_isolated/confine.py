"""Limits on the process that reads one recording: what it may take, open, reach and become.

`Confinement` is what is asked for, `in_force` what this system can do of it, `confine` does it, in a freshly forked
process that ends with its recording (`inperson._isolated.worker`).
"""

from __future__ import annotations

import math
import os
import resource
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inperson._isolated import landlock, seccomp
from inperson.errors import InpersonError

MIB = 1 << 20
_MEMORY_FACTOR = 2
"""The kernel refuses data beyond this many times the memory limit. The supervisor's own watch ends the process at the
limit; this stops one that takes memory faster than it looks."""
_ADDRESSES = 4096 * MIB  # address space beside data: code, models, thread stacks, none of them memory in use
_OPEN_FILES = 256
_CPU_GRACE = 5  # s
_FILE_BYTES = (256 * MIB, 8)  # largest file in the private folder: at least, and times the recording. Own choice:
# the re-encoded copies of `inperson.stability` go there, and a recording of very low rate grows in them
_SYSTEM = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/etc/ld.so.conf"),
    *("/etc/localtime", "/usr/share/zoneinfo", "/dev/urandom", "/dev/random", "/dev/zero", "/proc/self", "/proc/stat"),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/sys/kernel", "/proc/sys/vm", "/sys/devices/system", "/sys/fs/cgroup"),
)


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a process that analyses a recording may open, beside the recording, Python's libraries and the models.

    It may never use the network, start a program or a process, or write anywhere but in a private folder that is
    deleted with it, as far as the system can prevent it (`in_force`).

    Attributes
    ----------
    read : tuple of str
        Further files and folders it may read.
    write : tuple of str
        Further ones it may change.
    scratch : str or None
        Where its private folder is made; the system's folder for temporary files by default.
    required : bool
        Refuse to work where the system cannot prevent all of it.
    kill : bool
        End the process at an attempt instead of refusing it, so that attempts can be counted.
    """

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    scratch: str | None = None
    required: bool = False
    kill: bool = False


@dataclass(frozen=True, slots=True)
class Protection:
    """What this system can hold a process to.

    Attributes
    ----------
    landlock : int
        Version of Landlock (files; from 4 on TCP too, from 6 on signals); 0 for none.
    seccomp : str
        Architecture of the seccomp filter (network, programs, processes); empty for none.
    """

    landlock: int
    seccomp: str

    @property
    def complete(self) -> bool:
        """Whether files, network and programs are all out of reach."""
        return bool(self.landlock and self.seccomp)

    def __str__(self) -> str:
        files = f"files by Landlock {self.landlock}" if self.landlock else "files not (no Landlock)"
        network = "network and programs by seccomp" if self.seccomp else "network and programs not (no seccomp)"
        return f"memory, CPU time, file sizes and open files limited by the kernel; {network}; {files}"


def in_force() -> Protection:
    """What this system can do."""
    return Protection(landlock.version(), seccomp.machine())


def require(wanted: Confinement) -> None:
    """Refuse where `wanted.required` and the system cannot hold a process to all of it.

    Raises
    ------
    InpersonError
    """
    found = in_force()
    if wanted.required and not found.complete:
        raise InpersonError(
            f"isolation was required, but this system cannot give it: {found}. It needs Linux 5.13 or newer with "
            "Landlock, on x86_64 or aarch64, and a container that does not forbid either"
        )


def confine(wanted: Confinement, read: Sequence[str], private: str, memory: int | None, seconds: float | None) -> None:
    """Hold this process to `wanted`, for good.

    Parameters
    ----------
    wanted : Confinement
    read : sequence of str
        The recording and the files that belong to it.
    private : str
        The folder it may write in; becomes the folder for temporary files.
    memory : int or None
        Bytes of resident memory.
    seconds : float or None
        Most CPU seconds.

    Raises
    ------
    OSError
        The kernel offered a protection and then refuses it.
    """
    tempfile.tempdir = private
    _limit_resources(read, memory, seconds)
    found = in_force()
    if found.landlock:
        readable = [*_SYSTEM, *_libraries(), *read, *wanted.read]
        landlock.restrict(readable, [private, "/dev/null", *wanted.write])
    if found.seccomp:
        seccomp.forbid(kill=wanted.kill)


def limit_cpu(seconds: float) -> None:
    """Lower the CPU time this process may take in all; SIGXCPU ends it there, and SIGKILL soon after."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = max(1, math.ceil(seconds))
    last = soft + _CPU_GRACE
    last = last if hard == resource.RLIM_INFINITY else min(last, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (min(soft, last), last))


def _limit_resources(read: Sequence[str], memory: int | None, seconds: float | None) -> None:
    _lower(resource.RLIMIT_CORE, 0)  # a core dump would hold the recording
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    least, times = _FILE_BYTES
    _lower(resource.RLIMIT_FSIZE, max([least, *(times * _size(path) for path in read)]))
    if memory is not None:
        _lower(resource.RLIMIT_DATA, memory * _MEMORY_FACTOR)
        _lower(resource.RLIMIT_AS, memory * _MEMORY_FACTOR + _ADDRESSES)
    if seconds is not None:
        limit_cpu(seconds)


def _lower(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard == resource.RLIM_INFINITY or value < hard:
        resource.setrlimit(which, (value, value))


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _libraries() -> list[str]:
    """Where Python looks for modules, and the models."""
    from inperson import models

    folders = [os.path.abspath(path) for path in sys.path if path]
    return [*dict.fromkeys(folders), str(Path(models.folder()).absolute())]
