"""Who is really calling: client addresses behind trusted proxies."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def parse_network(text: str) -> Network:
    """An address (`10.0.0.1`) or a network (`10.0.0.0/8`). Raises ValueError."""
    return ip_network(text, strict=False)


def is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in trusted)


def client_address(peer: str, forwarded_for: str | None, trusted: Sequence[Network]) -> str:
    """The nearest address that is not one of our proxies.

    `X-Forwarded-For` counts only where the peer itself is trusted, and is read from the right: what
    stands further left was written by whom we do not trust.
    """
    if not trusted or not forwarded_for:
        return peer
    nearest = peer
    for hop in (peer, *(part.strip() for part in reversed(forwarded_for.split(",")))):
        if not _is_address(hop):
            break
        nearest = hop
        if not is_trusted(hop, trusted):
            break
    return nearest


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
