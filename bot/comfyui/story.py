"""What the socket told of one prompt, and how far that can be relied on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bot.comfyui.events import (
    Event,
    ExecutedEvent,
    ExecutingEvent,
    ExecutionCachedEvent,
    ExecutionErrorEvent,
    ExecutionInterruptedEvent,
    ExecutionStartEvent,
    ExecutionSuccessEvent,
    PreviewEvent,
    ProgressEvent,
    ProgressStateEvent,
)
from bot.comfyui.exceptions import ExecutionFailed
from bot.comfyui.models import (
    CachedNodes,
    ExecutionUpdate,
    Failed,
    Interrupted,
    NodeStarted,
    Outcome,
    PreviewFrame,
    Started,
    Stepped,
    Succeeded,
)
from bot.comfyui.outputs import files_of, texts_of


class Story:
    """Adds up the events of one prompt.

    `whole` is True while nothing can have been missed since `execution_start`: only then does an `execution_success`
    say everything, and the history need not be asked (which would keep the GPU waiting for one more round trip).
    """

    def __init__(self) -> None:
        self.whole = False
        self.started = False
        self.blocked: list[str] = []
        self._begin: int | None = None
        self._end: int | None = None
        self._success = False
        self._interrupted = False
        self._error: ExecutionFailed | None = None
        self._cached = False
        self._ran = False
        self._outputs: dict[str, Mapping[str, Any]] = {}
        self._node: str | None = None
        self._steps: dict[str, tuple[float, float]] = {}

    def gap(self) -> None:
        """The connection broke: something may have been missed."""
        self.whole = False

    def add(self, event: Event) -> Iterator[ExecutionUpdate]:
        """Take an event of this prompt; what it tells somebody who watches."""
        self._note(event)
        match event:
            case ExecutionStartEvent():
                yield from self.start()
            case ExecutionCachedEvent(nodes=nodes):
                yield CachedNodes(nodes)
            case ExecutingEvent(node=str(node)) if node != self._node:
                self._node = node
                yield from self.start()
                yield NodeStarted(node)
            case ProgressEvent(node=node, value=value, max=maximum):
                yield from self._step(node, value, maximum)
            case ProgressStateEvent(nodes=nodes):
                for node in nodes:
                    if node.state == "running" and node.value > 0:
                        yield from self._step(node.node, node.value, node.max)
            case PreviewEvent(node=node, media_type=media_type, data=data):
                yield PreviewFrame(data, media_type, node or self._node)
            case _:
                pass

    def _note(self, event: Event) -> None:
        match event:
            case ExecutionStartEvent(timestamp=timestamp):
                self.whole, self._begin = True, timestamp
            case ExecutionCachedEvent(nodes=nodes):
                self._cached = bool(nodes)
            case ExecutingEvent(node=str()):
                self._ran = True
            case ExecutedEvent(node=node, output=output):
                self._outputs[node] = output
            case ExecutionErrorEvent(error=error, blocked=True):
                self.blocked.append(error.message)
            case ExecutionErrorEvent(error=error):
                self._error = error
            case ExecutionInterruptedEvent():
                self._interrupted = True
            case ExecutionSuccessEvent(timestamp=timestamp):
                self._success, self._end = True, timestamp
            case _:
                pass

    def start(self) -> Iterator[ExecutionUpdate]:
        """It runs, by whatever evidence."""
        if not self.started:
            self.started = True
            yield Started()

    def certain(self) -> Outcome | None:
        """The outcome, if what was heard leaves no doubt: heard from the start, success said, nothing else said."""
        if self.whole and self._success and self._error is None and not self._interrupted:
            return self.probable()
        return None

    def probable(self) -> Outcome | None:
        """The outcome by what was heard, for when the history has no entry any more."""
        if self._interrupted:
            return Interrupted()
        files = files_of(self._outputs)
        if self._error is not None:
            return Failed(self._error, files)
        if not self._success:
            return None
        known = self._begin is not None and self._end is not None
        return Succeeded(
            files=files,
            texts=texts_of(self._outputs),
            cached=self._cached and not self._ran,
            seconds=((self._end or 0) - (self._begin or 0)) / 1000 if known else None,
            blocked=tuple(self.blocked),
        )

    def _step(self, node: str, value: float, maximum: float) -> Iterator[ExecutionUpdate]:
        # `progress` and `progress_state` tell the same step twice.
        if self._steps.get(node) != (value, maximum):
            self._steps[node] = (value, maximum)
            yield from self.start()
            yield Stepped(node, value, maximum)
