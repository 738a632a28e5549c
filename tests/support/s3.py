"""A small server that speaks S3 over real HTTP: PUT, ranges, deletes, uploads in parts; it remembers what it did."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Bucket:
    """What lies in it, whether it may be written, and the methods that were used."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    parts: dict[int, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refuses: bool = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bucket: Bucket

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        number = self._query().get("partNumber")
        if self.bucket.refuses or not self.headers["authorization"].startswith("AWS4-HMAC-SHA256"):
            self._answer(403, b"<Error><Code>AccessDenied</Code></Error>", "PUT refused")
        elif number:
            self.bucket.parts[int(number[0])] = body
            self._answer(200, told="PART", etag=body)
        else:
            self.bucket.objects[self._key()] = body
            self._answer(200, told="PUT", etag=body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if "delete" in self._query():
            keys = re.findall("<Key>([^<]*)</Key>", body.decode())
            for key in keys:
                self.bucket.objects.pop(key, None)
            told = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            self._answer(200, _tagged("DeleteResult", told), "DELETE")
            return
        if "uploads" in self._query():
            self.bucket.parts.clear()
            self._answer(
                200, b"<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>", "BEGIN"
            )
            return
        self.bucket.objects[self._key()] = b"".join(self.bucket.parts[n] for n in sorted(self.bucket.parts))
        self._answer(
            200, b'<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>', "COMPLETE"
        )

    def do_GET(self) -> None:
        whole = self.bucket.objects.get(self._key())
        if whole is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>", "GET nothing")
            return
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))
        start, end = (int(found[1]), min(int(found[2]) + 1, len(whole))) if found else (0, len(whole))
        self.send_response(206 if found else 200)
        self.send_header("content-range", f"bytes {start}-{end - 1}/{len(whole)}")
        self.send_header("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.send_header("etag", f'"{md5(whole, usedforsecurity=False).hexdigest()}"')
        self.send_header("content-length", str(end - start))
        self.end_headers()
        self.wfile.write(whole[start:end])
        self.bucket.asked.append("GET")

    def do_DELETE(self) -> None:
        self.bucket.objects.pop(self._key(), None)
        self._answer(204, told="DELETE")

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path.removeprefix("/films/"))

    def _query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)

    def _answer(self, status: int, body: bytes = b"", told: str = "", etag: bytes = b"") -> None:
        self.bucket.asked.append(told)
        self.send_response(status)
        self.send_header("etag", f'"{md5(etag, usedforsecurity=False).hexdigest()}"')
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _tagged(name: str, inside: str) -> bytes:
    return f"<{name}>{inside}</{name}>".encode()


@contextmanager
def s3() -> Iterator[Bucket]:
    """A bucket called ``films`` on a free port, until the end of the block."""
    bucket = Bucket()
    handler = type("Handler", (_Handler,), {"bucket": bucket})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        bucket.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield bucket
        finally:
            server.shutdown()
            thread.join()


def options_of(bucket: Bucket) -> dict[str, str]:
    """How to reach it."""
    return {"endpoint": bucket.url, "region": "eu-west-1", "allow_http": "true"}
