"""Faults that a test asks the stand-in for. All are off by default and may be changed at any time."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ViewFault(StrEnum):
    """A fault of a GET /view."""

    TRUNCATED = "truncated"
    """Content-Length of the whole file, half of its bytes, then the connection ends."""
    HALF_FILE = "half_file"
    """Half of the bytes with a matching Content-Length."""
    HTML = "html"
    """An HTML page with the content type `image/png`, as the error page of a proxy."""
    EMPTY = "empty"
    """A file of 0 bytes."""
    BOMB = "bomb"
    """A small PNG whose header says 60,000 x 60,000 pixels."""
    GONE = "gone"
    """404, as for a cached result whose file was deleted."""
    ENDLESS = "endless"
    """A response without a length that never ends."""
    SERVER_ERROR = "server_error"
    """500 `text/plain`."""


class PostFault(StrEnum):
    """A fault of a POST /prompt."""

    APPLIED_THEN_DROPPED = "applied_then_dropped"
    """It is queued, and the connection ends without an answer."""
    DROPPED = "dropped"
    """The connection ends without an answer, and nothing is queued."""
    SERVER_ERROR = "server_error"
    """500 `text/plain`, and nothing is queued."""
    EVENTS_FIRST = "events_first"
    """The response is sent only after the prompt has ended, so that its events come first."""


@dataclass
class Faults:
    """The faults to come. Lists are used up from their start, counters count down, flags stay until they are reset."""

    reject_websocket: bool = False
    """`/ws` answers 503."""
    mute: bool = False
    """WebSockets stay open and answer pings, but get no messages."""
    mute_after_reconnect: int = 0
    """How many of the next reconnections under a known clientId get no messages (a bug of ComfyUI's own)."""
    posts: list[PostFault] = field(default_factory=list[PostFault])
    views: list[ViewFault] = field(default_factory=list[ViewFault])
    server_errors: dict[str, int] = field(default_factory=dict[str, int])
    """Path without `/api` -> how many of its next requests get 500 `text/plain`."""
    latency: dict[str, float] = field(default_factory=dict[str, float])
    """Path without `/api`, or `*` for all -> seconds before a request is handled."""
    out_of_memory: int = 0
    """How many of the next sampler or speech nodes fail for lack of GPU memory."""
    failing_nodes: dict[str, str] = field(default_factory=dict[str, str])
    """class_type -> message of the exception that its nodes raise."""
    hostile_filenames: list[str] = field(default_factory=list[str])
    """File names, such as `../../x.png`, that the next outputs are reported with instead of their own."""
    reject_uploads: bool = False
    """POST /upload/image answers 400 with an empty body."""
    errors_as_success: bool = False
    """The history has `status_str: success` for errors, as ComfyUI's for a dependency cycle found while running."""
    forget_history: bool = False
    """Prompts that end are not added to `/history`."""

    def take_server_error(self, path: str) -> bool:
        """Whether this request is answered with 500; counts it down."""
        left = self.server_errors.get(path, 0)
        if left > 0:
            self.server_errors[path] = left - 1
        return left > 0

    def take_out_of_memory(self) -> bool:
        """Whether this node fails for lack of memory; counts it down."""
        if self.out_of_memory <= 0:
            return False
        self.out_of_memory -= 1
        return True

    def update(self, changes: dict[str, Any]) -> None:
        """Set fields from the JSON of `POST /sandbox/faults`.

        Raises:
            KeyError: There is no such field.
            ValueError: There is no such fault.

        """
        for name, value in changes.items():
            if name not in self.__dataclass_fields__:
                raise KeyError(name)
            if name == "posts":
                self.posts = [PostFault(each) for each in value]
            elif name == "views":
                self.views = [ViewFault(each) for each in value]
            else:
                setattr(self, name, value)
