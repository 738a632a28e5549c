"""Client tokens in tests: made by the door that makes them, and used as a page would."""

from typing import Any

import httpx

URL = "/v1/client_tokens"
BOTH = ["videos:read", "videos:write"]


async def minted(client: httpx.AsyncClient, **wish: Any) -> dict[str, Any]:
    response = await client.post(URL, json=wish)
    assert response.status_code == 201, response.text
    token: dict[str, Any] = response.json()
    return token


def browser(url: str, token: str) -> httpx.AsyncClient:
    """A page with nothing but a token."""
    return httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=30, trust_env=False)


async def held(client: httpx.AsyncClient, url: str, **wish: Any) -> httpx.AsyncClient:
    """A page with a token that was just made."""
    return browser(url, (await minted(client, **wish))["token"])
