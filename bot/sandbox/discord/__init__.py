"""A local Discord for tests and for `chorus demo`: a sandbox on loopback that the real discord.py logs in to."""

from bot.sandbox.discord.answers import Answer, Choice, NoAnswerError, Response
from bot.sandbox.discord.core import Limits, Received, Violation
from bot.sandbox.discord.guilds import GuildPlace
from bot.sandbox.discord.options import NotOfferedError
from bot.sandbox.discord.people import NotAllowedError, Person
from bot.sandbox.discord.rooms import Room
from bot.sandbox.discord.server import SANDBOX_TOKEN, LocalDiscord
from bot.sandbox.discord.state import Attachment, Message, Pings
from bot.sandbox.discord.uploads import Upload
from bot.sandbox.discord.weather import (
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
