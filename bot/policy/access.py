"""Who may use which feature where, as a server or the owner set it. Pure: decisions over values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from bot.domain.channels import Channel
from bot.domain.jobs import GenerationRequest, JobKind
from bot.domain.value import Value
from bot.errors import NotAllowed
from bot.policy.limits import SizeLimits
from bot.policy.quotas import Quotas


class Feature(StrEnum):
    """What can be opened to some people and channels only; the values are stored and stand in `config.yaml`."""

    DRAW = "draw"
    FILM = "film"
    VOICE = "voice"
    TALK = "talk"
    UPLOAD = "upload"
    """Workflows of the server: `/workflow`. Needs Manage Server unless a rule names roles or people."""
    BATCH = "batch"
    FILES = "files"
    """Files and texts in any node of a workflow. Needs Manage Server unless a rule names roles or people."""

    @property
    def label(self) -> str:
        """What people read."""
        return _LABELS[self]


_LABELS = {
    Feature.DRAW: "Pictures",
    Feature.FILM: "Films",
    Feature.VOICE: "Voice",
    Feature.TALK: "Talk",
    Feature.UPLOAD: "Workflows of the server",
    Feature.BATCH: "Batches",
    Feature.FILES: "Files and texts in any node",
}
_BY_KIND = {JobKind.IMAGE: Feature.DRAW, JobKind.VIDEO: Feature.FILM, JobKind.AUDIO: Feature.VOICE}


class FeatureRule(Value):
    """Who may use a feature, and where.

    Attributes:
        enabled: False: nobody may.
        role_ids: People with one of these roles may; with `user_ids` empty too: everybody.
        user_ids: These people may, whatever their roles.
        channel_ids: Only in these channels and their threads; empty: everywhere.

    """

    enabled: bool = True
    role_ids: tuple[int, ...] = ()
    user_ids: tuple[int, ...] = ()
    channel_ids: tuple[int, ...] = ()

    @property
    def names_people(self) -> bool:
        """It is open to some people only."""
        return bool(self.role_ids or self.user_ids)


class Rules(Value):
    """The rules of a server, or those of `config.yaml` for all servers.

    Attributes:
        features: Features with a rule; the others are open to everybody.
        blocked_user_ids: People whom the bot does not serve at all.
        quotas: How much may be made in 24 hours.
        limits: How large what is asked for may be.
        blocked_words: What may not stand in prompts, as `find_blocked` takes it.

    """

    features: Mapping[Feature, FeatureRule] = Field(default_factory=dict[Feature, FeatureRule])
    blocked_user_ids: tuple[int, ...] = ()
    quotas: Quotas = Quotas()
    limits: SizeLimits = SizeLimits()
    blocked_words: tuple[str, ...] = ()

    def rule(self, feature: Feature) -> FeatureRule:
        """The feature's rule; without one, everybody may."""
        return self.features.get(feature, _OPEN)


_OPEN = FeatureRule()
_NO_RULES = Rules()


@dataclass(frozen=True, kw_only=True)
class Member:
    """A person as the rules see them.

    Attributes:
        user_id: Discord user id; 0 for terminal commands, which are the owner's.
        role_ids: Their roles in the server.
        manages_guild: They have Manage Server there: they could change its rules, so its features are open to them.

    """

    user_id: int
    role_ids: frozenset[int] = frozenset()
    manages_guild: bool = False


@dataclass(frozen=True)
class RuleSet:
    """Rules that hold at the same time for a server.

    Attributes:
        host: Of `config.yaml`, for all servers.
        server: What people with Manage Server set there.

    """

    host: Rules = _NO_RULES
    server: Rules = _NO_RULES

    def refusal(self, feature: Feature, member: Member, channel: Channel) -> NotAllowed | None:
        """Why the person may not use the feature there; None: they may.

        The owner's rules hold for everybody; those of the server not for people with Manage Server, except that a
        feature that is switched off is off for them too.
        """
        if (blocked := self.block(member)) is not None:
            return blocked
        for rules, who in ((self.host, "The owner of this bot"), (self.server, "This server")):
            rule = rules.rule(feature)
            if not rule.enabled:
                return _refused(feature, f"{who} has switched off: {feature.label}.", "Ask for something else.")
            if rules is self.server and member.manages_guild:
                continue
            if rule.names_people and not _is_named(rule, member):
                roles = " ".join(f"<@&{role_id}>" for role_id in rule.role_ids[:10])
                asked = f"You need one of these roles: {roles}." if roles else "Ask somebody who manages this server."
                return _refused(feature, f"{who} has opened this to some people only: {feature.label}.", asked)
            if rule.channel_ids and not {channel.channel_id, channel.bound_id} & set(rule.channel_ids):
                places = " ".join(f"<#{channel_id}>" for channel_id in rule.channel_ids[:10])
                return _refused(feature, f"{who} has opened this in some channels only: {feature.label}.", places)
        return None

    def block(self, member: Member) -> NotAllowed | None:
        """The refusal of a person whom the owner or the server blocked; None: they are not blocked."""
        if member.user_id in self.host.blocked_user_ids:
            return NotAllowed(
                "The owner of this bot has blocked you.", advice="Rule: blocked people, until it is lifted."
            )
        if member.user_id in self.server.blocked_user_ids:
            return NotAllowed(
                "This server has blocked you here.",
                advice="Rule: blocked people, until somebody who manages this server lifts it.",
            )
        return None

    def grants(self, feature: Feature, member: Member, channel: Channel) -> bool:
        """The server's rule names the person, for features that otherwise need Manage Server."""
        return _is_named(self.server.rule(feature), member) and self.refusal(feature, member, channel) is None


def features_of(request: GenerationRequest) -> tuple[Feature, ...]:
    """What a person needs for a request."""
    of_kind = _BY_KIND[request.kind]
    return (of_kind, Feature.BATCH) if request.batch_id is not None else (of_kind,)


def words_of(request: GenerationRequest) -> list[str]:
    """What people wrote in a request, but for what is to be kept out of the picture."""
    settings = [str(value) for name, value in request.overrides.items() if not name.lower().startswith("negative")]
    return [request.positive, request.written_prompt or "", *request.text_parts, *settings]


def _is_named(rule: FeatureRule, member: Member) -> bool:
    return member.user_id in rule.user_ids or bool(member.role_ids & set(rule.role_ids))


def _refused(feature: Feature, sentence: str, advice: str) -> NotAllowed:
    return NotAllowed(sentence, advice=f"{advice} Rule: {feature.label}, until somebody changes it.")
