"""The events of one prompt, added up: updates for who watches it, and its outcome as far as the events tell it."""

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
from bot.comfyui.execution_updates import (
    CachedNodes,
    ExecutionUpdate,
    NodeProgress,
    NodeStarted,
    PreviewFrame,
    Started,
)
from bot.comfyui.outputs import parse_output_files, parse_output_texts
from bot.comfyui.prompt_state import Failed, Interrupted, Outcome, Succeeded


class EventAccumulator:
    """Adds up the events of one prompt.

    Attributes:
        complete: No event can have been missed since `execution_start`. Only then does `execution_success` tell
            everything, and the history need not be asked, which would cost the next prompt one more round trip.
        started: The prompt is known to have started.
        blocked: Messages of nodes that blocked their branch.

    """

    def __init__(self) -> None:
        self.complete = False
        self.started = False
        self.blocked: list[str] = []
        self._begin: int | None = None
        self._end: int | None = None
        self._success = False
        self._interrupted = False
        self._error: ExecutionFailed | None = None
        self._cached = False
        self._executed_nodes = False
        self._outputs: dict[str, Mapping[str, Any]] = {}
        self._node: str | None = None
        self._progress: dict[str, tuple[float, float]] = {}

    def connection_lost(self) -> None:
        """Note that events may have been missed, because the WebSocket was not connected."""
        self.complete = False

    def add(self, event: Event) -> Iterator[ExecutionUpdate]:
        """Take an event of this prompt into account and yield the updates that follow from it."""
        self._record(event)
        match event:
            case ExecutionStartEvent():
                yield from self.mark_started()
            case ExecutionCachedEvent(nodes=nodes):
                yield CachedNodes(nodes)
            case ExecutingEvent(node=str(node)) if node != self._node:
                self._node = node
                yield from self.mark_started()
                yield NodeStarted(node)
            case ProgressEvent(node=node, value=value, max=maximum):
                yield from self._node_progress(node, value, maximum)
            case ProgressStateEvent(nodes=nodes):
                for node in nodes:
                    if node.state == "running" and node.value > 0:
                        yield from self._node_progress(node.node, node.value, node.max)
            case PreviewEvent(node=node, media_type=media_type, data=data):
                yield PreviewFrame(data, media_type, node or self._node)
            case _:
                pass

    def _record(self, event: Event) -> None:
        match event:
            case ExecutionStartEvent(timestamp=timestamp):
                self.complete, self._begin = True, timestamp
            case ExecutionCachedEvent(nodes=nodes):
                self._cached = bool(nodes)
            case ExecutingEvent(node=str()):
                self._executed_nodes = True
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

    def mark_started(self) -> Iterator[ExecutionUpdate]:
        """Note that the prompt runs; yields `Started` the first time."""
        if not self.started:
            self.started = True
            yield Started()

    def confirmed_outcome(self) -> Outcome | None:
        """The outcome where the events leave no doubt: complete, `execution_success`, no error and no interrupt."""
        if self.complete and self._success and self._error is None and not self._interrupted:
            return self.reported_outcome()
        return None

    def reported_outcome(self) -> Outcome | None:
        """The outcome as far as the events tell it. Used when the history no longer has the prompt."""
        if self._interrupted:
            return Interrupted()
        files = parse_output_files(self._outputs)
        if self._error is not None:
            return Failed(self._error, files)
        if not self._success:
            return None
        timed = self._begin is not None and self._end is not None
        return Succeeded(
            files=files,
            texts=parse_output_texts(self._outputs),
            cached=self._cached and not self._executed_nodes,
            seconds=((self._end or 0) - (self._begin or 0)) / 1000 if timed else None,
            blocked=tuple(self.blocked),
        )

    def _node_progress(self, node: str, value: float, maximum: float) -> Iterator[ExecutionUpdate]:
        # ComfyUI sends the same step twice, as `progress` and in `progress_state`.
        if self._progress.get(node) != (value, maximum):
            self._progress[node] = (value, maximum)
            yield from self.mark_started()
            yield NodeProgress(node, value, maximum)
