"""Links that somebody else gave us: what can be refused without asking anybody, and which addresses are public."""

from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.egress import is_public, origin, usable

HOSTS = ("cdn.example.com", "*.files.example.net")
EXEMPT = ("http://127.0.0.1:9101", "https://assets.internal")


def may(url: str) -> bool:
    return usable(url, hosts=HOSTS, exempt=EXEMPT)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://cdn.example.com/v/1.mp4", id="a-known-host"),
        pytest.param("https://CDN.Example.COM/v/1.mp4", id="host-names-have-no-case"),
        pytest.param("HTTPS://cdn.example.com/v/1.mp4", id="nor-have-schemes"),
        pytest.param("https://cdn.example.com:443/v/1.mp4", id="the-usual-port-written-out"),
        pytest.param("https://cdn.example.com/~v/1.mp4?sig=a%2Fb&t=1#x", id="signed"),
        pytest.param("https://cdn.example.com/".ljust(2048, "a"), id="the-longest"),
        pytest.param("https://a.files.example.net/1.mp4", id="a-subdomain"),
        pytest.param("https://a.b.files.example.net/1.mp4", id="a-deeper-subdomain"),
        pytest.param("http://127.0.0.1:9101/files/1.mp4", id="an-exempted-origin"),
        pytest.param("https://assets.internal/1.mp4", id="an-exempted-name"),
        pytest.param("https://assets.internal:443/1.mp4", id="an-exempted-name-with-its-port"),
    ],
)
def test_a_link_to_a_known_host_or_an_exempted_origin_is_usable(url):
    assert may(url)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("", id="empty"),
        pytest.param("cdn.example.com/1.mp4", id="no-scheme"),
        pytest.param("//cdn.example.com/1.mp4", id="scheme-relative"),
        pytest.param("/1.mp4", id="a-path"),
        pytest.param("https://", id="no-host"),
        pytest.param("https:///1.mp4", id="an-empty-host"),
        pytest.param("http://cdn.example.com/1.mp4", id="plain-http"),
        pytest.param("ftp://cdn.example.com/1.mp4", id="ftp"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("gopher://cdn.example.com/_INFO", id="gopher"),
        pytest.param("data:video/mp4;base64,AAAA", id="data"),
        pytest.param("javascript:alert(1)", id="javascript"),
        pytest.param("https://cdn.example.com:22/", id="another-port"),
        pytest.param("https://cdn.example.com:8443/", id="another-https-port"),
        pytest.param("https://cdn.example.com:99999/", id="no-such-port"),
        pytest.param("https://cdn.example.com:x/", id="a-port-that-is-no-number"),
        pytest.param("https://cdn.example.com:-1/", id="a-negative-port"),
        pytest.param("https://user@cdn.example.com/", id="a-user"),
        pytest.param("https://user:password@cdn.example.com/", id="a-password"),
        pytest.param("https://@cdn.example.com/", id="an-empty-user"),
        pytest.param("https://cdn.example.com@127.0.0.1/", id="a-host-that-is-a-user"),
        pytest.param("https://127.0.0.1#@cdn.example.com/", id="a-host-behind-a-hash"),
        pytest.param("https://127.0.0.1\\@cdn.example.com/", id="a-backslash"),
        pytest.param("https://cdn.example.com\t/", id="a-tab"),
        pytest.param("https://cdn.example.com/\r\nHost: x", id="line-ends"),
        pytest.param("https://cdn.example.com/a b", id="a-space"),
        pytest.param(" https://cdn.example.com/", id="a-space-before"),
        pytest.param("https://cdn.example.com/\x00", id="a-nul"),
        pytest.param("https://cdn.example.com/\x7f", id="a-delete"),
        pytest.param("https://cdn.example.com/é", id="not-ascii"),
        pytest.param("https://cdn。example。com/", id="dots-of-another-script"),
        pytest.param("https://①②⑦.⓪.⓪.①/", id="digits-in-circles"),
        pytest.param("https://cdn.example.com%2f.files.example.net/", id="an-escaped-slash-in-the-host"),
        pytest.param("https://127.0.0.1%23.files.example.net/", id="an-escaped-hash-in-the-host"),
        pytest.param("https://cdn.ex%61mple.com/", id="an-escaped-letter-in-the-host"),
        pytest.param("https://cdn.example.com/".ljust(2049, "a"), id="too-long"),
        pytest.param("https://example.com/", id="the-parent-of-a-known-host"),
        pytest.param("https://files.example.net/", id="the-parent-of-a-wildcard"),
        pytest.param("https://evilfiles.example.net/", id="a-wildcard-without-its-dot"),
        pytest.param("https://xcdn.example.com/", id="a-known-host-with-a-prefix"),
        pytest.param("https://a.cdn.example.com/", id="a-subdomain-of-a-known-host"),
        pytest.param("https://cdn.example.com.evil.test/", id="a-known-host-as-a-subdomain"),
        pytest.param("https://cdn.example.com./", id="a-dot-behind"),
        pytest.param("https://localhost/", id="localhost"),
        pytest.param("https://127.0.0.1/", id="loopback"),
        pytest.param("https://[::1]/", id="loopback-6"),
        pytest.param("https://[::1%25lo]/", id="a-scoped-address"),
        pytest.param("https://[cdn.example.com]/", id="a-name-in-brackets"),
        pytest.param("https://[::1/", id="a-bracket-left-open"),
        pytest.param("https://2130706433/", id="an-address-as-a-number"),
        pytest.param("http://169.254.169.254/latest/meta-data/", id="a-cloud's-metadata"),
        pytest.param("http://127.0.0.1:9102/", id="another-port-than-the-exempted"),
        pytest.param("http://127.0.0.1/", id="an-exempted-address-without-its-port"),
        pytest.param("https://127.0.0.1:9101/", id="another-scheme-than-the-exempted"),
        pytest.param("http://localhost:9101/", id="another-name-for-the-exempted"),
        pytest.param("http://user@127.0.0.1:9101/", id="a-user-at-the-exempted"),
        pytest.param("http://assets.internal/", id="the-exempted-name-over-http"),
    ],
)
def test_any_other_link_is_not(url):
    assert not may(url)


def test_a_known_host_may_be_configured_in_any_case():
    assert usable("https://cdn.example.com/1.mp4", hosts=("CDN.Example.com",), exempt=())
    assert usable("https://a.files.example.net/1.mp4", hosts=("*.Files.Example.net",), exempt=())


def test_without_known_hosts_and_exemptions_nothing_is_usable():
    assert not usable("https://cdn.example.com/1.mp4", hosts=(), exempt=())


@given(st.text(max_size=60) | st.text(alphabet="https:/.@[]#?%\\cdnexampl0127", max_size=60))
def test_no_text_breaks_the_judge_and_only_https_or_an_exemption_passes(text):
    for url in (text, f"https://{text}", f"https://cdn.example.com{text}", f"https://{text}.files.example.net/"):
        if may(url):
            parts = urlsplit(url)
            host = parts.hostname or ""
            assert origin(parts) in EXEMPT or (
                parts.scheme == "https" and (host == "cdn.example.com" or host.endswith(".files.example.net"))
            )


@pytest.mark.parametrize(
    ("url", "named"),
    [
        pytest.param("https://cdn.example.com/a?b", "https://cdn.example.com", id="https"),
        pytest.param("https://cdn.example.com:443/", "https://cdn.example.com", id="its-usual-port"),
        pytest.param("http://cdn.example.com:80/", "http://cdn.example.com", id="http's-usual-port"),
        pytest.param("http://cdn.example.com:443/", "http://cdn.example.com:443", id="another-port"),
        pytest.param("https://[2001:DB8::1]:9101/", "https://[2001:db8::1]:9101", id="an-address-6"),
        pytest.param("ftp://cdn.example.com/", None, id="another-scheme"),
        pytest.param("https:///a", None, id="no-host"),
        pytest.param("https://cdn.example.com:x/", None, id="no-port"),
    ],
)
def test_an_origin_is_what_an_exemption_names(url, named):
    assert origin(urlsplit(url)) == named


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "93.184.215.14", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1"),
        *("169.253.255.255", "198.17.255.255", "198.20.0.1", "223.255.255.255", "168.63.129.15"),
        *("2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001::1", "::ffff:8.8.8.8"),
    ],
)
def test_what_the_internet_routes_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("127.0.0.1", id="loopback"),
        pytest.param("127.255.255.254", id="loopback's-end"),
        pytest.param("0.0.0.0", id="this-host"),
        pytest.param("0.1.2.3", id="this-network"),
        pytest.param("10.0.0.1", id="private-10"),
        pytest.param("172.16.0.1", id="private-172"),
        pytest.param("172.31.255.255", id="private-172's-end"),
        pytest.param("192.168.0.1", id="private-192"),
        pytest.param("100.64.0.1", id="carrier-nat"),
        pytest.param("100.100.100.200", id="a-cloud's-metadata-in-carrier-nat"),
        pytest.param("169.254.169.254", id="a-cloud's-metadata"),
        pytest.param("168.63.129.16", id="a-cloud's-own-host-with-a-public-look"),
        pytest.param("192.0.0.192", id="protocol-assignments"),
        pytest.param("192.0.2.1", id="documentation-1"),
        pytest.param("198.51.100.1", id="documentation-2"),
        pytest.param("203.0.113.5", id="documentation-3"),
        pytest.param("192.88.99.1", id="6to4-relay"),
        pytest.param("198.18.0.1", id="benchmarks"),
        pytest.param("198.19.255.255", id="benchmarks'-end"),
        pytest.param("224.0.0.1", id="multicast"),
        pytest.param("240.0.0.1", id="reserved"),
        pytest.param("255.255.255.255", id="broadcast"),
        pytest.param("::", id="unspecified-6"),
        pytest.param("::1", id="loopback-6"),
        pytest.param("::1%lo", id="loopback-6-with-a-scope"),
        pytest.param("::127.0.0.1", id="compatible-loopback"),
        pytest.param("::8.8.8.8", id="compatible-anything"),
        pytest.param("::ffff:127.0.0.1", id="mapped-loopback"),
        pytest.param("::ffff:7f00:1", id="mapped-loopback-in-hexadecimal"),
        pytest.param("::ffff:a9fe:a9fe", id="mapped-metadata"),
        pytest.param("::ffff:0:7f00:1", id="translated-loopback"),
        pytest.param("64:ff9b::7f00:1", id="nat64-loopback"),
        pytest.param("64:ff9b::a9fe:a9fe", id="nat64-metadata"),
        pytest.param("64:ff9b::808:808", id="nat64-anything"),
        pytest.param("64:ff9b:1::a00:1", id="local-nat64"),
        pytest.param("2002:7f00:1::", id="6to4-loopback"),
        pytest.param("2001:0:53aa:64c:0:0:80ff:fffe", id="teredo"),
        pytest.param("100::1", id="discard"),
        pytest.param("2001:db8::1", id="documentation-6"),
        pytest.param("3fff::1", id="documentation-6-new"),
        pytest.param("5f00::1", id="segment-routing"),
        pytest.param("fc00::1", id="private-6"),
        pytest.param("fd00:ec2::254", id="a-cloud's-metadata-6"),
        pytest.param("fe80::1", id="link-local-6"),
        pytest.param("fe80::1%eth0", id="link-local-6-with-a-scope"),
        pytest.param("fec0::1", id="site-local-6"),
        pytest.param("ff02::1", id="multicast-6"),
        pytest.param("", id="empty"),
        pytest.param("localhost", id="a-name"),
        pytest.param("2130706433", id="a-number"),
        pytest.param("0x7f.1", id="hexadecimal"),
        pytest.param("0177.0.0.1", id="octal"),
        pytest.param("127.1", id="short"),
        pytest.param("8.8.8.8/32", id="a-network"),
        pytest.param("8.8.8.8 ", id="a-space-behind"),
        pytest.param("[2606:4700:4700::1111]", id="brackets"),
    ],
)
def test_anything_else_is_not_public(address):
    assert not is_public(address)


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_outside_2000_to_3fff_no_ipv6_address_is_public(address: IPv6Address):
    assert not is_public(str(address)) or int(address) >> 125 == 1 or address.ipv4_mapped is not None


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_as_the_address_inside(address):
    assert is_public(f"::ffff:{address}") == is_public(str(address))


@given(st.ip_addresses(v=4))
def test_an_address_wrapped_for_a_tunnel_is_never_public(address: IPv4Address):
    number = int(address)
    for wrapped in (number, 0xFFFF << 48 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80):
        unmapped = IPv6Address(wrapped).ipv4_mapped is None
        assert not (unmapped and is_public(str(IPv6Address(wrapped))))


@given(st.text(max_size=40))
def test_no_text_breaks_the_judge_of_addresses(text):
    assert is_public(text) in (True, False)
