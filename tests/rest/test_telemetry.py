"""Logs hold no secret, whoever writes them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from gateway.telemetry import HIDDEN, Access, access_log, configure_logging, redact
from schema.video import VideoSpec


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorization", "x"),
        ("api_key", "x"),
        ("credential", "x"),
        ("webhook_secret", b"x"),
        ("prompt", "x"),
        ("idempotency_key", "x"),
        ("Set-Cookie", "x"),
    ],
)
def test_fields_are_hidden_by_name(name: str, value: object):
    assert redact(None, "info", {name: value}) == {name: HIDDEN}
    assert redact(None, "info", {"deep": [{"headers": {name: value}}]}) == {"deep": [{"headers": {name: HIDDEN}}]}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sent Bearer abc.def to them", "sent [hidden] to them"),
        ("key fg_live_abc123", "key [hidden]"),
        ("postgresql://me:pw@host/db", "postgresql://[hidden]@host/db"),
        ("POST https://x.example/hooks/doitong/att_1.ff", "POST https://x.example/hooks/[hidden]"),
        ("nothing of the kind", "nothing of the kind"),
        ("https://x.example/a", "https://x.example/a"),
    ],
)
def test_keys_are_hidden_in_any_text(text: str, shown: str):
    assert redact(None, "info", {"event": text}) == {"event": shown}


def test_a_value_of_ours_is_named_not_shown():
    event = redact(None, "info", {"spec": VideoSpec(prompt="my heart")})

    assert event == {"spec": "<VideoSpec>"}


def test_what_is_too_deep_is_not_shown():
    deep: object = "fine"
    for _ in range(20):
        deep = [deep]

    assert "fine" not in str(redact(None, "info", {"deep": deep}))


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    handlers, level = logging.getLogger().handlers, logging.getLogger().level
    yield
    structlog.reset_defaults()
    access_log.open(None)
    logging.getLogger().handlers = handlers
    logging.getLogger().setLevel(level)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


LINE = Access(level="info", timestamp="now", request_id="r", method="GET", status=200, bytes=0, ms=1.0)


def test_a_machine_reads_json():
    stream = io.StringIO()
    configure_logging(stream=stream)

    structlog.get_logger().info("video.completed", video="v", prompt="p")
    logging.getLogger("library").warning("leaked %s", "Bearer abc")
    access_log.tell(LINE)

    ours, theirs, access = map(json.loads, stream.getvalue().splitlines())
    assert ours | {"timestamp": ""} == {
        "event": "video.completed", "video": "v", "prompt": HIDDEN, "level": "info", "timestamp": ""
    }  # fmt: skip
    assert (theirs["event"], theirs["level"]) == ("leaked [hidden]", "warning")
    assert (access["event"], access["status"]) == ("http.request", 200)


def test_a_person_reads_text():
    stream = Terminal()
    configure_logging(stream=stream)

    structlog.get_logger().info("video.completed", video="v", prompt="p")
    access_log.tell(LINE)

    assert "video.completed" in stream.getvalue()
    assert "http.request" in stream.getvalue()
    assert HIDDEN in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_quiet_is_for_warnings_alone():
    stream = io.StringIO()
    configure_logging(quiet=True, stream=stream)

    structlog.get_logger().info("video.completed")
    access_log.tell(LINE)
    structlog.get_logger().warning("attempt.unknown")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["attempt.unknown"]


def test_an_exception_is_told_without_the_values_around_it():
    stream = io.StringIO()
    configure_logging(stream=stream)
    planted = "planted" + "-value"

    structlog.get_logger().error("http.failed", exc_info=RuntimeError(f"at https://me:{planted}@host"))

    assert "RuntimeError" in stream.getvalue()
    assert planted not in stream.getvalue()


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("debug", ["debug", "info", "http.request", "warning", "error"]),
        ("info", ["info", "http.request", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_events_below_the_level_are_not_told(level: str, told: list[str]):
    stream = io.StringIO()
    configure_logging(stream=stream, level=level)
    log = structlog.get_logger()

    log.debug("debug")
    log.info("info")
    access_log.tell(LINE)
    log.warning("warning")
    logging.getLogger("library").info("theirs")
    log.error("error")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == told


def test_a_librarys_warnings_are_not_told_where_errors_alone_are():
    stream = io.StringIO()
    configure_logging(stream=stream, level="error")

    logging.getLogger("library").warning("theirs")

    assert stream.getvalue() == ""


def test_the_form_may_be_chosen_whatever_the_stream_is():
    terminal, pipe = Terminal(), io.StringIO()

    configure_logging(stream=terminal, form="json")
    access_log.tell(LINE)
    structlog.get_logger().info("video.completed")
    structlog.reset_defaults()
    configure_logging(stream=pipe, form="console")
    structlog.get_logger().info("video.completed")

    assert [json.loads(line)["event"] for line in terminal.getvalue().splitlines()] == [
        "http.request",
        "video.completed",
    ]
    assert "video.completed" in pipe.getvalue()
    assert "\x1b" not in pipe.getvalue()
    assert not pipe.getvalue().startswith("{")
