"""A real browser, spoken to by its own protocol: what it asked for, what it blocked, what it shows."""

import asyncio
import json
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
    *("--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-port=0"),
)
_LISTENING = b"DevTools listening on "
_REMEMBER = "addEventListener('securitypolicyviolation', e => { (self.violations ??= []).push(e.violatedDirective) });"


class Page:
    """One tab: everything it asked for and complained of since it last went somewhere."""

    def __init__(self, connection: ClientConnection) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._connection = connection
        self._session: str | None = None
        self._sent = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def open(self) -> None:
        target = (await self.send("Target.createTarget", url="about:blank"))["targetId"]
        attached = await self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            await self.send(f"{domain}.enable")
        await self.send("Page.addScriptToEvaluateOnNewDocument", source=_REMEMBER)

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        self._sent += 1
        message: dict[str, Any] = {"id": self._sent, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        answer = self._answers[self._sent] = asyncio.get_running_loop().create_future()
        await self._connection.send(json.dumps(message))
        result: dict[str, Any] = await answer
        return result

    async def listen(self) -> None:
        """Hear what the browser says, until it goes."""
        with suppress(ConnectionClosed):
            async for text in self._connection:
                message = json.loads(text)
                if "id" in message:
                    self._answered(message)
                else:
                    self._hear(message["method"], message["params"])

    def _answered(self, message: dict[str, Any]) -> None:
        waiting = self._answers.pop(message["id"])
        if "error" in message:
            waiting.set_exception(AssertionError(message["error"]))
        else:
            waiting.set_result(message["result"])

    def _hear(self, event: str, params: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif event == "Log.entryAdded" and params["entry"]["level"] in {"warning", "error"}:
            self.complaints.append(params["entry"]["text"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"]["text"])

    async def go(self, url: str) -> None:
        """Go there afresh, and wait until everything that stands in it is there."""
        await self._move("about:blank")
        self.requests.clear()
        self.complaints.clear()
        await self._move(url)

    async def _move(self, url: str) -> None:
        moved = await self.send("Page.navigate", url=url)
        assert "errorText" not in moved, moved
        await self.until(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    async def run(self, script: str) -> Any:
        """What an expression comes to; promises are waited for."""
        answer = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, condition: str) -> None:
        """Until something holds, looked at often."""
        look = f"const look = () => ({condition}) ? done() : setTimeout(look, 20)"
        await self.run(f"new Promise(done => {{ {look}; look() }})")

    async def text(self, selector: str) -> str:
        text: str = await self.run(f"document.querySelector({json.dumps(selector)}).innerText")
        return text

    async def fill(self, selector: str, value: str) -> None:
        """As somebody who types would."""
        field = f"document.querySelector({json.dumps(selector)})"
        await self.run(f"{field}.value = {json.dumps(value)}")
        await self.run(f"{field}.dispatchEvent(new Event('input', {{bubbles: true}}))")

    async def choose(self, selector: str, position: int) -> None:
        field = f"document.querySelector({json.dumps(selector)})"
        await self.run(f"{field}.selectedIndex = {position}")
        await self.run(f"{field}.dispatchEvent(new Event('change', {{bubbles: true}}))")

    async def click(self, selector: str) -> None:
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def violations(self) -> list[str]:
        """What the page's policy kept it from."""
        found: list[str] = await self.run("self.violations ?? []")
        return found


@asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Page]:
    """A browser with an empty profile and one tab, for as long as the block lasts."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "about:blank", stderr=PIPE, stdout=PIPE
    )
    try:
        async with connect(await _address(process), proxy=None, max_size=None) as connection:
            page = Page(connection)
            hearing = asyncio.create_task(page.listen())
            try:
                await page.open()
                yield page
            finally:
                hearing.cancel()
    finally:
        process.terminate()
        await process.communicate()


async def _address(process: Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        if line.startswith(_LISTENING):
            return line.removeprefix(_LISTENING).decode().strip()
    raise AssertionError("the browser ended before it listened")
