"""The prompts that this client tracks, and which of them an event of the WebSocket belongs to."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from bot.comfyui.events import Event, ExecutingEvent, PreviewEvent, StatusEvent
from bot.comfyui.prompt_tracker import PromptTracker


class EventRouter:
    """Hands each event to the tracker of its prompt; events of other clients' prompts are dropped."""

    def __init__(self) -> None:
        self._trackers: dict[str, PromptTracker] = {}
        self._submitting: list[str] = []
        self._observers: list[Callable[[Event], None]] = []

    # -- trackers

    @property
    def trackers(self) -> tuple[PromptTracker, ...]:
        """All of them."""
        return tuple(self._trackers.values())

    def find(self, prompt_id: str) -> PromptTracker | None:
        """The tracker of a prompt; None where it is not tracked."""
        return self._trackers.get(prompt_id)

    def add(self, tracker: PromptTracker) -> None:
        """Begin to hand it events.

        Raises:
            ValueError: Its prompt is tracked already.

        """
        if tracker.prompt_id in self._trackers:
            msg = f"{tracker.prompt_id} is tracked already"
            raise ValueError(msg)
        self._trackers[tracker.prompt_id] = tracker

    def remove(self, tracker: PromptTracker) -> None:
        """End what `add` began."""
        del self._trackers[tracker.prompt_id]

    # -- client ids

    @contextmanager
    def submitting(self, client_id: str) -> Generator[None]:
        """The id is needed while the block runs, also for a prompt that is not tracked."""
        self._submitting.append(client_id)
        try:
            yield
        finally:
            self._submitting.remove(client_id)

    def needs(self, client_id: str) -> bool:
        """Whether a prompt under that id is being submitted, or is tracked and unfinished."""
        return client_id in self._submitting or any(
            tracker.client_id == client_id and not tracker.ended for tracker in self._trackers.values()
        )

    # -- events

    def observe(self, observer: Callable[[Event], None]) -> None:
        """Call `observer` with every event from now on, whichever prompt it is of. It must not raise or block."""
        self._observers.append(observer)

    def dispatch(self, event: Event) -> None:
        """Hand an event to the tracker of its prompt, and `status` to all trackers."""
        for observer in self._observers:
            observer(event)
        match event:
            case StatusEvent():
                for tracker in self._trackers.values():
                    tracker.handle(event)
            case ExecutingEvent(prompt_id=None) | PreviewEvent(prompt_id=None):
                self._dispatch_without_id(event)
            case _:
                tracker = self._trackers.get(getattr(event, "prompt_id", ""))
                if tracker is not None:
                    tracker.handle(event)

    def _dispatch_without_id(self, event: ExecutingEvent | PreviewEvent) -> None:
        """ComfyUI sent it to our WebSocket alone, for the one prompt of ours that runs."""
        candidates = [tracker for tracker in self._trackers.values() if tracker.receives_events and not tracker.ended]
        if len(candidates) == 1 and (candidates[0].started or isinstance(event, ExecutingEvent)):
            candidates[0].handle(event)

    def connection_changed(self, *, connected: bool) -> None:
        """Tell every tracker that the WebSocket was connected or disconnected."""
        for tracker in self.trackers:
            tracker.connection_changed(connected=connected)
