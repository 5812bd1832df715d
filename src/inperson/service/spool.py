"""A recording on its way to the disk: size limit, space that must stay free, hash, and nothing left if it fails."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from inperson._durable import sync_folder

_LOOK_BYTES = 64 << 20  # between looks at the free space


class TooLarge(Exception):
    """More bytes than allowed."""


class DiskFull(Exception):
    """No room, or less than must stay free."""


class Spool:
    """A new file, named by chance, that is deleted unless `keep` is called.

    Parameters
    ----------
    folder : Path
    limit : int
        Bytes it may have.
    reserve : int
        Bytes of the disk that must stay free.
    """

    def __init__(self, folder: Path, limit: int, reserve: int) -> None:
        self._folder, self._limit, self._reserve = folder, limit, reserve
        self.path = folder / f"{secrets.token_hex(16)}.part"
        self.size = 0
        self._digest = hashlib.sha256()
        self._looked = 0
        require_space(folder, reserve)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o600)

    def write(self, data: bytes) -> None:
        """Append.

        Raises
        ------
        TooLarge, DiskFull
        """
        self.size += len(data)
        if self.size > self._limit:
            raise TooLarge
        if self.size - self._looked >= _LOOK_BYTES:
            self._looked = self.size
            require_space(self._folder, self._reserve)
        self._digest.update(data)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise _full(error) from None

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def keep(self, path: Path) -> None:
        """Give the file its name, on the disk when this returns."""
        try:
            os.fsync(self._file)
            os.replace(self.path, path)
            sync_folder(path.parent)
        except OSError as error:
            raise _full(error) from None
        self.close()

    def close(self) -> None:
        """Delete the file if it was not kept."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            with suppress(FileNotFoundError):
                self.path.unlink()


def require_space(folder: Path, reserve: int, coming: int = 0) -> None:
    """Refuse when `coming` bytes would leave less than `reserve` free.

    Raises
    ------
    DiskFull
    """
    if shutil.disk_usage(folder).free - coming < reserve:
        raise DiskFull


def _full(error: OSError) -> Exception:
    return DiskFull() if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else error
