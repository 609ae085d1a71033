"""No request to an address inside: the check happens where the connection is made, on the very address it goes to.

A check before connecting can be passed by a name that answers differently the second time. `ipaddress.is_global` calls
several inside addresses global on Python 3.11, so the list is explicit.
"""

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

import httpcore
import httpx

__all__ = ["ForbiddenAddress", "guarded_client", "inside_address", "is_allowed"]

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

FORBIDDEN: tuple[Network, ...] = tuple(
    ip_network(n)
    for n in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "::1/128",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


class ForbiddenAddress(httpx.ConnectError):
    """The receiver's name leads to an address that requests may not go to."""


def is_allowed(address: str, also: Iterable[Network] = ()) -> bool:
    """Whether a connection may go to an IP address: public, or in one of the ranges set by the administrator.

    >>> is_allowed("127.0.0.1"), is_allowed("127.0.0.1", [ip_network("127.0.0.0/8")]), is_allowed("93.184.216.34")
    (False, True, True)
    >>> is_allowed("::ffff:10.0.0.1"), is_allowed("64:ff9b:1::a00:1")
    (False, False)
    """
    ip: Address = ip_address(address.split("%", maxsplit=1)[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if any(ip in network for network in also):
        return True
    return not any(ip in network for network in FORBIDDEN)


def inside_address(url: str, allow: str) -> str | None:
    """The host of an address that can never be reached, since it names an inside address that is not allowed.

    >>> inside_address("http://10.1.2.3/hook", ""), inside_address("http://10.1.2.3/hook", "10.0.0.0/8")
    ('10.1.2.3', None)
    >>> inside_address("https://hooks.example.com/", "")  # a name is looked up when it is connected to
    """
    host = urlsplit(url).hostname or ""
    try:
        return None if is_allowed("127.0.0.1" if host == "localhost" else host, networks(allow)) else host
    except ValueError:
        return None


def networks(allow: str) -> tuple[Network, ...]:
    """The ranges of a setting, separated by commas."""
    return tuple(ip_network(part.strip()) for part in allow.split(",") if part.strip())


Resolve = Callable[[str, int], list[str]]


def resolve(host: str, port: int) -> list[str]:
    """Every address a name leads to, by the system's resolver."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to the address that was checked, never to the name again."""

    def __init__(self, also: tuple[Network, ...], resolver: Resolve) -> None:
        self.also = also
        self.resolver = resolver
        self.real = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = self.resolver(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"the name {host} is not known ({error})") from error
        allowed = [a for a in addresses if is_allowed(a, self.also)]
        if not allowed:
            raise ForbiddenAddress(f"{host} leads to {', '.join(addresses)}: set KESU_WEBHOOK_ALLOW to permit it")
        return self.real.connect_tcp(allowed[0], port, timeout, local_address, socket_options)

    def sleep(self, seconds: float) -> None:
        self.real.sleep(seconds)


def guarded_client(allow: str, *, timeout: float = 10.0, resolver: Resolve = resolve) -> httpx.Client:
    """An HTTP client that reaches public addresses and those in `allow` (ranges by comma), follows no redirect and
    ignores proxies of the environment."""
    also = networks(allow)
    transport = httpx.HTTPTransport(retries=0, trust_env=False)
    pool = transport._pool
    if not isinstance(pool, httpcore.ConnectionPool):  # a proxy here would connect past the guard
        raise TypeError("the transport must connect by itself")
    pool._network_backend = GuardedBackend(also, resolver)
    return httpx.Client(transport=transport, timeout=timeout, follow_redirects=False, trust_env=False)
