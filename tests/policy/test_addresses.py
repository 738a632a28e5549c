"""Where a caller is, behind any number of proxies, and whatever it says itself."""

import pytest

from gateway.policy.addresses import address_in, caller_address, networks_of, within

PROXIES = networks_of(("10.0.0.0/8", "fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.7, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.7", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.7, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["192.0.2.7, nonsense"], None),
        ("10.0.0.1", ["192.0.2.7,"], None),
        ("10.0.0.1", ["nonsense, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("fd00::1", ["[2001:db8::7]:443"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        (None, ["198.51.100.1"], None),
    ],
    ids=[
        "nobody between",
        "who is no proxy is not believed",
        "the proxy itself",
        "one proxy",
        "what the proxy was told counts not",
        "two headers",
        "two proxies",
        "from inside",
        "an entry that is none",
        "an empty entry",
        "nonsense on the left",
        "with a port",
        "IPv6",
        "IPv4 within IPv6",
        "a socket without a peer",
    ],
)
def test_the_right_most_who_is_no_trusted_proxy_is_the_caller(
    peer: str | None, forwarded: list[str], found: str | None
):
    assert caller_address(peer, forwarded, PROXIES) == found


def test_without_trusted_proxies_only_the_connection_counts():
    assert caller_address("10.0.0.1", ["198.51.100.1"], ()) == "10.0.0.1"
    assert caller_address(None, ["198.51.100.1"], ()) is None


@pytest.mark.parametrize(
    ("address", "inside"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("11.0.0.1", False), ("fd12::1", True), ("", False), (None, False)],
)
def test_an_address_lies_in_a_network_or_not(address: str | None, inside: bool):
    assert within(address, PROXIES) is inside


@pytest.mark.parametrize("text", ["", "x", "10.0.0", "10.0.0.256", "[::1", "1:2:3", "unknown", "_hidden", "10.0.0.1/8"])
def test_what_is_no_address_is_none(text: str):
    assert str(address_in(text)) in {"None", "::1"}
