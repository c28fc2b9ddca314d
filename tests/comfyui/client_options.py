"""Options of the client with short waits."""

from __future__ import annotations

from dataclasses import replace

from bot.comfyui.options import ClientOptions

FAST = ClientOptions(
    retry_backoff=0.02,
    reconnect_max=0.1,
    poll_initial=0.05,
    poll_max=0.1,
    watchdog_after_submit=0.2,
    watchdog_silence=0.3,
    confirmation_delay=0.05,
)

NO_POLLING = replace(FAST, poll_initial=1e6, poll_max=1e6, watchdog_after_submit=1e6, watchdog_silence=1e6)
"""Nothing is asked because of elapsed time, so a query has another cause."""
