"""A very small gateway: a real HTTP server that speaks the REST contract, for commands to talk to."""

import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "fg_test_acme_0123456789"
FILE = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 512
NOW = 1_767_225_600

HAPPY = (
    {"status": "queued", "substate": "waiting_capacity", "progress": 0, "queue_position": 3, "eta_seconds": 40.0},
    {"status": "in_progress", "substate": "running", "progress": 40, "account": "veo-main", "provider": "veo3o1"},
    {"status": "in_progress", "substate": "running", "progress": 40, "account": "veo-main", "provider": "veo3o1"},
    {"status": "completed", "substate": None, "progress": 100, "account": "veo-main", "provider": "veo3o1"},
)


def failing(code):
    """A story that ends badly."""
    return (
        *HAPPY[:2],
        {"status": "failed", "substate": None, "progress": 40, "error": {"code": code, "message": "so"}},
    )


class SmallGateway(ThreadingHTTPServer):
    """Each GET of a video moves its story on by one."""

    daemon_threads = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.story: tuple[dict[str, Any], ...] = HAPPY
        self.videos = {}
        self.told = {}
        self.keys = {}
        self.requests = []
        self.faults = []  # taken one by one: "drop" after accepting, or (status, headers, problem) before
        self.deaf = 0  # so many GETs are hung up on
        self.cut_content = False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def start(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def stop(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """A caller that hangs up is part of the tests."""

    def make(self, wish, key):
        if key not in self.keys:
            self.keys[key] = f"video_{len(self.keys) + 1:026d}"
            self.videos[self.keys[key]] = wish
            self.told[self.keys[key]] = 0
        return self.keys[key]

    def batch(self, body, key):
        """There is money for three."""
        wished = body["videos"]
        names = [self.make(wish, f"{key}.{n}") for n, wish in enumerate(wished[:3])]
        lacks = max(len(wished) - 3, 0) * 400_000
        counts = {"id": "batch_" + "1".zfill(26), "wished": len(wished), "accepted": len(names)}
        return {**counts, "missing_micros": lacks, "videos": [self.video(name) for name in names]}

    def video(self, name, step=None):
        wish, at = self.videos[name], self.told[name] if step is None else step
        state = dict(self.story[min(at, len(self.story) - 1)])
        error, status, progress = state.pop("error", None), state.pop("status"), state.pop("progress")
        return {
            "id": name,
            "object": "video",
            "status": status,
            "progress": progress,
            "created_at": NOW,
            "completed_at": NOW + 90 if status in ("completed", "failed", "canceled") else None,
            "expires_at": None,
            "model": wish.get("model", "auto"),
            "prompt": wish["prompt"],
            "seconds": wish.get("seconds"),
            "size": None,
            "remixed_from_video_id": None,
            "error": error,
            "aspect_ratio": wish.get("aspect_ratio"),
            "quality": wish.get("quality"),
            "metadata": wish.get("metadata", {}),
            "gateway": {
                "cost": {"currency": "USD", "quoted_micros": 400_000, "held_micros": None, "charged_micros": None},
                "credits": 2,
                "attempts": [],
                "adjustments": [{"field": "seconds", "asked": "7", "given": "8"}],
                "extra_outputs": [],
                "version": at + 1,
                **state,
            },
        }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SmallGateway

    def log_message(self, *args):
        """In silence."""

    def do_GET(self):
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if self.server.deaf:
            self.server.deaf -= 1
            self.hang_up()
        elif path == "/livez":
            self.answer(200, {"status": "ok"})
        elif self.admitted():
            self.get(path, query)

    def get(self, path, query):
        if path == "/v1/videos":
            self.answer(200, self.page(query))
        elif not (match := re.fullmatch(r"/v1/videos/(\w+)(/content|/route)?", path)) or (
            match[1] not in self.server.videos
        ):
            self.problem(404, "not_found", "There is no such video")
        elif match[2] == "/route":
            self.answer(200, ROUTE)
        elif match[2] == "/content":
            self.content(match[1], *query.get("output", ()))
        else:
            self.server.told[match[1]] += 1
            self.answer(200, self.server.video(match[1]), {"openai-poll-after-ms": "50", "retry-after": "1"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or "{}")
        self.server.requests.append((self.path, dict(self.headers), body))
        if not self.admitted():
            return
        fault = self.server.faults.pop(0) if self.server.faults else None
        if isinstance(fault, tuple):
            self.problem(fault[0], *fault[2], headers=fault[1])
        elif self.path == "/v1/videos":
            name = self.server.make(body, self.headers["idempotency-key"])
            if fault == "drop":
                self.hang_up()
            else:
                self.answer(202, self.server.video(name), {"openai-poll-after-ms": "50"})
        elif self.path == "/v1/video_batches":
            self.answer(202, self.server.batch(body, self.headers["idempotency-key"]))
        elif (match := re.fullmatch(r"/v1/videos/(\w+)/cancel", self.path)) and match[1] in self.server.videos:
            self.server.story = ({"status": "canceled", "substate": None, "progress": 0},)
            self.answer(200, self.server.video(match[1]))
        else:
            self.problem(404, "not_found", "There is no such video")

    def hang_up(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def admitted(self):
        if self.headers.get("authorization") == f"Bearer {KEY}":
            return True
        self.problem(401, "unauthenticated", "A valid API key is needed")
        return False

    def page(self, query):
        names = sorted(self.server.videos, reverse=query["order"] == ["desc"])
        if "after" in query:
            names = names[names.index(query["after"][0]) + 1 :]
        shown = names[: int(query["limit"][0])]
        return {
            "object": "list",
            "data": [self.server.video(name) for name in shown],
            "first_id": shown[0] if shown else None,
            "last_id": shown[-1] if shown else None,
            "has_more": len(names) > len(shown),
        }

    def content(self, name, output=None):
        video = self.server.video(name)
        if output is not None and output not in {extra["attempt"] for extra in video["gateway"]["extra_outputs"]}:
            self.problem(404, "not_found", "There is no such thing here")
            return
        if output is None and video["status"] != "completed":
            self.problem(409, "not_ready", "The video is not finished")
            return
        self.send_response(200)
        self.send_header("content-type", "video/mp4")
        self.send_header("content-length", str(len(FILE)))
        self.end_headers()
        self.wfile.write(FILE[: len(FILE) // 2] if self.server.cut_content else FILE)
        self.close_connection = self.server.cut_content

    def problem(self, status, code, detail, errors=(), more=None, *, headers=None):
        body = {"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail}
        body |= {"request_id": "req_1", "errors": list(errors), **(more or {})}
        self.answer(status, body, headers, "application/problem+json")

    def answer(self, status, body, headers=None, media_type="application/json"):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


ROUTE = {
    "at": NOW * 1000,
    "strategy": "cheapest",
    "policy": 3,
    "rule": 2,
    "candidates": [
        {
            "account": "doitong-main",
            "provider": "doitong",
            "credits": {"low": 100, "high": 200},
            "price": {"low": 100_000, "high": 200_000},
            "expected": 100_000,
            "excluded": [],
            "adjustments": [{"field": "seconds", "asked": "4", "given": "5"}],
            "scores": {"price": 0.2},
        },
        {
            "account": "doitong-two",
            "provider": "doitong",
            "credits": {"low": 100, "high": 200},
            "price": {"low": 200_000, "high": 400_000},
            "expected": 200_000,
            "excluded": [],
            "outranked": {
                "code": "dearer",
                "params": {"than": "doitong-main", "micros": 200_000, "than_micros": 100_000},
            },
            "adjustments": [],
            "scores": {"price": 0.4},
        },
        {
            "account": "veo-main",
            "provider": "veo3o1",
            "credits": {"low": 2, "high": 2},
            "price": None,
            "excluded": [
                {"code": "unsupported_aspect_ratio", "params": {"asked": "1:1", "able": "16:9, 9:16"}, "until": None},
                {"code": "circuit_open", "params": {}, "until": (NOW + 30) * 1000},
            ],
            "adjustments": [],
            "scores": {},
        },
    ],
}
