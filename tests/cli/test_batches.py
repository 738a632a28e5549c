"""``filmgate videos batch``, against a real HTTP server that speaks the contract."""

import json

import pytest

from gateway.cli.exits import ExitCode

PATH = "/v1/video_batches"
BOATS = [{"prompt": "a boat"}, {"prompt": "a swan", "gateway": {"max_cost": "0.50"}}]


def sent(gateway):
    return [body for path, _, body in gateway.requests if path == PATH]


def keys(gateway):
    return [
        {name.lower(): value for name, value in headers.items()}["idempotency-key"]
        for path, headers, _ in gateway.requests
        if path == PATH
    ]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(BOATS),
        "\n" + json.dumps(BOATS, indent=2),
        "\n\n".join(map(json.dumps, BOATS)),
        "\r\n".join(map(json.dumps, BOATS)) + "\r\n",
    ],
    ids=["list", "indented list", "lines", "lines of another system"],
)
def test_wishes_are_a_list_or_one_a_line(videos, gateway, elsewhere, text):
    (elsewhere / "boats.json").write_text(text)

    result = videos("batch", "boats.json", "--key", "mine")

    assert result.exit_code == ExitCode.OK, result.output
    assert sent(gateway) == [{"videos": BOATS, "mode": "all"}]
    assert keys(gateway) == ["mine"]
    assert "a boat" in result.stdout
    assert "a swan" in result.stdout
    assert "accepted: 2 of 2 (batch_" in result.stderr


def test_wishes_may_come_from_stdin_and_what_lacks_is_told(videos, gateway):
    lines = "\n".join(json.dumps({"prompt": f"boat {n}"}) for n in range(5))

    result = videos("batch", "-", "--mode", "affordable", stdin=lines)

    assert result.exit_code == ExitCode.OK, result.output
    assert sent(gateway)[0]["mode"] == "affordable"
    assert len(result.stdout.splitlines()) == 1 + 3
    assert "accepted: 3 of 5" in result.stderr
    assert "for the others 0.80 USD is missing" in result.stderr


def test_json_is_the_batch_and_json_lines_are_its_videos(videos):
    lines = "\n".join(json.dumps({"prompt": f"boat {n}"}) for n in range(2))

    whole = videos("batch", "-", "-o", "json", stdin=lines)
    each = videos("batch", "-", "-o", "jsonl", stdin=lines)

    assert json.loads(whole.stdout)["accepted"] == 2
    assert [json.loads(line)["prompt"] for line in each.stdout.splitlines()] == ["boat 0", "boat 1"]


def test_a_line_that_is_no_json_is_named_and_nothing_is_sent(videos, gateway):
    result = videos("batch", "-", stdin='{"prompt": "a boat"}\n{"prompt"\n')

    assert result.exit_code == ExitCode.USAGE
    assert "-, line 2 is not readable as JSON" in result.stderr
    assert sent(gateway) == []


def test_a_file_that_is_not_there_is_named(videos):
    result = videos("batch", "nowhere.json")

    assert result.exit_code == ExitCode.USAGE
    assert "nowhere.json can not be read" in result.stderr


def test_a_lost_answer_tells_the_key_to_try_again_with(videos, gateway):
    gateway.faults = [(503, {"x-should-retry": "false"}, ("overloaded", "Not now"))]

    result = videos("batch", "-", stdin='{"prompt": "a boat"}')

    assert result.exit_code == ExitCode.TRY_AGAIN
    assert f"add --key {keys(gateway)[0]}" in result.stderr
