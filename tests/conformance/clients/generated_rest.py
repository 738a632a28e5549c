"""openapi-python-client's package: create, read, list and watch a video; its types are checked strictly beside it."""

import json
import sys

from filmgate_client import AuthenticatedClient
from filmgate_client.api.videos import create_video, get_video, list_videos
from filmgate_client.models import CreateVideo, Problem, Video, VideoPage


def main() -> None:
    url, key = sys.argv[1:]
    with AuthenticatedClient(base_url=url, token=key) as client:
        made = create_video.sync(client=client, body=CreateVideo(prompt="a paper boat in the rain", seconds=5))
        assert isinstance(made, Video), made
        one = get_video.sync(made.id, client=client)
        assert isinstance(one, Video), one
        assert one.id == made.id
        page = list_videos.sync(client=client, limit=5)
        assert isinstance(page, VideoPage), page
        assert any(video.id == made.id for video in page.data)
        refused = get_video.sync("video_nothing", client=client)
        assert isinstance(refused, Problem), refused
        assert refused.code == "not_found"
        with client.get_httpx_client().stream("GET", f"/v1/videos/{made.id}/events") as stream:
            events = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
        statuses = [event["data"]["status"] for event in events]
    assert statuses[-1] == "completed", statuses
    print("created, read, listed, watched:", *statuses)


if __name__ == "__main__":
    main()
