"""HTTP calls to places of an allow-list: no redirect is followed, no proxy used, no private network reached.

The name is resolved here, every address it has is checked, and the connection goes to the address that was checked: a
name that points elsewhere a moment later (DNS rebinding) gains nothing. TLS certificates are checked for the name.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import urllib3

from inperson.service.addresses import Address, Refused, outside

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0


class Unreachable(Exception):
    """The other side cannot be reached or broke off; trying again may help."""


@contextmanager
def call(
    method: str, address: Address, *, private: bool, headers: Mapping[str, str], body: bytes | None = None
) -> Iterator[urllib3.BaseHTTPResponse]:
    """Send one request; the body of the answer is not read yet and ends with the block.

    Raises
    ------
    Refused
        The name resolves to a private address and `private` is false.
    Unreachable
        No connection, no answer in time, a bad certificate, or the connection broke within the block.
    """
    ip = _resolved(address, private)
    host = address.host.strip("[]")
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    pool: urllib3.HTTPConnectionPool
    if address.scheme == "https":
        context = ssl.create_default_context()
        pool = urllib3.HTTPSConnectionPool(
            ip, address.port, timeout=timeout, ssl_context=context, server_hostname=host, assert_hostname=host
        )
    else:
        pool = urllib3.HTTPConnectionPool(ip, address.port, timeout=timeout)
    named = address.host if address.port in (80, 443) else f"{address.host}:{address.port}"
    target = address.path + (f"?{address.query}" if address.query else "")
    sent = {"Host": named, "User-Agent": "inperson", "Accept-Encoding": "identity", **headers}
    try:
        answer = pool.urlopen(
            method,
            target,
            body=body,
            headers=sent,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
        )
        try:
            yield answer
        finally:
            answer.close()
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Unreachable(f"{type(error).__name__}") from None
    finally:
        pool.close()


def _resolved(address: Address, private: bool) -> str:
    host = address.host.strip("[]")
    try:
        found = socket.getaddrinfo(host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable("the name cannot be resolved") from None
    ips = [str(entry[4][0]) for entry in found]
    if not private and not all(outside(ip) for ip in ips):
        raise Refused("this name leads into a private network (setting private_addresses)")
    return ips[0]
