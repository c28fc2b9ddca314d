"""A local Discord for tests and for `chorus demo`: a sandbox on loopback that the real discord.py logs in to."""

from sandbox.discord.answers import Answer, Choice, NoAnswerError, Response
from sandbox.discord.core import Limits, Received, Violation
from sandbox.discord.guilds import GuildPlace
from sandbox.discord.options import NotOfferedError
from sandbox.discord.people import NotAllowedError, Person
from sandbox.discord.rooms import Room
from sandbox.discord.server import SANDBOX_TOKEN, LocalDiscord
from sandbox.discord.state import Attachment, Message, Pings
from sandbox.discord.uploads import Upload
from sandbox.discord.weather import (
    AppliedThenDropped,
    AppliedThenStatus,
    Dropped,
    Hold,
    LateReply,
    RateLimited,
    Refused,
    SlowUpload,
    Status,
    TooLarge,
)

__all__ = [
    "SANDBOX_TOKEN",
    "Answer",
    "AppliedThenDropped",
    "AppliedThenStatus",
    "Attachment",
    "Choice",
    "Dropped",
    "GuildPlace",
    "Hold",
    "LateReply",
    "Limits",
    "LocalDiscord",
    "Message",
    "NoAnswerError",
    "NotAllowedError",
    "NotOfferedError",
    "Person",
    "Pings",
    "RateLimited",
    "Received",
    "Refused",
    "Response",
    "Room",
    "SlowUpload",
    "Status",
    "TooLarge",
    "Upload",
    "Violation",
]
