"""Timeouts, retries and intervals of the client."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClientOptions:
    """In seconds, unless the name says otherwise. The defaults suit a ComfyUI on this machine or on the local network.

    Attributes:
        connect_timeout: For a TCP connection. It bounds how late a server that is back is noticed.
        request_timeout: For the whole answer of a small request. ComfyUI can be slow while it loads a model.
        read_timeout: Between two chunks of a file.
        retry_attempts: How often a request is sent at most.
        retry_backoff: The wait before the second attempt; it doubles with each further one.
        reconnect_max: The longest wait between two attempts to connect the WebSocket.
        heartbeat: Ping the WebSocket so often; without a pong for half of it the connection is closed.
        poll_initial: The interval of polling without a WebSocket, for the first 30 s.
        poll_max: The interval of polling without a WebSocket after 60 s; in between it is 2.5 times `poll_initial`.
        watchdog_after_submit: A prompt is looked up after so much silence on the WebSocket since it was submitted.
            ComfyUI sends `status` to every WebSocket at once when a prompt is queued, so silence is suspicious.
        watchdog_silence: A prompt is looked up after so much time without an event of it. Doubles each time the server
            says that it runs all the same.
        watchdog_max: The most that `watchdog_silence` grows to.
        confirmation_delay: After an event that usually ends a prompt, the wait for the event that always does.

    """

    connect_timeout: float = 3.0
    request_timeout: float = 30.0
    read_timeout: float = 60.0
    retry_attempts: int = 3
    retry_backoff: float = 1.0
    reconnect_max: float = 2.0
    heartbeat: float = 60.0
    poll_initial: float = 2.0
    poll_max: float = 10.0
    watchdog_after_submit: float = 3.0
    watchdog_silence: float = 10.0
    watchdog_max: float = 120.0
    confirmation_delay: float = 0.5

    def poll_interval(self, elapsed: float) -> float:
        """The wait before the next poll, `elapsed` seconds after the first."""
        if elapsed < 30:
            return min(self.poll_initial, self.poll_max)
        return min(self.poll_initial * 2.5, self.poll_max) if elapsed < 60 else self.poll_max
