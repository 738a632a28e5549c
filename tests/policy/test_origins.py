"""What an origin is, and whose."""

import pytest

from gateway.policy.origins import normal, stranger


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("HTTPS://App.Example.COM", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://app.example.com:80", "http://app.example.com"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_has_one_spelling(text, spelled):
    assert normal(text) == spelled
    assert normal(spelled) == spelled


@pytest.mark.parametrize(
    "text",
    [
        *("null", "", "*", "https://*", "https://*.example.com", "app.example.com", "//app.example.com"),
        *("https://", "https://a.example/", "https://a.example/path", "https://a.example?x", "https://a.example#x"),
        *("https://user@a.example", "https://a.example:99999", "https://a.example:port", "https://a b", "https://[::1"),
        *("https://bücher.example", "file://", "chrome-extension://abc", "https://a.example\n", "https://" + "a" * 300),
        "https://a.example, https://b.example",
    ],
)
def test_what_is_no_page_s_origin_is_none(text):
    assert normal(text) is None


@pytest.mark.parametrize(
    ("origin", "host", "public_url"),
    [
        (None, "video.example.com", None),
        ("https://video.example.com", "video.example.com", None),
        ("https://video.example.com", "video.example.com:443", None),
        ("https://video.example.com", "VIDEO.example.com", None),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", None),
        ("https://video.example.com", "10.0.0.5:8080", "https://video.example.com"),
        ("https://video.example.com", "10.0.0.5:8080", "https://video.example.com/gateway"),
    ],
)
def test_our_own_pages_are_no_strangers(origin, host, public_url):
    assert stranger(origin, host=host, public_url=public_url) is None


@pytest.mark.parametrize(
    ("origin", "host", "public_url", "told"),
    [
        ("https://app.example.com", "video.example.com", None, "https://app.example.com"),
        ("https://App.example.com:443", "video.example.com", None, "https://app.example.com"),
        ("http://video.example.com", "video.example.com:8080", None, "http://video.example.com"),
        ("http://video.example.com", "10.0.0.5", "https://video.example.com", "http://video.example.com"),
        ("https://video.example.com.evil.example", "video.example.com", None, "https://video.example.com.evil.example"),
        ("null", "video.example.com", None, "null"),
        ("null", None, "null", "null"),
        ("https://app.example.com", None, None, "https://app.example.com"),
    ],
)
def test_another_site_s_page_is_told_by_its_origin(origin, host, public_url, told):
    assert stranger(origin, host=host, public_url=public_url) == told
