"""What tests say about answers."""

from typing import Any

import httpx


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The body of a refusal, which must have the one shape all refusals have."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    id = response.headers["x-request-id"]
    assert body["type"] == f"urn:filmgate:problem:{code}"
    assert body["status"] == status
    assert body["code"] == code
    assert body["request_id"] == id
    assert body["instance"] == f"urn:filmgate:request:{id}"
    assert body["title"]
    assert body["detail"]
    assert body["error"].keys() == {"message", "type", "param", "code"}
    assert body["error"]["message"] == body["detail"]
    assert body["error"]["code"] == code
    return body
