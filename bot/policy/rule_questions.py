"""Questions whose answers the owner and the servers have set: features, quotas, limits, blocked people and words."""

from __future__ import annotations

from collections.abc import Callable

from bot.domain.channels import Channel
from bot.domain.jobs import GenerationRequest
from bot.errors import NotAllowed
from bot.policy.access import Feature, RuleSet, features_of, words_of
from bot.policy.actor import Actor
from bot.policy.blocked_words import find_blocked
from bot.policy.limits import SizeLimits
from bot.policy.members import KnownMembers, member_of
from bot.policy.quotas import Demand, cooldowns_for, limits_for


class RuleQuestions:
    """The part of `Policy` that asks those rules.

    Args:
        rules_of: The rules that hold in a server; None: in direct messages.

    Attributes:
        members: The roles of people, for what is made for somebody who did not press for it just now.

    """

    def __init__(self, rules_of: Callable[[int | None], RuleSet]) -> None:
        self.members = KnownMembers()
        self._rules_of = rules_of

    def require_may_use(self, user_id: int, channel: Channel, *features: Feature) -> None:
        """The person may use the features there, by the rules of the owner and of the server.

        Args:
            user_id: Of somebody whom `members` knows; 0: the owner, who may do everything.
            channel: Where.
            features: All that is needed.

        Raises:
            NotAllowed: It names the rule.

        """
        if not user_id:
            return
        rules, member = self._rules_of(channel.guild_id), self.members.get(channel.guild_id, user_id)
        for feature in features:
            if (refusal := rules.refusal(feature, member, channel)) is not None:
                raise refusal

    def require_may_make(self, request: GenerationRequest) -> None:
        """The requester may use what the request needs, where its result goes, and its words are not blocked.

        Every way to a job asks this.

        Raises:
            NotAllowed: It names the rule.

        """
        origin = request.origin
        if origin.channel_id is None:  # of a terminal command
            return
        channel = Channel(guild_id=origin.guild_id, channel_id=origin.channel_id, parent_id=origin.parent_channel_id)
        self.require_may_use(request.requester_id, channel, *features_of(request))
        self.require_clean(request)

    def require_clean(self, request: GenerationRequest, *texts: str) -> None:
        """Nothing that people or the language model wrote for a picture or a speech is on the server's block list.

        What is to be kept out of a picture (the negative prompt) is not looked at, nor what a workflow or a character
        has of its own.

        Args:
            request: Whose server's list counts.
            texts: What is looked at; none: everything in the request.

        Raises:
            NotAllowed: Something is; the word is told to the person alone.

        """
        entries = self._rules_of(request.origin.guild_id).server.blocked_words
        for text in texts or words_of(request) if entries else ():
            if (found := find_blocked(entries, text)) is not None:
                raise NotAllowed(
                    "Words in that are on the block list of this server.",
                    advice=f"Leave out: {found}. Rule: block list, until somebody who manages this server changes it.",
                )

    def demand(self, request: GenerationRequest, *, pieces: int, seconds: float) -> Demand | None:
        """What a request, or a batch of such requests, needs of the quotas that hold for it; None: nothing.

        Args:
            request: The request, or one of the batch.
            pieces: How many pictures, films or speeches.
            seconds: Of a GPU, as far as that is known.

        """
        origin, person = request.origin, request.requester_id
        if origin.channel_id is None:  # of a terminal command, which is the owner's
            return None
        rules = self._rules_of(origin.guild_id)
        host, server = rules.host.quotas, rules.server.quotas
        in_talk = request.message_id is not None
        return Demand(
            pieces=pieces,
            seconds=seconds,
            limits=limits_for(person, origin.guild_id, host=host, server=server),
            cooldowns=[] if in_talk else cooldowns_for(person, origin.guild_id, host=host, server=server),
        )

    def size_limits(self, request: GenerationRequest) -> SizeLimits:
        """The limits that the server of a request has set; those of the owner hold beside them."""
        return self._rules_of(request.origin.guild_id).server.limits

    def require_not_blocked(self, actor: Actor) -> None:
        """Neither the owner nor the server has blocked the person.

        Raises:
            NotAllowed: It says who did.

        """
        if (refusal := self._rules_of(actor.channel.guild_id).block(member_of(actor))) is not None:
            raise refusal

    def may_use_reserved(self, actor: Actor, feature: Feature) -> bool:
        """With Manage Server, or because the server's rule names the person or a role of theirs."""
        if actor.channel.is_direct:
            return False
        rules, member = self._rules_of(actor.channel.guild_id), member_of(actor)
        if member.manages_guild:
            return rules.refusal(feature, member, actor.channel) is None
        return rules.grants(feature, member, actor.channel)
