"""Which addresses the service may call: recordings from storage, webhooks. Allow-lists, and no private network.

A caller's address is compared with the operator's list in one strict form; whatever two parsers could read differently
(user names, backslashes, ``..``, encoded slashes, chained fsspec addresses) is refused. The list names places outside;
what their names resolve to is checked again at each connection (`inperson.service.calls`).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from inperson.errors import InputError

LONGEST = 2048
SCHEMES = {"https": 443, "http": 80, "s3": 0, "gs": 0, "az": 0}
"""Schemes and their ports; ``s3``, ``gs`` and ``az`` name a bucket instead of a host."""
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\]")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Refused(InputError):
    """An address that the service may not call."""


@dataclass(frozen=True, slots=True)
class Address:
    """A caller's address, taken apart."""

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def web(self) -> bool:
        return self.scheme in ("https", "http")

    def __str__(self) -> str:
        query = f"?{self.query}" if self.query else ""
        return f"{self.without_query}{query}"

    @property
    def without_query(self) -> str:
        """The part that names the object; the rest may be a signature."""
        port = f":{self.port}" if self.port != SCHEMES[self.scheme] else ""
        return f"{self.scheme}://{self.host}{port}{self.path}"


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of an allow-list: everything below a folder of one host or bucket."""

    scheme: str
    host: str
    port: int
    folder: str

    def holds(self, address: Address) -> bool:
        same = (self.scheme, self.host, self.port) == (address.scheme, address.host, address.port)
        return same and address.path.startswith(self.folder)


def parse(text: str) -> Address:
    """Take an address apart.

    Raises
    ------
    Refused
        It is none, of a scheme that is not known, or written in a way that could be read in two ways.
    """
    if not 0 < len(text) <= LONGEST:
        raise Refused(f"an address has 1 to {LONGEST} characters, found {len(text)}")
    if not all("!" <= char <= "~" for char in text) or any(char in text for char in '\\"<>^`{|}#'):
        raise Refused("an address is plain ASCII without spaces, quotes, backslashes and fragments; encode the rest")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise Refused("that is no address") from None
    scheme = parts.scheme
    if scheme not in SCHEMES or not text.lower().startswith(f"{scheme}://"):
        raise Refused(f"an address begins with one of {', '.join(f'{name}://' for name in SCHEMES)}")
    if "@" in parts.netloc or "::" in text.replace("[::", ""):
        raise Refused("an address holds no user name and no chain (::)")
    host = parts.netloc.lower() if port is None else parts.netloc.lower().rpartition(":")[0]
    host = host if scheme in ("https", "http") else parts.netloc
    if not _HOST.fullmatch(host.lower()) or port == 0 or (port is not None and scheme not in ("https", "http")):
        raise Refused("the host or bucket is not written as one")
    if scheme not in ("https", "http") and parts.query:
        raise Refused(f"an address of {scheme}:// has no query")
    return Address(scheme, host, port or SCHEMES[scheme], _path(parts.path), parts.query)


def _path(path: str) -> str:
    plain = unquote(path)
    segments = plain.split("/")
    if "." in segments or ".." in segments or "//" in plain or "\\" in plain or plain.count("/") != path.count("/"):
        raise Refused("the path is not written plainly: no . or .. or empty folders, no encoded slashes")
    if any(ord(char) < 32 or ord(char) == 127 for char in plain):
        raise Refused("the path holds control characters")
    return path or "/"


def parse_place(text: str) -> Place:
    """Read an entry of an allow-list: ``https://host/folder/``, ``s3://bucket/``.

    Raises
    ------
    ValueError
        It is none, has a query, or does not end in a slash.
    """
    try:
        address = parse(text)
    except Refused as error:
        raise ValueError(f"{text!r}: {error}") from None
    if address.query or not address.path.endswith("/"):
        raise ValueError(f"{text!r}: an entry ends in a slash, as in https://host/folder/")
    return Place(address.scheme, address.host, address.port, address.path)


def allowed(text: str, places: tuple[Place, ...], setting: str) -> Address:
    """`text` taken apart, if one of `places` holds it.

    Raises
    ------
    Refused
        It is no address, or none that the operator allows.
    """
    address = parse(text)
    if not any(place.holds(address) for place in places):
        raise Refused(f"this address is not below any that the operator allows (setting {setting})")
    return address


def outside(address: str) -> bool:
    """Whether an IP address is of the public internet, also when it is wrapped in another one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return outside(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)
