"""For every test."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# A busy machine draws examples slowly: that says nothing about the code.
settings.register_profile("chorus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("chorus")

# A shell that starts `make test &` lets it ignore Ctrl-C, and so would the processes that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
