"""Recordings that lie elsewhere, through fsspec: named by URL, allowed by scheme, fetched into a private folder.

Nothing is fetched unless the caller allowed its scheme by name. Credentials are those that the storage's own library
finds (environment, instance role); none is kept, and results show no signature or password of a URL.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from inperson._media.containers import reason
from inperson.errors import InputError, StorageError

T = TypeVar("T")
TRIES = 5
"""Times that a storage is asked before its error is final."""
LIMIT = 8192
"""Default MiB of one fetched recording: four hours at 4 Mbit/s."""
_FIRST_PAUSE = 1.0  # s, doubled each time, with up to as much again at random
_BLOCK = 1 << 20
_STAMPS = ("ETag", "etag", "e_tag", "generation", "version_id", "md5Hash", "content_md5", "mtime", "LastModified")
_ALSO_STAMPS = ("last_modified", "updated", "created", "size")
_SECRET = ("signature", "credential", "token", "password", "secret", "sig", "key", "expires", "x-amz-", "x-goog-")
_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_PASSING_ERRNO = frozenset(
    (
        *(errno.EIO, errno.EBUSY, errno.EAGAIN, errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNREFUSED),
        *(errno.ECONNABORTED, errno.EPIPE, errno.ENETUNREACH, errno.EHOSTUNREACH),
    )
)
# by name, because the libraries need not be here: aiohttp's, botocore's, Azure's
_PASSING_CLASSES = frozenset(
    (
        *("ClientConnectionError", "ClientPayloadError", "EndpointConnectionError", "ConnectTimeoutError"),
        *("ReadTimeoutError", "ConnectionClosedError", "ServiceRequestError", "ServiceResponseError", "IncompleteRead"),
    )
)


class Storage:
    """Fetches recordings from the schemes allowed.

    Parameters
    ----------
    schemes : iterable of str
        Such as ``"s3"``, ``"gs"``, ``"az"``, ``"https"``.
    folder : str
        Private; copies are made in it.
    limit : int
        Most MiB of one recording.
    pause : callable
        Waits for some seconds; for tests.

    Raises
    ------
    InputError
        fsspec, or what it needs for a scheme, is not installed.
    """

    def __init__(
        self, schemes: Iterable[str], folder: str, limit: int = LIMIT, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._schemes = frozenset(schemes)
        self._folder, self._limit, self._pause = folder, limit, pause
        self._used: set[Any] = set()
        require(self._schemes)

    def name(self, url: str) -> str:
        """The URL without user, password, fragment and secret parameters."""
        parts = urlsplit(url)
        query = [(k, v) for k, v in parse_qsl(parts.query) if not any(word in k.lower() for word in _SECRET)]
        place = parts.netloc.rpartition("@")[2]
        behind = f"?{urlencode(query, quote_via=quote)}" if query else ""
        return f"{parts.scheme}://{place}{parts.path}{behind}"

    def stamp(self, url: str) -> str:
        """What the storage says of the object that changes when it does.

        Raises
        ------
        InputError
            The scheme was not allowed.
        StorageError
            There is no such object, or the storage fails.
        """
        fs, path = self._place(url)
        info = self._tried(url, lambda: fs.info(path))
        told = {name: str(info[name]) for name in (*_STAMPS, *_ALSO_STAMPS) if info.get(name) is not None}
        size = info.get("size")
        if isinstance(size, int) and size > self._limit << 20:
            raise StorageError(f"{self.name(url)}: {size >> 20} MiB; at most {self._limit} MiB are fetched")
        return hashlib.sha256(repr(sorted(told.items())).encode()).hexdigest()[:24] if told else ""

    def fetch(self, url: str) -> tuple[str, str]:
        """A local copy, to be deleted by the caller, and its SHA-256. Raises as `stamp`, or where it is too large."""
        fs, path = self._place(url)
        return self._tried(url, lambda: self._copied(url, fs, path))

    def listed(self, url: str, wanted: Callable[[str], bool]) -> list[str]:
        """The URLs below a folder (``/`` at the end) or of a pattern; of anything else, the URL itself."""
        folder = url.endswith("/")
        if not folder and (url.startswith(("http://", "https://")) or not glob.has_magic(url)):
            return [url]
        fs, path = self._place(url)
        fs.invalidate_cache(path)
        found = self._tried(url, lambda: fs.find(path) if folder else fs.glob(path))
        return sorted(str(fs.unstrip_protocol(one)) for one in found if not folder or wanted(one))

    def close(self) -> None:
        """Let go of the listings that stamps were told from, so that whoever asks next in this process asks anew."""
        for fs in self._used:
            fs.invalidate_cache()

    def _place(self, url: str) -> tuple[Any, str]:
        scheme = url.partition("://")[0]
        if scheme not in self._schemes:
            raise InputError(f"{scheme}:// was not allowed; allow it by name, with --allow-scheme {scheme}")
        import fsspec

        fs, path = fsspec.core.url_to_fs(url)
        self._used.add(fs)
        return fs, str(path)

    def _copied(self, url: str, fs: Any, path: str) -> tuple[str, str]:
        fs.invalidate_cache(path)  # it may have been replaced since it was listed
        found, size = hashlib.sha256(), 0
        file, local = tempfile.mkstemp(dir=self._folder, prefix="fetched-")
        try:
            with open(file, "wb") as copy, fs.open(path, "rb", block_size=_BLOCK, cache_type="readahead") as source:
                while block := source.read(_BLOCK):
                    size += len(block)
                    if size > self._limit << 20:
                        raise StorageError(
                            f"{self.name(url)}: more than {self._limit} MiB, which is all that is fetched"
                        )
                    found.update(block)
                    copy.write(block)
        except BaseException:
            os.unlink(local)
            raise
        return local, found.hexdigest()

    def _tried(self, url: str, what: Callable[[], T]) -> T:
        for attempt in range(TRIES):
            try:
                return what()
            except (InputError, StorageError):
                raise
            except Exception as error:  # each storage library has its own
                if not passing(error):
                    raise StorageError(f"{self.name(url)}: cannot be fetched: {_reason(error)}") from None
                last = error
            if attempt < TRIES - 1:
                self._pause(_FIRST_PAUSE * 2**attempt * (1 + random.random()))
        raise StorageError(f"{self.name(url)}: cannot be fetched, tried {TRIES} times: {_reason(last)}")


def require(schemes: Iterable[str]) -> None:
    """Find out now what is not installed.

    Raises
    ------
    InputError
        Naming what to install.
    """
    schemes = sorted(schemes)
    if not schemes:
        return
    try:
        import fsspec
    except ImportError:
        raise InputError("recordings by URL need fsspec: pip install 'inperson[storage]'") from None
    for scheme in schemes:
        try:
            fsspec.get_filesystem_class(scheme)
        except ImportError as error:
            raise InputError(f"{scheme}:// needs another package: {reason(error)}") from None
        except ValueError:
            raise InputError(f"fsspec knows no {scheme!r}; expected s3, gs, az, https or another of its own") from None


def passing(error: BaseException) -> bool:
    """Whether an error may be gone when one tries again."""
    status = _status(error)
    if status:
        return status in _PASSING_STATUS
    for one in _causes(error):
        named = any(kind.__name__ in _PASSING_CLASSES for kind in type(one).__mro__)
        if named or isinstance(one, TimeoutError | ConnectionError):
            return True
        if isinstance(one, OSError) and one.errno in _PASSING_ERRNO:
            return True
    return False


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what led to it: fsspec calls every HTTP failure "not found", with the failure as its cause."""
    found = [error]
    while (cause := found[-1].__cause__) is not None and cause not in found:
        found.append(cause)
    return found


def _status(error: BaseException) -> int:
    """The HTTP status behind an error; 0 if there is none."""
    named = (getattr(one, name, None) for one in _causes(error) for name in ("status", "status_code", "code"))
    return next((value for value in named if isinstance(value, int)), 0)


def _reason(error: BaseException) -> str:
    status = _status(error)
    if status == 404 or (isinstance(error, FileNotFoundError) and not status):
        return "there is no such object"
    return f"the server answered {status}" if status else f"{type(error).__name__}: {_without_urls(reason(error))}"


def _without_urls(text: str) -> str:
    """A library's message may quote the address with its signature."""
    return " ".join("(address)" if "://" in word else word for word in text.split())
