"""Another stock client library (Mastodon.py) lives with a node: it registers, logs a person in, reads
what the node is, streams, posts with a picture, filters, pages through the home timeline and
reports somebody. Arguments: origin, user name, password, a post of somebody else. Prints what it
saw, as JSON.
"""

import json
import os
import queue
import struct
import sys
import threading
import zlib

from mastodon import Mastodon, MastodonNotFoundError, StreamListener

PATIENCE = 30
POSTS = 45


def png(width: int, height: int) -> bytes:
    """A small picture: a PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\x78" * width * 3) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


class Listener(StreamListener):
    """Remembers what came through the stream."""

    def __init__(self):
        self.is_open = threading.Event()
        self.updates = queue.Queue()
        self.filters_changed = threading.Event()

    def handle_heartbeat(self):
        self.is_open.set()

    def on_update(self, status):
        self.updates.put(status)

    def on_filters_changed(self):
        self.filters_changed.set()


origin, username, password, foreign = sys.argv[1:5]
client_id, client_secret = Mastodon.create_app("Mastodon.py test", api_base_url=origin)
client = Mastodon(client_id=client_id, client_secret=client_secret, api_base_url=origin)
client.log_in(username, password, allow_http=True)

listener = Listener()
client.stream_user(listener, run_async=True)
assert listener.is_open.wait(PATIENCE), "the stream does not open"

media = client.media_post(
    png(640, 480), mime_type="image/png", description="The sea", focus=(0.2, -0.4)
)
post = client.status_post("With a picture", media_ids=media)
streamed = listener.updates.get(timeout=PATIENCE)

client.create_filter_v2("Pets", ["home"], "warn")
assert listener.filters_changed.wait(PATIENCE), "nobody tells of the filter"

for number in range(POSTS - 1):
    client.status_post(f"Post {number}")
first = client.timeline_home(limit=20)
paged = client.fetch_remaining(first)
newest = client.timeline_home(min_id=first[1].id)

theirs = client.status(foreign)
favourites = client.status_favourite(theirs).favourites_count
report = client.report(theirs.account, status_ids=theirs, comment="Not nice", category="spam")

try:
    client.status(1)
    missing = None
except MastodonNotFoundError as error:
    missing = error.args[-1]

print(
    json.dumps(
        {
            "me": client.me().acct,
            "instance": [client.instance_v1().uri, client.instance_v2().domain],
            "media": {"type": media.type, "description": media.description},
            "post": len(post.media_attachments),
            "streamed": streamed.content,
            "first": len(first),
            "paged": len(paged),
            "distinct": len({status.id for status in paged}),
            "newest": [status.id for status in newest] == [first[0].id],
            "conversations": client.conversations(),
            "favourites": favourites,
            "report": {
                "category": report.category,
                "comment": report.comment,
                "posts": [str(status) for status in report.status_ids],
            },
            "missing": missing,
        }
    )
)
sys.stdout.flush()
# The stream is still being read, and closing it waits for its next message.
os._exit(0)
