"""Everything this service asks of the network goes through here: to public addresses only, by https, and nowhere else.

The name is resolved once and the connection goes to the address that was looked at, so that a name which answers
differently the second time gains nothing. Redirects are not followed. Answers are bounded in size and time.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from engine.errors import InvalidInput, Unavailable

_TIMEOUT_S = 5.0
_MOST_BYTES = 65_536
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}\Z")
Resolve = Callable[[str, int], Sequence[str]]


def addresses_of(name: str, port: int) -> list[str]:
    """The addresses behind a name, as the system's resolver tells them. Raises Unavailable."""
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unavailable("the name of the other side cannot be resolved") from None
    return [str(entry[4][0]) for entry in found]


def is_public(address: str) -> bool:
    """Whether `address` lies in the open internet, also where IPv6 wraps an IPv4 address.

    Examples
    --------
    >>> [is_public(one) for one in ("93.184.215.14", "127.0.0.1", "::ffff:10.0.0.1", "169.254.169.254")]
    [True, False, False, False]
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inside = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo or (None, None))[1]
        if inside is not None or parsed in _TRANSLATED:
            return inside is not None and inside.is_global and not inside.is_multicast
    return parsed.is_global and not parsed.is_multicast


_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


def checked(url: str, *, resolve: Resolve = addresses_of) -> tuple[str, int, str, str]:
    """Name, port, path and the one address to connect to. Nothing is sent yet.

    Raises
    ------
    InvalidInput
        If the address is not https to a plain public name on port 443, or leads into a private network.
    Unavailable
        If the name cannot be resolved.
    """
    name, path = _parts(url)
    addresses = list(resolve(name, 443))
    if not addresses or not all(is_public(address) for address in addresses):
        raise InvalidInput("the address leads to a network that this service does not call")
    return name, 443, path, addresses[0]


def _parts(url: str) -> tuple[str, str]:
    if not url.isascii() or not url.isprintable() or any(one in url for one in " \\<>\"'"):
        raise InvalidInput("the address has characters that do not belong there")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidInput("the address cannot be read") from None
    if parts.scheme != "https" or "@" in parts.netloc or port not in (None, 443):
        raise InvalidInput("the address has to be https, on its usual port, without a user")
    name = parts.hostname or ""
    if not _NAME.match(name):
        raise InvalidInput("the address has to have a plain name")
    return name, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


class _Pinned(http.client.HTTPSConnection):
    """Connects to the address that was checked, and asks for a certificate of the name."""

    def __init__(self, name: str, address: str) -> None:
        super().__init__(name, 443, timeout=_TIMEOUT_S, context=ssl.create_default_context())
        self._address = address
        self._tls = ssl.create_default_context()

    def connect(self) -> None:
        """To that address, whatever the name says by now."""
        plain = socket.create_connection((self._address, 443), _TIMEOUT_S)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def fetch(url: str) -> bytes:
    """What stands at a public https address. Redirects are no answer.

    Raises
    ------
    InvalidInput
        If the address must not be called.
    Unavailable
        If there is no answer in time, or none that can be used.
    """
    name, _, path, address = checked(url)
    connection = _Pinned(name, address)
    try:
        connection.request("GET", path, headers={"User-Agent": "pathfinder", "Accept": "*/*"})
        answer = connection.getresponse()
        body = answer.read(_MOST_BYTES + 1)
    except (OSError, http.client.HTTPException):
        raise Unavailable("the other side does not answer") from None
    finally:
        connection.close()
    if answer.status != 200 or len(body) > _MOST_BYTES:
        raise Unavailable("the other side gives no answer that can be used")
    return body
