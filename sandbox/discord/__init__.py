"""A local Discord for tests and demos: a server on 127.0.0.1 that a discord.py bot logs in to."""

from sandbox.discord.command_options import NotOfferedError
from sandbox.discord.context import Limits, RecordedRequest, Violation
from sandbox.discord.faults import (
    AppliedThenDropped,
    AppliedThenStatus,
    Dropped,
    ErrorStatus,
    LateResponse,
    RateLimited,
    Rejected,
    RequestBreakpoint,
    SlowUpload,
    payload_too_large,
)
from sandbox.discord.message_models import Attachment, Message, Pings
from sandbox.discord.server import SANDBOX_TOKEN, LocalDiscord
from sandbox.discord.simulated_account import NotAllowedError
from sandbox.discord.simulated_channel import SimulatedChannel
from sandbox.discord.simulated_guild import SimulatedGuild
from sandbox.discord.simulated_interaction import Choice, InteractionResponse, NoResponseError, SimulatedInteraction
from sandbox.discord.simulated_user import SimulatedUser
from sandbox.discord.uploads import Upload

__all__ = [
    "SANDBOX_TOKEN",
    "AppliedThenDropped",
    "AppliedThenStatus",
    "Attachment",
    "Choice",
    "Dropped",
    "ErrorStatus",
    "InteractionResponse",
    "LateResponse",
    "Limits",
    "LocalDiscord",
    "Message",
    "NoResponseError",
    "NotAllowedError",
    "NotOfferedError",
    "Pings",
    "RateLimited",
    "RecordedRequest",
    "Rejected",
    "RequestBreakpoint",
    "SimulatedChannel",
    "SimulatedGuild",
    "SimulatedInteraction",
    "SimulatedUser",
    "SlowUpload",
    "Upload",
    "Violation",
    "payload_too_large",
]
