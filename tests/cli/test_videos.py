"""``filmgate videos``, against a real HTTP server that speaks the contract."""

import json
import socket

import pytest

from gateway.cli.exits import ExitCode
from tests.cli.small_gateway import FILE, HAPPY, KEY, NOW, failing

FIRST = "video_" + "1".zfill(26)
LATE = {
    "status": "canceled",
    "substate": None,
    "progress": 40,
    "provider_may_still_bill": True,
    "cost": {"currency": "USD", "quoted_micros": 200_000, "held_micros": 200_000, "charged_micros": None},
    "extra_outputs": [
        {"attempt": "att_1", "size": 7, "created_at": NOW},
        {"attempt": "att_2", "size": 1024, "created_at": NOW + 1},
    ],
}


def sent(gateway):
    return [body for path, _, body in gateway.requests if path == "/v1/videos"]


def keys(gateway):
    return [
        {name.lower(): value for name, value in headers.items()}["idempotency-key"]
        for path, headers, _ in gateway.requests
        if path == "/v1/videos"
    ]


def test_a_video_is_asked_for_and_shown(videos, gateway):
    result = videos("create", "a paper boat")

    assert result.exit_code == ExitCode.OK
    assert sent(gateway) == [{"prompt": "a paper boat"}]
    assert f"id        {FIRST}" in result.stdout
    assert "status    queued (waiting_capacity)" in result.stdout
    assert "queue     place 3" in result.stdout
    assert "cost      quoted 0.40 USD" in result.stdout
    assert result.stderr == ""


def test_everything_that_can_be_wished_for_is_sent(videos, gateway):
    words = "--model doitong/veo3 --aspect 9:16 --seconds 8 --quality high --image-url https://example.com/a.png"
    routing = "--only doitong --only b --exclude veo-main --strategy ordered --max-cost 0.50 --deadline 600"
    rest = "--on-unsupported adjust --on-unknown wait --metadata a=b=c --metadata d= --key mine"
    wait = "--max-wait 1m30s --on-max-wait fail --priority low"

    result = videos("create", "a boat", *words.split(), *routing.split(), *rest.split(), *wait.split())

    assert result.exit_code == ExitCode.OK
    assert keys(gateway) == ["mine"]
    assert sent(gateway) == [
        {
            "prompt": "a boat",
            "model": "doitong/veo3",
            "seconds": "8",
            "aspect_ratio": "9:16",
            "quality": "high",
            "input_reference": {"image_url": "https://example.com/a.png"},
            "metadata": {"a": "b=c", "d": ""},
            "gateway": {
                "only": ["doitong", "b"],
                "exclude": ["veo-main"],
                "strategy": "ordered",
                "max_cost": "0.50",
                "deadline_seconds": 600,
                "on_unsupported": "adjust",
                "on_unknown": "wait",
                "max_wait_seconds": 90,
                "on_max_wait": "fail",
                "priority": "low",
            },
        }
    ]


def test_not_to_wait_at_all_is_a_wish_too(videos, gateway):
    videos("create", "a boat", "--max-wait", "0")

    assert sent(gateway)[0]["gateway"] == {"max_wait_seconds": 0}


def test_a_prompt_may_come_from_stdin(videos, gateway):
    videos("create", "-", stdin="a boat\nin the rain\n")

    assert sent(gateway) == [{"prompt": "a boat\nin the rain"}]


@pytest.mark.parametrize(
    "words",
    [
        ("--max-cost", "cheap"),
        ("--max-cost", "-1"),
        ("--seconds", "0"),
        ("--aspect", "4:3"),
        ("--strategy", "best"),
        ("--deadline", "0"),
        ("--max-wait", "-1"),
        ("--max-wait", "2d"),
        ("--on-max-wait", "pay"),
        ("--priority", "urgent"),
        ("--metadata", "novalue"),
        ("--out", "-", "-o", "json"),
    ],
)
def test_a_wish_that_makes_no_sense_is_a_usage_error_and_is_not_sent(videos, gateway, words):
    result = videos("create", "a boat", *words)

    assert result.exit_code == ExitCode.USAGE
    assert gateway.requests == []


@pytest.mark.parametrize("odd", ["../keys", "a b", "", "a?b", "ä"])
def test_an_id_that_is_no_id_is_a_usage_error(videos, odd):
    assert videos("get", odd).exit_code == ExitCode.USAGE


def test_two_wishes_have_keys_of_their_own(videos, gateway):
    videos("create", "a boat")
    videos("create", "a boat")

    assert len(set(keys(gateway))) == 2
    assert len(gateway.videos) == 2


def test_a_lost_answer_is_asked_for_again_and_makes_no_second_video(videos, gateway):
    gateway.faults = ["drop"]

    result = videos("create", "a boat")

    assert result.exit_code == ExitCode.OK
    assert len(keys(gateway)) == 2
    assert len(set(keys(gateway))) == 1
    assert len(gateway.videos) == 1


def test_when_no_answer_comes_the_key_is_told_to_try_again_with(videos, gateway):
    gateway.faults = ["drop"] * 9

    result = videos("create", "a boat")

    assert result.exit_code == ExitCode.TRY_AGAIN
    assert f"--key {keys(gateway)[0]}" in result.stderr
    assert len(gateway.videos) == 1


def test_a_gateway_that_is_full_for_a_moment_is_asked_again(videos, gateway):
    gateway.faults = [(503, {}, ("overloaded", "not now"))]

    assert videos("create", "a boat").exit_code == ExitCode.OK


@pytest.mark.parametrize(
    ("status", "code", "ends"),
    [
        (400, "malformed_request", ExitCode.USAGE),
        (422, "invalid_request", ExitCode.USAGE),
        (422, "idempotency_key_reused", ExitCode.USAGE),
        (422, "no_route", ExitCode.FAILED),
        (503, "no_route", ExitCode.FAILED),
        (401, "unauthenticated", ExitCode.AUTH),
        (403, "forbidden", ExitCode.AUTH),
        (402, "insufficient_funds", ExitCode.LIMIT),
        (429, "too_many_requests", ExitCode.LIMIT),
        (503, "overloaded", ExitCode.TRY_AGAIN),
        (500, "internal", ExitCode.FAILED),
        (413, "payload_too_large", ExitCode.USAGE),
    ],
)
def test_a_refusal_ends_with_its_own_exit_code(videos, gateway, status, code, ends):
    field = {"pointer": "#/seconds", "code": "invalid_value", "detail": "must be 8"}
    gateway.faults = [(status, {"retry-after": "30", "x-should-retry": "false"}, (code, "it is so", (field,)))]

    result = videos("create", "a boat")

    assert result.exit_code == ends
    assert result.stdout == ""
    assert f"filmgate: it is so ({code})\n  seconds: must be 8\n  try again in 30 s\n  request req_1" in result.stderr
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ({"pointer": "#/seconds"}, "seconds: must differ"),
        ({"pointer": "#/gateway/only/0"}, "gateway.only[0]: must differ"),
        ({"pointer": "#/metadata/a~1b~0c"}, "metadata.a/b~c: must differ"),
        ({"pointer": "#"}, "body: must differ"),
        ({"parameter": "limit"}, "limit: must differ"),
        ({"header": "Idempotency-Key"}, "Idempotency-Key: must differ"),
        ({}, "must differ"),
    ],
)
def test_a_refusal_says_which_field_is_wrong_wherever_it_stands(videos, gateway, place, shown):
    error = {**place, "code": "invalid_value", "detail": "must differ"}
    gateway.faults = [(422, {}, ("invalid_request", "it is so", (error,)))]

    result = videos("create", "a boat")

    assert f"filmgate: it is so (invalid_request)\n  {shown}\n  request req_1" in result.stderr


def test_a_field_that_the_refusal_speaks_of_already_is_not_said_twice(videos, gateway):
    error = {"pointer": "#/gateway/only/0", "code": "invalid_value", "detail": "must differ"}
    gateway.faults = [(422, {}, ("invalid_request", "gateway.only[0]: must differ", (error,)))]

    result = videos("create", "a boat")

    assert result.stderr.count("must differ") == 1


def test_watching_tells_every_change_once_and_shows_the_end(videos, gateway):
    result = videos("create", "a boat", "--watch")

    assert result.exit_code == ExitCode.OK
    assert result.stderr.splitlines() == [
        f"accepted: {FIRST}",
        f"{FIRST}  queued  waiting_capacity  0%  place 3 in the queue  about 40 s left",
        f"{FIRST}  in_progress  running  40%  at veo-main",
        f"{FIRST}  completed  100%  at veo-main",
    ]
    assert "status     completed\n" in result.stdout
    assert "completed  2026-01-01 00:01:30Z" in result.stdout


def test_a_gateway_that_is_away_for_a_moment_is_waited_for(videos, gateway):
    videos("create", "a boat")
    gateway.deaf = 2

    assert videos("watch", FIRST).exit_code == ExitCode.OK


def test_waiting_is_quiet(videos, gateway):
    result = videos("create", "a boat", "--wait", "-o", "json")

    assert result.stderr == f"accepted: {FIRST}\n"
    assert json.loads(result.stdout)["status"] == "completed"


def test_a_watched_video_as_jsonl_is_one_line_a_change(videos, gateway):
    result = videos("create", "a boat", "--watch", "-o", "jsonl")

    assert [json.loads(line)["status"] for line in result.stdout.splitlines()] == [
        "queued",
        "in_progress",
        "completed",
    ]


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        ("generation_failed", ExitCode.PROVIDER),
        ("provider_incomplete", ExitCode.PROVIDER),
        ("submission_outcome_unknown", ExitCode.PROVIDER),
        ("content_rejected", ExitCode.FAILED),
        ("no_route", ExitCode.FAILED),
    ],
)
def test_a_video_that_failed_ends_as_it_did(videos, gateway, code, ends):
    gateway.story = failing(code)
    videos("create", "a boat")

    result = videos("watch", FIRST)

    assert result.exit_code == ends
    assert f"{FIRST} failed: so" in result.stderr
    assert f"error     {code}: so" in result.stdout


def test_a_failed_video_can_be_looked_at_without_failing(videos, gateway):
    gateway.story = failing("generation_failed")
    videos("create", "a boat")
    gateway.told[FIRST] = 2

    assert videos("get", FIRST).exit_code == ExitCode.OK


def test_a_canceled_video_that_was_watched_is_a_failure(videos, gateway):
    videos("create", "a boat")
    canceled = videos("cancel", FIRST)

    assert canceled.exit_code == ExitCode.OK
    assert "canceled" in canceled.stdout
    assert videos("watch", FIRST).exit_code == ExitCode.FAILED


def test_a_finished_video_is_saved(videos, gateway, elsewhere):
    result = videos("create", "a boat", "--out", "boat.mp4")

    assert result.exit_code == ExitCode.OK
    assert (elsewhere / "boat.mp4").read_bytes() == FILE
    assert f"boat.mp4  {len(FILE):,} bytes" in result.stderr
    assert "completed" in result.stdout


def test_a_download_is_named_after_the_video_or_goes_to_stdout(videos, gateway, elsewhere):
    videos("create", "a boat", "--wait")

    named = videos("download", FIRST)
    piped = videos("download", FIRST, "--out", "-")

    assert named.exit_code == ExitCode.OK
    assert (elsewhere / f"{FIRST}.mp4").read_bytes() == FILE
    assert piped.stdout_bytes == FILE


def test_a_video_that_is_not_finished_can_be_downloaded_later(videos, gateway, elsewhere):
    videos("create", "a boat")

    result = videos("download", FIRST)

    assert result.exit_code == ExitCode.TRY_AGAIN
    assert list(elsewhere.iterdir()) == []


def test_extra_outputs_of_a_canceled_video_are_listed_and_downloaded(videos, gateway, elsewhere):
    videos("create", "a boat")
    gateway.story = (LATE,)

    shown = videos("get", FIRST)
    named = videos("download", FIRST, "--output-of", "att_1")
    newest = videos("download", FIRST, "--extra", "--out", "late.mp4")

    assert "extra     att_1, 7 bytes, 2026-01-01 00:00:00Z" in shown.stdout
    assert "extra     att_2, 1,024 bytes, 2026-01-01 00:00:01Z" in shown.stdout
    assert (named.exit_code, newest.exit_code) == (ExitCode.OK, ExitCode.OK)
    assert (elsewhere / "att_1.mp4").read_bytes() == (elsewhere / "late.mp4").read_bytes() == FILE


def test_an_extra_output_that_is_not_there_is_told(videos, gateway, elsewhere):
    videos("create", "a boat", "--wait")

    assert videos("download", FIRST, "--extra").exit_code == ExitCode.NOT_FOUND
    assert videos("download", FIRST, "--output-of", "att_9").exit_code == ExitCode.NOT_FOUND
    assert videos("download", FIRST, "--output-of", "att/9").exit_code == ExitCode.USAGE
    assert videos("download", FIRST, "--output-of", "att_9", "--extra").exit_code == ExitCode.USAGE
    assert list(elsewhere.iterdir()) == []


def test_a_canceled_video_says_what_it_may_still_cost(videos, gateway):
    videos("create", "a boat")
    gateway.story = (LATE,)

    lines = [line.split(maxsplit=1) for line in videos("get", FIRST).stdout.splitlines()]

    assert ["billing", "may still cost up to 0.20 USD: the provider has it"] in lines
    assert ["ended", "2026-01-01 00:01:30Z"] in lines
    assert "completed" not in dict(lines)


def test_a_download_that_breaks_off_leaves_what_the_next_one_goes_on_with(videos, gateway, elsewhere):
    videos("create", "a boat", "--wait")
    gateway.cut_content = True

    result = videos("download", FIRST)

    assert result.exit_code == ExitCode.TRY_AGAIN
    assert "broke off" in result.stderr
    assert {path.suffix for path in elsewhere.iterdir()} == {".part", ".etag"}


def test_a_file_that_can_not_be_written_is_told(videos, gateway):
    videos("create", "a boat", "--wait")

    result = videos("download", FIRST, "--out", "no/such/folder.mp4")

    assert result.exit_code == ExitCode.FAILED
    assert "can not be written" in result.stderr


def test_videos_are_listed_in_columns_page_by_page(videos, gateway):
    for prompt in ("one", "two", "a very long prompt " * 9):
        videos("create", prompt)

    first = videos("list", "--limit", "2")
    second = videos("list", "--limit", "2", "--after", "video_" + "2".zfill(26))

    head, newest, older = first.stdout.splitlines()
    assert head.split() == ["ID", "STATUS", "PROGRESS", "MADE", "BY", "CREATED", "PROMPT"]
    assert newest.startswith("video_" + "3".zfill(26))
    assert newest.endswith("…")
    assert older.endswith("two")
    assert first.stderr == f"there are more: --after {older.split()[0]}\n"
    assert second.stdout.splitlines()[1].endswith("one")


def test_lists_are_json_or_a_line_a_video(videos, gateway):
    videos("create", "one")
    videos("create", "two")

    whole = json.loads(videos("list", "-o", "json").stdout)
    lines = [json.loads(line) for line in videos("list", "--order", "asc", "-o", "jsonl").stdout.splitlines()]

    assert whole["object"] == "list"
    assert [video["prompt"] for video in whole["data"]] == ["two", "one"]
    assert [video["prompt"] for video in lines] == ["one", "two"]


def test_an_empty_list_is_told_and_prints_no_data(videos):
    result = videos("list")

    assert (result.exit_code, result.stdout, result.stderr) == (ExitCode.OK, "", "no videos\n")


def test_a_decision_is_explained(videos, gateway):
    videos("create", "a boat")

    result = videos("explain", FIRST)

    assert result.stdout.splitlines() == [
        "cheapest, rule 2, policy version 3, decided 2026-01-01 00:00:00Z",
        "",
        "   ACCOUNT       PROVIDER  CREDITS  PRICE      EXPECTED  VERDICT",
        "1  doitong-main  doitong   100-200  0.10-0.20  0.10      chosen",
        "2  doitong-two   doitong   100-200  0.20-0.40  0.20      next",
        "3  veo-main      veo3o1    2        unknown    unknown   no",
        "",
        "doitong-main  would make it with seconds 4 → 5",
        "doitong-two   is dearer than doitong-main: probably 0.20, not 0.10 (dearer)",
        "veo-main      can be told 16:9, 9:16, not 1:1 (unsupported_aspect_ratio)",
        "              fails, and is left alone, until 2026-01-01 00:00:30Z (circuit_open)",
    ]
    assert json.loads(videos("explain", FIRST, "-o", "json").stdout)["strategy"] == "cheapest"


def test_what_would_help_when_nobody_can_is_told_in_the_command_s_own_words(videos, gateway):
    changes = [{"field": "seconds", "to": 10, "by": "caller"}, {"field": "gateway.exclude", "to": None, "by": "caller"}]
    remedy = {"account": "doitong-main", "changes": changes}
    gateway.faults = [(422, {}, ("no_route", "nobody can", (), {"remedy": remedy}))]

    result = videos("create", "a boat", "--exclude", "doitong")

    told = ["  doitong-main could make it:", "    with --seconds 10", "    without --exclude", "  request req_1"]
    assert result.stderr.splitlines() == ["filmgate: nobody can (no_route)", *told]


def test_a_prompt_can_not_steer_the_terminal(videos, gateway):
    videos("create", "a\x1b[2Jboat\nsecond")

    assert "\x1b" not in videos("get", FIRST).stdout
    assert len(videos("list").stdout.splitlines()) == 2


def test_what_is_not_there_ends_with_its_own_exit_code(videos):
    assert videos("get", "video_nothing").exit_code == ExitCode.NOT_FOUND
    assert videos("watch", "video_nothing").exit_code == ExitCode.NOT_FOUND
    assert videos("cancel", "video_nothing").exit_code == ExitCode.NOT_FOUND
    assert videos("explain", "video_nothing").exit_code == ExitCode.NOT_FOUND
    assert videos("download", "video_nothing").exit_code == ExitCode.NOT_FOUND


def test_a_wrong_key_is_told_apart(run, gateway):
    result = run("videos", "list", "--url", gateway.url, "--api-key", "fg_test_wrong")

    assert result.exit_code == ExitCode.AUTH
    assert "fg_test_wrong" not in result.output


def test_options_win_over_the_environment(run, gateway):
    env = {"FILMGATE_URL": "http://127.0.0.1:1", "FILMGATE_KEY": "wrong"}

    assert run("videos", "list", "--url", gateway.url, "--api-key", KEY, env=env).exit_code == ExitCode.OK


def test_a_demo_left_in_this_folder_is_found(run, gateway, elsewhere):
    (elsewhere / ".filmgate").mkdir()
    (elsewhere / ".filmgate/demo.env").write_text(
        f'# made by filmgate demo\nexport FILMGATE_URL="{gateway.url}"\nexport FILMGATE_KEY={KEY}\n'
    )

    assert run("videos", "list").exit_code == ExitCode.OK


def test_a_demo_is_not_mixed_with_what_was_said(run, elsewhere):
    (elsewhere / ".filmgate").mkdir()
    (elsewhere / ".filmgate/demo.env").write_text(f"export FILMGATE_KEY={KEY}\n")

    assert run("videos", "list", "--url", "http://127.0.0.1:1").exit_code == ExitCode.AUTH


@pytest.mark.parametrize("content", ["export 'FILMGATE_KEY", "\udcff", "nothing"])
def test_a_broken_demo_file_is_no_demo(run, elsewhere, content):
    (elsewhere / ".filmgate").mkdir()
    (elsewhere / ".filmgate/demo.env").write_bytes(content.encode("utf-8", "surrogateescape"))

    assert run("videos", "list").exit_code == ExitCode.AUTH


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://h", "http://", "http://h:x", "http://[::1"])
def test_what_is_no_address_of_a_gateway_is_a_usage_error(run, url):
    assert run("videos", "list", "--url", url, "--api-key", KEY).exit_code == ExitCode.USAGE


@pytest.mark.parametrize("key", ["clé", "a\nb", " "])
def test_what_is_no_key_is_not_sent(run, gateway, key):
    assert run("videos", "list", "--url", gateway.url, "--api-key", key).exit_code == ExitCode.AUTH


def test_when_nobody_answers_trying_again_may_help(run):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

        result = run("videos", "list", "--url", url, "--api-key", KEY)

    assert result.exit_code == ExitCode.TRY_AGAIN
    assert f"nobody answers at {url}" in result.stderr


def test_a_server_that_is_no_gateway_is_told(videos, gateway):
    gateway.story = ({**HAPPY[0], "status": 3},)

    result = videos("create", "a boat")

    assert result.exit_code == ExitCode.FAILED
    assert "does not answer like filmgate" in result.stderr
