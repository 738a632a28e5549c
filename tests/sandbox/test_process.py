"""The sandbox as a process of its own: says where it is, obeys its settings, ends when told."""

import json
import signal
import subprocess
import sys

import httpx
import pytest

from gateway.sandbox.__main__ import main


def test_settings_it_cannot_read_are_named_on_stderr(tmp_path, capsys):
    settings = tmp_path / "sandbox.json"
    settings.write_text('{"pace": 3}')

    with pytest.raises(SystemExit):
        main(["--settings", str(settings)])

    assert "unknown field `pace`" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_announces_its_urls_serves_and_ends_on_a_signal(tmp_path, number):
    settings = tmp_path / "sandbox.json"
    account = {"name": "mine", "provider": "doitong", "key": "my-key", "credits": 150}
    settings.write_text(json.dumps({"accounts": [account], "speed": 3}))
    command = [sys.executable, "-W", "error", "-m", "gateway.sandbox", "--settings", str(settings), "--speed", "50"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        urls = json.loads(process.stdout.readline())
        headers, body = {"X-API-Key": "my-key"}, {"service": "veo3", "prompt": "a lake"}
        answers = [
            httpx.post(f"{urls['doitong_url']}/v1/text_to_video", json=body, headers=headers, trust_env=False)
            for _ in range(2)
        ]
        with pytest.raises(httpx.ReadError):  # a reset; a tidy close would be a RemoteProtocolError
            httpx.post(
                f"{urls['doitong_url']}/v1/text_to_video",
                json=body | {"prompt": "[sim:drop-before-accept]"},
                headers=headers,
                trust_env=False,
            )
        state = httpx.post(f"{urls['url']}/control", json={}, trust_env=False).json()
        process.send_signal(number)
        _, said = process.communicate(timeout=30)

    assert [answer.status_code for answer in answers] == [200, 402]
    assert (state["speed"], list(state["accounts"])) == (50.0, ["mine"])
    assert urls["veo3o1_url"] == f"{urls['url']}/veo3o1/api"
    assert (process.returncode, said) == (0, "")
