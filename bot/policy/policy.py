"""The questions that the rest of the bot asks, and their answers: allowed, or a refusal."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal

from bot.domain.channels import Channel
from bot.errors import NotAllowed
from bot.policy.access import Feature, RuleSet
from bot.policy.actor import Actor, Permission, SeesChannel
from bot.policy.rule_questions import RuleQuestions


class Policy(RuleQuestions):
    """The rules.

    Args:
        guild_ids: The servers that the bot serves; empty: all (`discord.guild_ids`).
        allow_dms: Whether it works in direct messages (`discord.allow_dms`).
        derive_by: Who may ask for a derived job: anyone who may write there, or only the person who asked for the
            first job (`regenerate.by`).
        rules_of: The rules for features that hold in a server; None: in direct messages.

    """

    def __init__(
        self,
        *,
        guild_ids: Collection[int] = (),
        allow_dms: bool = False,
        derive_by: Literal["anyone", "requester"] = "anyone",
        rules_of: Callable[[int | None], RuleSet] = lambda _: RuleSet(),
    ) -> None:
        super().__init__(rules_of)
        self._guild_ids = frozenset(guild_ids)
        self._allow_dms = allow_dms
        self._derive_by = derive_by

    # -- where the bot works

    def serves(self, guild_id: int | None) -> bool:
        """The bot works in this server; None: in direct messages."""
        if guild_id is None:
            return self._allow_dms
        return not self._guild_ids or guild_id in self._guild_ids

    def require_served(self, channel: Channel) -> None:
        """The bot works in this server, or in direct messages.

        Raises:
            NotAllowed: It does not.

        """
        if self.serves(channel.guild_id):
            return
        if channel.is_direct:
            raise NotAllowed(
                "I do not work in direct messages.",
                advice="Use me in a server; the owner can turn on `discord.allow_dms`.",
            )
        raise NotAllowed(
            "I do not serve this server.", advice="The owner can add the server's id to `discord.guild_ids`."
        )

    def require_bot_can_post(self, actor: Actor) -> None:
        """The bot works here and may see the channel, send messages and attach files.

        Raises:
            NotAllowed: It names the permissions that the bot lacks.

        """
        self.require_served(actor.channel)
        missing = self._missing_to_post(actor)
        if missing:
            listed = ", ".join(permission.label for permission in missing)
            raise NotAllowed(
                f"I may not post a result in this channel: I am missing {listed}.",
                advice=f"Somebody who manages this server can give me {listed} in this channel's settings.",
            )

    @staticmethod
    def _missing_to_post(actor: Actor) -> list[Permission]:
        if actor.channel.is_direct:
            return []
        # In a thread sending is a permission of its own.
        send = Permission.SEND_MESSAGES_IN_THREADS if actor.channel.is_thread else Permission.SEND_MESSAGES
        needed = (Permission.VIEW_CHANNEL, send, Permission.ATTACH_FILES)
        return [permission for permission in needed if permission not in actor.bot_permissions]

    def require_may_ask(self, actor: Actor) -> None:
        """The person may have the bot post here: both may write, and the bot may attach files.

        What the bot attaches is made by it, so the person needs no Attach Files.

        Raises:
            NotAllowed: The person may not write here, or the bot may not post.

        """
        self.require_bot_can_post(actor)
        self.require_may_write(actor)

    def require_may_administer(self, actor: Actor) -> None:
        """The person may see and change the rules of the server: with Manage Server.

        Raises:
            NotAllowed: They may not, or this is no server.

        """
        self.require_served(actor.channel)
        if actor.channel.is_direct:
            raise NotAllowed("Rules belong to a server.", advice="Use the command in a server.")
        if Permission.MANAGE_GUILD not in actor.guild_permissions:
            raise NotAllowed("That needs Manage Server.", advice="Ask somebody who has Manage Server here.")

    # -- what a person may do

    def require_permission(self, actor: Actor, permission: Permission) -> None:
        """The person has a permission of Discord here.

        Raises:
            NotAllowed: It names the permission.

        """
        if not actor.channel.is_direct and permission not in actor.permissions:
            raise NotAllowed(f"That needs {permission.label}.", advice=f"Ask somebody who has {permission.label} here.")

    def may_write(self, actor: Actor) -> bool:
        """The person may see the channel and send messages there."""
        if actor.channel.is_direct:
            return True
        send = Permission.SEND_MESSAGES_IN_THREADS if actor.channel.is_thread else Permission.SEND_MESSAGES
        return actor.permissions >= {Permission.VIEW_CHANNEL, send}

    def require_may_write(self, actor: Actor) -> None:
        """The bot works here, and the person may see the channel and send messages there.

        Raises:
            NotAllowed: It does not, or they may not.

        """
        self.require_served(actor.channel)
        if not self.may_write(actor):
            raise NotAllowed("Only people who may write here can do that.", advice="Ask somebody who may.")

    def require_may_derive(self, actor: Actor, requester_id: int | None) -> None:
        """The person may ask for a derived job, another answer, or speech of a message.

        Args:
            actor: The person.
            requester_id: Who asked for the first job, or whom the turn answers.

        Raises:
            NotAllowed: The person may not write here, or somebody else asked first (`regenerate.by: requester`).

        """
        self.require_may_write(actor)
        if self._derive_by == "requester" and actor.user_id != requester_id:
            raise NotAllowed(
                "Only the person who asked first can do that here.", advice="Ask for one of your own with `/imagine`."
            )

    def may_control(self, actor: Actor, requester_id: int | None) -> bool:
        """The person may cancel a job or delete its result: their own, or with Manage Messages everybody's."""
        if actor.user_id == requester_id:
            return True
        return not actor.channel.is_direct and Permission.MANAGE_MESSAGES in actor.permissions

    def require_control(self, actor: Actor, requester_id: int | None) -> None:
        """As `may_control`.

        Raises:
            NotAllowed: The job is somebody else's.

        """
        if not self.may_control(actor, requester_id):
            raise NotAllowed(
                "Only the person who asked, or somebody who manages messages here, can do that.",
                advice="Ask that person, or a moderator with Manage Messages.",
            )

    @staticmethod
    def require_requester(actor: Actor, requester_id: int) -> None:
        """The person is the one who asked.

        Raises:
            NotAllowed: Somebody else did.

        """
        if actor.user_id != requester_id:
            raise NotAllowed("Only the person who asked can do that.", advice="Ask for one of your own.")

    def may_change_reserved_settings(self, actor: Actor) -> bool:
        """The person may choose files and write texts in any node of a workflow.

        That needs Manage Server, or a rule of the server that names the person or a role of theirs.
        """
        return self.may_use_reserved(actor, Feature.FILES)

    def require_may_change_reserved_settings(self, actor: Actor, name: str) -> None:
        """As `may_change_reserved_settings`.

        Args:
            actor: The person.
            name: The setting, for the error.

        Raises:
            NotAllowed: They may not.

        """
        if not self.may_change_reserved_settings(actor):
            raise NotAllowed(
                f"`{name[:60]}` may be changed by people with Manage Server only.",
                advice="The owner can open it for everybody with `expose` in the workflow's bindings file.",
            )

    def may_change_preset(self, actor: Actor, author_id: int) -> bool:
        """The person may replace or delete a preset: their own, or with Manage Server everybody's."""
        manages = not actor.channel.is_direct and Permission.MANAGE_GUILD in actor.guild_permissions
        return actor.user_id == author_id or manages

    def require_may_change_preset(self, actor: Actor, author_id: int) -> None:
        """As `may_change_preset`.

        Raises:
            NotAllowed: They may not.

        """
        if not self.may_change_preset(actor, author_id):
            raise NotAllowed(
                "Only the person who saved that preset, or somebody with Manage Server, can change it.",
                advice="Save yours under another name.",
            )

    def require_own_panel(self, actor: Actor, owner_id: int) -> None:
        """The person uses the configuration panel that was opened for them.

        Raises:
            NotAllowed: It is somebody else's.

        """
        if actor.user_id != owner_id:
            raise NotAllowed("That panel is somebody else's.", advice="Open your own with `/configure`.")

    def require_may_view_workflows(self, actor: Actor) -> None:
        """The person may look at the workflows here, and take their files: everybody who sees the channel.

        Raises:
            NotAllowed: The bot does not work here, or the person does not see the channel.

        """
        self.require_served(actor.channel)
        if not actor.channel.is_direct and Permission.VIEW_CHANNEL not in actor.permissions:
            raise NotAllowed("Only people who see this channel can do that.", advice="Ask somebody who does.")

    def require_may_change_workflows(self, actor: Actor) -> None:
        """The person may bring workflows into the server and change them.

        That needs Manage Server, or a rule of the server that names the person or a role of theirs.

        Raises:
            NotAllowed: They may not, or this is no server.

        """
        self.require_served(actor.channel)
        if actor.channel.is_direct:
            raise NotAllowed("Workflows belong to a server.", advice="Use the command in a server.")
        if self.may_use_reserved(actor, Feature.UPLOAD):
            return
        self.require_may_use(actor.user_id, actor.channel, Feature.UPLOAD)
        raise NotAllowed("That needs Manage Server.", advice="Ask somebody who has Manage Server here.")

    # -- adults only

    @staticmethod
    def suits(channel: Channel, *, adults_only: bool) -> bool:
        """Something for adults may be shown: in age-restricted channels and direct messages."""
        return not adults_only or channel.is_direct or channel.age_restricted

    def require_suitable(self, channel: Channel, character_name: str, *, adults_only: bool) -> None:
        """A character for adults appears in age-restricted channels and direct messages only.

        Raises:
            NotAllowed: This channel is neither.

        """
        if not self.suits(channel, adults_only=adults_only):
            raise NotAllowed(
                f"{character_name} appears in age-restricted channels only.",
                advice="Choose another character, or ask somebody to mark this channel as age-restricted.",
            )

    # -- what a person may see

    def is_moderator(self, actor: Actor) -> bool:
        """Manage Messages in the whole server; an exception for one channel does not open the others."""
        return Permission.MANAGE_MESSAGES in actor.guild_permissions

    def may_reach_result(self, actor: Actor, origin: Channel, *, sees_channel: SeesChannel) -> bool:
        """The person may ask something about a result from here: cancel it, delete it, read its error.

        Results are reached from where they were posted; by moderators also from other channels of the server, if they
        see the channel. One that is not known (a deleted channel, an archived thread) is seen by nobody.

        Args:
            actor: The person.
            origin: Where the result was posted.
            sees_channel: Whether the person may view a channel of this server.

        """
        if origin.guild_id != actor.channel.guild_id:
            return False
        if origin.channel_id == actor.channel.channel_id:
            return True
        return self.is_moderator(actor) and sees_channel(origin.channel_id)

    def may_view_result(self, actor: Actor, origin: Channel, *, sees_channel: SeesChannel) -> bool:
        """A result may be named, shown or repeated to the person here: reached, and not for adults only elsewhere."""
        suits = self.suits(actor.channel, adults_only=origin.age_restricted)
        return suits and self.may_reach_result(actor, origin, sees_channel=sees_channel)

    def may_read_message(
        self,
        actor: Actor,
        place: Channel,
        permissions: Collection[Permission],
        *,
        is_private: bool = False,
        is_member: bool = False,
    ) -> bool:
        """A message that was written elsewhere in the server may be used here: the person can read it there.

        Args:
            actor: The person, and where they are.
            place: Where the message is.
            permissions: Of the person there; of a thread, those in its channel.
            is_private: It is a private thread.
            is_member: The person is known to be in the thread.

        """
        if place.guild_id != actor.channel.guild_id or not self.suits(actor.channel, adults_only=place.age_restricted):
            return False
        reads = Permission.READ_MESSAGE_HISTORY in permissions
        return reads and self.sees_thread(permissions, is_private=is_private, is_member=is_member)

    @staticmethod
    def sees_thread(permissions: Collection[Permission], *, is_private: bool, is_member: bool) -> bool:
        """A person sees a thread: a private one only as its member or with Manage Threads.

        Args:
            permissions: Of the person in the thread's channel.
            is_private: It is a private thread.
            is_member: The person is known to be in it.

        """
        if Permission.VIEW_CHANNEL not in permissions:
            return False
        return not is_private or is_member or Permission.MANAGE_THREADS in permissions
