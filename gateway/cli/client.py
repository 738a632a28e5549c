"""The gateway's REST interface from the caller's side: one method a verb, every refusal a Stop with its exit code."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec

from gateway import __version__
from gateway.cli.exits import ExitCode, Stop
from gateway.cli.reasons import remedy_words
from gateway.cli.wire import (
    Balance,
    Batch,
    ContentLink,
    Image,
    LedgerPage,
    Page,
    Problem,
    Quote,
    Reconciled,
    Route,
    Video,
)

T = TypeVar("T")

_TIMEOUT = httpx.Timeout(60, connect=5)
_PATIENCE = 1.0
_FIRST_PAUSE = 0.2
_USUAL_POLL = 2.0
_POLL_BOUNDS = (0.05, 30.0)
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)
_PASSING = frozenset({502, 503, 504})

EXIT_OF_CODE = {
    "unauthenticated": ExitCode.AUTH,
    "forbidden": ExitCode.AUTH,
    "not_found": ExitCode.NOT_FOUND,
    "gone": ExitCode.NOT_FOUND,
    "not_ready": ExitCode.TRY_AGAIN,
    "already_ended": ExitCode.FAILED,
    "no_route": ExitCode.FAILED,
    "too_many_requests": ExitCode.LIMIT,
    "overloaded": ExitCode.TRY_AGAIN,
    "queue_full": ExitCode.TRY_AGAIN,
    "quarantined": ExitCode.TRY_AGAIN,
}
EXIT_OF_STATUS = {
    400: ExitCode.USAGE,
    401: ExitCode.AUTH,
    402: ExitCode.LIMIT,
    403: ExitCode.AUTH,
    404: ExitCode.NOT_FOUND,
    410: ExitCode.NOT_FOUND,
    413: ExitCode.USAGE,
    422: ExitCode.USAGE,
    429: ExitCode.LIMIT,
    502: ExitCode.TRY_AGAIN,
    503: ExitCode.TRY_AGAIN,
    504: ExitCode.TRY_AGAIN,
}


class Answer(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """An answer as it came, as we read it, and how long to wait before asking again.

    Attributes:
        replayed: the same key was used before: nothing was done this time.
    """

    raw: Any
    value: T
    wait: float
    replayed: bool = False


class Had(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of a file already: its first bytes, and the ETag of what they were of."""

    size: int
    etag: str


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """A file that comes in pieces, or the ``rest`` of it; ``size`` is how much is to come, when the answer says it."""

    pieces: Iterator[bytes]
    size: int | None
    etag: str
    rest: bool


class Client:
    """A caller of one gateway.

    Args:
        patience: seconds it goes on trying while nobody answers.
    """

    def __init__(self, url: str, api_key: str, *, patience: float = _PATIENCE) -> None:
        self.url = url.rstrip("/")
        self.patience = patience
        self._http = httpx.Client(
            base_url=self.url,
            headers={"authorization": f"Bearer {api_key}", "user-agent": f"filmgate-cli/{__version__}"},
            timeout=_TIMEOUT,
            trust_env=not _on_this_machine(url),  # a proxy could not reach this machine from elsewhere
        )

    def close(self) -> None:
        self._http.close()

    def create(self, wish: dict[str, Any], key: str) -> Answer[Video]:
        """Ask for a video. The key makes it safe to ask again when an answer is lost."""
        headers = {"idempotency-key": key}
        return self._answer(self._send("POST", "/v1/videos", repeat=True, json=wish, headers=headers), Video)

    def batch(self, wishes: list[Any], mode: str, key: str) -> Answer[Batch]:
        """Ask for several videos at once, with a key as above."""
        body, headers = {"videos": wishes, "mode": mode}, {"idempotency-key": key}
        return self._answer(self._send("POST", "/v1/video_batches", repeat=True, json=body, headers=headers), Batch)

    def video(self, video: str) -> Answer[Video]:
        return self._answer(self._send("GET", f"/v1/videos/{video}", repeat=True), Video)

    def videos(self, params: dict[str, str]) -> Answer[Page]:
        return self._answer(self._send("GET", "/v1/videos", repeat=True, params=params), Page)

    def route(self, video: str) -> Answer[Route]:
        return self._answer(self._send("GET", f"/v1/videos/{video}/route", repeat=True), Route)

    def cancel(self, video: str) -> Answer[Video]:
        """Not repeated once it was sent: the second would be told that the video has ended."""
        return self._answer(self._send("POST", f"/v1/videos/{video}/cancel", repeat=False), Video)

    def link(self, video: str, wish: dict[str, Any]) -> Answer[ContentLink]:
        """A link to its file; asking twice makes two, which does no harm."""
        return self._answer(self._send("POST", f"/v1/videos/{video}/links", repeat=True, json=wish), ContentLink)

    def upload(self, picture: Path) -> Answer[Image]:
        """Send a picture, read as it goes; sending it twice is sending it once."""
        try:
            with picture.open("rb") as file:
                form = {"file": (picture.name, file)}
                return self._answer(self._send("POST", "/v1/images", repeat=True, files=form), Image)
        except OSError as error:
            raise Stop(ExitCode.USAGE, f"{picture} can not be read: {error.strerror}") from error

    def receipt(self, video: str) -> bytes:
        """The signed receipt, byte for byte."""
        return self._send("GET", f"/v1/videos/{video}/receipt", repeat=True).content

    def quote(self, wish: dict[str, Any]) -> Answer[Quote]:
        return self._answer(self._send("POST", "/v1/quotes", repeat=True, json=wish), Quote)

    def balance(self) -> Answer[Balance]:
        return self._answer(self._send("GET", "/v1/balance", repeat=True), Balance)

    def ledger(self, params: dict[str, str]) -> Answer[LedgerPage]:
        return self._answer(self._send("GET", "/v1/ledger", repeat=True, params=params), LedgerPage)

    @contextmanager
    def ledger_csv(self) -> Iterator[Iterator[bytes]]:
        """The whole ledger in pieces."""
        with self._pieces("/v1/ledger", accept="text/csv") as response:
            yield response.iter_raw()

    @contextmanager
    def lines(self, path: str, params: dict[str, str]) -> Iterator[Iterator[bytes]]:
        """Something long, in pieces."""
        with self._pieces(f"{path}?{urlencode(params)}" if params else path) as response:
            yield response.iter_raw()

    @contextmanager
    def stream(self, path: str, params: dict[str, str], last: str | None) -> Iterator[Iterator[str] | None]:
        """The lines of a stream of events, from behind the last one that was seen; None when nothing more comes."""
        headers = {"accept": "text/event-stream", **({} if last is None else {"last-event-id": last})}
        with self._pieces(f"{path}?{urlencode(params)}" if params else path, **headers) as response:
            yield None if response.status_code == httpx.codes.NO_CONTENT else response.iter_lines()

    def reconciliation(self, params: dict[str, str]) -> Answer[Reconciled]:
        """What accounts say they billed against the ledger; for operators."""
        return self._answer(self._send("GET", "/v1/admin/reconciliation", repeat=True, params=params), Reconciled)

    def ask(self, path: str, kind: type[T], params: dict[str, str] | None = None) -> Answer[T]:
        """What an operator looks at."""
        return self._answer(self._send("GET", path, repeat=True, params=params), kind)

    def act(self, path: str, kind: type[T], body: dict[str, Any], *, key: str | None = None) -> Answer[T]:
        """What an operator does; repeated only where a key makes that safe."""
        headers = {} if key is None else {"idempotency-key": key}
        return self._answer(self._send("POST", path, repeat=key is not None, json=body, headers=headers), kind)

    def revise(self, method: str, path: str, kind: type[T], body: dict[str, Any], *, version: int | str) -> Answer[T]:
        """Change what is at a version; refused when it is at another one by now."""
        headers = {"if-match": f'"{version}"'}
        return self._answer(self._send(method, path, repeat=False, json=body, headers=headers), kind)

    def do(self, method: str, path: str, kind: type[T], body: dict[str, Any] | None = None) -> Answer[T]:
        """Change what has no versions; repeated only where doing it twice is doing it once."""
        parts = {} if body is None else {"json": body}
        return self._answer(self._send(method, path, repeat=method == "DELETE", **parts), kind)

    @contextmanager
    def content(self, video: str, attempt: str | None = None, had: Had | None = None) -> Iterator[Content]:
        """The finished file, or an attempt's extra output, in pieces.

        Args:
            had: what there is of it already: the rest is asked for, and the whole when it is another file by now.
        """
        path = f"/v1/videos/{video}/content"
        path = path if attempt is None else f"{path}?output={attempt}"
        more = {} if had is None else {"range": f"bytes={had.size}-", "if-range": had.etag}
        with self._pieces(path, **more) as response:
            size = response.headers.get("content-length", "")
            yield Content(
                pieces=response.iter_raw(),
                size=int(size) if size.isdecimal() else None,
                etag=response.headers.get("etag", ""),
                rest=response.status_code == httpx.codes.PARTIAL_CONTENT,
            )

    @contextmanager
    def _pieces(self, path: str, **headers: str) -> Iterator[httpx.Response]:
        """An answer whose body is read as it comes."""
        try:
            plain = {"accept-encoding": "identity", **headers}  # pieces are written as they come
            with self._http.stream("GET", path, headers=plain, follow_redirects=True) as response:
                if not response.is_success:
                    response.read()
                    raise refusal(response)
                yield response
        except httpx.TransportError as error:
            raise Stop(ExitCode.TRY_AGAIN, f"what came from {self.url} broke off: {_said(error)}") from error

    def _send(self, method: str, path: str, *, repeat: bool, **parts: Any) -> httpx.Response:
        """One answer that is no refusal; what may be repeated is, while patience lasts."""
        pause, spent = _FIRST_PAUSE, 0.0
        while True:
            response, error = self._try(method, path, parts)
            if response is not None and not _worth_another(response, repeat=repeat):
                return _accepted(response)
            pause = _asked_pause(response) or pause
            spent += pause
            if spent > self.patience or not (repeat or isinstance(error, _NOT_SENT)):
                return _accepted(response) if response is not None else self._gave_up(error)
            time.sleep(pause)
            pause *= 2

    def _try(
        self, method: str, path: str, parts: dict[str, Any]
    ) -> tuple[httpx.Response | None, httpx.TransportError | None]:
        try:
            return self._http.request(method, path, **parts), None
        except httpx.TransportError as error:
            return None, error

    def _gave_up(self, error: httpx.TransportError | None) -> httpx.Response:
        if isinstance(error, _NOT_SENT):
            message = f"nobody answers at {self.url}: {_said(error)}; is the gateway running? filmgate doctor"
        else:
            message = f"{self.url} gave no answer: {_said(error)}"
        raise Stop(ExitCode.TRY_AGAIN, message) from error

    def _answer(self, response: httpx.Response, kind: type[T]) -> Answer[T]:
        try:
            raw = msgspec.json.decode(response.content)
            value = msgspec.convert(raw, kind)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            message = f"{self.url} does not answer like filmgate ({response.status_code}): {error}"
            raise Stop(ExitCode.FAILED, message) from error
        replayed = response.headers.get("idempotent-replayed") == "true"
        return Answer(raw=raw, value=value, wait=_poll_after(response), replayed=replayed)


def public(url: str) -> bytes:
    """What anybody may read at an address; no key of ours goes there."""
    try:
        response = httpx.get(url, timeout=_TIMEOUT, trust_env=not _on_this_machine(url))
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise Stop(ExitCode.TRY_AGAIN, f"{url} gave no answer: {_said(error)}") from error
    return _accepted(response).content


def refusal(response: httpx.Response) -> Stop:
    """An error answer as the end of the command."""
    try:
        problem = msgspec.json.decode(response.content, type=Problem)
    except (msgspec.DecodeError, msgspec.ValidationError):
        problem = Problem()
    fallback = EXIT_OF_STATUS.get(response.status_code, ExitCode.FAILED)
    return Stop(EXIT_OF_CODE.get(problem.code, fallback), _message(problem, response))


def _message(problem: Problem, response: httpx.Response) -> str:
    said = problem.detail or problem.title or f"HTTP {response.status_code} {response.reason_phrase}".rstrip()
    lines = [f"{said} ({problem.code})" if problem.code else said]
    told = (f"{one.field}: {one.detail}" if one.field else one.detail for one in problem.errors)
    lines += [f"  {one}" for one in told if one != said]
    lines += [f"  {line}" for line in remedy_words(problem.remedy)] if problem.remedy else []
    if seconds := response.headers.get("retry-after"):
        lines.append(f"  try again in {seconds} s")
    if problem.request_id:
        lines.append(f"  request {problem.request_id}")
    return "\n".join(lines)


def _accepted(response: httpx.Response) -> httpx.Response:
    if not response.is_success:
        raise refusal(response)
    return response


def _worth_another(response: httpx.Response, *, repeat: bool) -> bool:
    """A refusal that may pass soon: asking again can not make a second video."""
    return repeat and response.status_code in _PASSING and response.headers.get("x-should-retry") != "false"


def _asked_pause(response: httpx.Response | None) -> float | None:
    return _number(response.headers.get("retry-after")) if response is not None else None


def _poll_after(response: httpx.Response) -> float:
    """How long the gateway asks us to wait before we look again."""
    exact = _number(response.headers.get("openai-poll-after-ms"))
    rough = _number(response.headers.get("retry-after"))
    shortest, longest = _POLL_BOUNDS
    wait = exact / 1000 if exact is not None else rough if rough is not None else _USUAL_POLL
    return min(max(wait, shortest), longest)


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() and text.isascii() and len(text) < 10 else None


def _on_this_machine(url: str) -> bool:
    return urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}


def _said(error: Exception | None) -> str:
    return str(error) or type(error).__name__
