"""How patient the client is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClientOptions:
    """Seconds, unless the name says otherwise. The defaults suit a ComfyUI on this machine or in this house."""

    connect_timeout: float = 3.0
    """For a TCP connection; it bounds how late a returned server is noticed."""
    request_timeout: float = 30.0
    """For the answer of a small request; ComfyUI can be slow while a model loads."""
    read_timeout: float = 60.0
    """Between two pieces of a file."""
    retry_attempts: int = 3
    retry_backoff: float = 1.0
    """The first wait; it doubles."""
    reconnect_max: float = 2.0
    """The longest wait between two attempts to have the WebSocket back."""
    heartbeat: float = 60.0
    """Ping the WebSocket; half of it without a pong ends the connection."""
    poll_initial: float = 2.0
    """Without a WebSocket: the first 30 s; then 2.5 times this until 60 s, then `poll_max`."""
    poll_max: float = 10.0
    watchdog_after_submit: float = 3.0
    """A live socket hears `status` at once after a submission; silent for so long, it is looked into."""
    watchdog_silence: float = 10.0
    """No word of a tracked prompt for so long: ask. It doubles while asking explains the silence ..."""
    watchdog_max: float = 120.0
    """... up to this."""
    settle_delay: float = 0.5
    """After an event that usually ends a prompt: the wait for the one that surely does."""

    def poll_interval(self, elapsed: float) -> float:
        """The wait before the next poll, `elapsed` seconds after the first."""
        if elapsed < 30:
            return min(self.poll_initial, self.poll_max)
        return min(self.poll_initial * 2.5, self.poll_max) if elapsed < 60 else self.poll_max
