"""Recordings fetched from storage: https, or a bucket through fsspec."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from urllib.parse import unquote

from inperson._batch.storage import passing
from inperson.errors import InputError
from inperson.service.addresses import Address
from inperson.service.calls import Unreachable, call
from inperson.service.spool import DiskFull, Spool, TooLarge

TRIES = 3
_BLOCK = 1 << 20
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class FetchError(InputError):
    """The recording cannot be had; the text says why and holds no address."""


class Stopped(Exception):
    """The job is wanted no more."""


def fetch(
    address: Address,
    spool_of: Callable[[], Spool],
    *,
    private: bool,
    seconds: float,
    stop: threading.Event,
    pause: float = 2.0,
) -> Spool:
    """Fetch one recording into a new spool, trying again where the trouble may pass.

    Parameters
    ----------
    address : Address
        Checked against the allow-list before.
    spool_of : callable
        Returns a new `Spool`.
    seconds : float
        Wall time for one try.
    pause : float
        Seconds before the second try; the third waits four times as long.

    Raises
    ------
    FetchError
        Refused, not there, too large, or not reachable in three tries.
    Stopped
        `stop` was set.
    """
    for number in range(TRIES):
        spool = spool_of()
        try:
            _once(address, spool, private, time.monotonic() + seconds, stop)
            return spool
        except Unreachable as error:
            spool.close()
            if number == TRIES - 1:
                raise FetchError(f"the storage could not be reached in {TRIES} tries: {error}") from None
            if stop.wait(pause * 4**number):
                raise Stopped from None
        except TooLarge:
            spool.close()
            raise FetchError("the recording is larger than the service takes") from None
        except DiskFull:
            spool.close()
            raise FetchError("the service has no disk space for the recording") from None
        except BaseException:
            spool.close()
            raise
    raise AssertionError("unreachable")


def _once(address: Address, spool: Spool, private: bool, until: float, stop: threading.Event) -> None:
    opened = _web(address, private) if address.web else closing(_bucket(address))
    with opened as blocks:
        for block in blocks:
            if stop.is_set():
                raise Stopped
            if time.monotonic() > until:
                raise FetchError("the storage was too slow")
            spool.write(block)


@contextmanager
def _web(address: Address, private: bool) -> Iterator[Iterator[bytes]]:
    with call("GET", address, private=private, headers={}) as answer:
        if answer.status in _AGAIN:
            raise Unreachable(f"status {answer.status}")
        if 300 <= answer.status < 400:
            raise FetchError(f"the storage answered with a redirect ({answer.status}), and none is followed")
        if answer.status != 200:
            raise FetchError(f"the storage answered with status {answer.status}")
        yield answer.stream(_BLOCK)


def _bucket(address: Address) -> Generator[bytes]:
    import fsspec

    # never fsspec.open: that takes chained addresses; no listings kept: what is not there now may be uploaded later
    files = fsspec.filesystem(address.scheme, use_listings_cache=False)
    try:
        with files.open(f"{address.host}{unquote(address.path)}", "rb", block_size=_BLOCK) as file:
            while block := file.read(_BLOCK):
                yield block
    except FileNotFoundError:
        raise FetchError("the storage has no such object") from None
    except Exception as error:  # each storage library has its own
        if passing(error):
            raise Unreachable(type(error).__name__) from None
        raise FetchError(f"the storage refuses: {type(error).__name__}") from None
