"""Who is really calling: X-Forwarded-For counts only as far as it was written by proxies we trust."""

import pytest

from regoods.core.networks import client_address, is_trusted, parse_network

PROXIES = (parse_network("10.0.0.0/8"), parse_network("127.0.0.1"), parse_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # a stranger's word
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.2.3.4", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1,10.2.3.4", "198.51.100.1"),  # what stands left of a stranger is his word
        ("10.0.0.1", "10.9.9.9, 10.2.3.4", "10.9.9.9"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, rubbish, 10.2.3.4", "10.2.3.4"),
        ("10.0.0.1", "198.51.100.1:4711", "10.0.0.1"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.1", "2001:db8::1, 10.0.0.7", "2001:db8::1"),
    ],
)
def test_the_client_is_the_nearest_address_that_is_no_proxy(peer: str, forwarded: str | None, client: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == client


def test_without_trusted_proxies_the_peer_is_the_client() -> None:
    assert client_address("127.0.0.1", "198.51.100.1", ()) == "127.0.0.1"


@pytest.mark.parametrize(
    ("address", "trusted"),
    [("10.255.0.1", True), ("11.0.0.1", False), ("127.0.0.1", True), ("127.0.0.2", False), ("fd12::1", True)],
)
def test_trust_is_a_matter_of_networks(address: str, trusted: bool) -> None:
    assert is_trusted(address, PROXIES) is trusted


@pytest.mark.parametrize("address", ["", "localhost", "10.0.0", "/run/regoods.sock"])
def test_what_is_no_address_is_not_trusted(address: str) -> None:
    assert is_trusted(address, PROXIES) is False


@pytest.mark.parametrize("text", ["", "localhost", "10.0.0.0/33", "10.0.0.0/8/8"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_network(text)
