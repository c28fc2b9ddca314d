"""Who may do what."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.channels import Channel
from bot.errors import NotAllowed
from bot.policy import Actor, Permission, Policy

ROOM = Channel(guild_id=1, channel_id=10)
OTHER_ROOM = Channel(guild_id=1, channel_id=11)
DISCORD_THREAD = Channel(guild_id=1, channel_id=12, parent_id=10)
ADULT_ROOM = Channel(guild_id=1, channel_id=13, age_restricted=True)
DIRECT = Channel(guild_id=None, channel_id=20)
OTHER_GUILD = Channel(guild_id=2, channel_id=30)
EVERYONE = frozenset({Permission.VIEW_CHANNEL, Permission.SEND_MESSAGES, Permission.ATTACH_FILES})
MODERATOR = EVERYONE | {Permission.MANAGE_MESSAGES}
ADA, BOB = 100, 200


def an_actor(
    channel: Channel = ROOM,
    *,
    user_id: int = ADA,
    permissions: frozenset[Permission] = EVERYONE,
    guild_permissions: frozenset[Permission] = EVERYONE,
    bot_permissions: frozenset[Permission] = EVERYONE,
) -> Actor:
    return Actor(
        user_id=user_id,
        name="Ada",
        channel=channel,
        permissions=permissions,
        guild_permissions=guild_permissions,
        bot_permissions=bot_permissions,
    )


def allowed(require: Callable[[], None]) -> bool:
    try:
        require()
    except NotAllowed:
        return False
    return True


@pytest.mark.parametrize(
    ("guild_ids", "allow_dms", "channel", "served"),
    [
        ((), False, ROOM, True),
        ((1,), False, ROOM, True),
        ((2,), False, ROOM, False),
        ((), False, DIRECT, False),
        ((), True, DIRECT, True),
        ((2,), True, DIRECT, True),
    ],
)
def test_where_the_bot_works(guild_ids: tuple[int, ...], allow_dms: bool, channel: Channel, served: bool) -> None:
    policy = Policy(guild_ids=guild_ids, allow_dms=allow_dms)
    assert policy.serves(channel.guild_id) is served
    assert allowed(lambda: policy.require_served(channel)) is served


@pytest.mark.parametrize(
    ("channel", "bot_permissions", "missing"),
    [
        (ROOM, EVERYONE - {Permission.SEND_MESSAGES}, "Send Messages"),
        (ROOM, EVERYONE - {Permission.VIEW_CHANNEL}, "View Channel"),
        (ROOM, EVERYONE - {Permission.ATTACH_FILES}, "Attach Files"),
        (DISCORD_THREAD, EVERYONE, "Send Messages in Threads"),
    ],
)
def test_what_the_bot_lacks_is_named(channel: Channel, bot_permissions: frozenset[Permission], missing: str) -> None:
    with pytest.raises(NotAllowed, match=f"I am missing {missing}\\.") as refusal:
        Policy().require_bot_can_post(an_actor(channel, bot_permissions=bot_permissions))
    assert missing in (refusal.value.advice or "")


def test_the_bot_needs_no_permissions_in_direct_messages() -> None:
    Policy(allow_dms=True).require_bot_can_post(an_actor(DIRECT, bot_permissions=frozenset()))


@pytest.mark.parametrize(
    ("channel", "permissions", "may"),
    [
        (ROOM, EVERYONE, True),
        (ROOM, EVERYONE - {Permission.SEND_MESSAGES}, False),
        (ROOM, EVERYONE - {Permission.VIEW_CHANNEL}, False),
        # Discord has one permission for channels and another for threads; neither gives the other.
        (DISCORD_THREAD, EVERYONE, False),
        (DISCORD_THREAD, frozenset({Permission.VIEW_CHANNEL, Permission.SEND_MESSAGES_IN_THREADS}), True),
        (DIRECT, frozenset[Permission](), True),
    ],
)
def test_who_may_write(channel: Channel, permissions: frozenset[Permission], may: bool) -> None:
    actor = an_actor(channel, permissions=permissions)
    policy = Policy(allow_dms=True)
    assert policy.may_write(actor) is may
    assert allowed(lambda: policy.require_may_derive(actor, None)) is may


def test_the_bot_posts_only_for_people_who_may_write_where_it_may_post() -> None:
    policy, silent = Policy(), EVERYONE - {Permission.SEND_MESSAGES}
    assert allowed(lambda: policy.require_may_ask(an_actor()))
    assert not allowed(lambda: policy.require_may_ask(an_actor(permissions=silent)))
    assert not allowed(lambda: policy.require_may_ask(an_actor(bot_permissions=silent)))
    assert not allowed(lambda: Policy(guild_ids=(2,)).require_may_ask(an_actor()))
    # What is attached is the bot's own.
    assert allowed(lambda: policy.require_may_ask(an_actor(permissions=EVERYONE - {Permission.ATTACH_FILES})))


@pytest.mark.parametrize(
    ("permissions", "is_private", "is_member", "sees"),
    [
        (EVERYONE, False, False, True),
        (frozenset[Permission](), False, True, False),
        (MODERATOR, True, False, False),
        (EVERYONE, True, True, True),
        (EVERYONE | {Permission.MANAGE_THREADS}, True, False, True),
        (frozenset({Permission.MANAGE_THREADS}), True, False, False),
    ],
)
def test_who_sees_a_thread(permissions: frozenset[Permission], is_private: bool, is_member: bool, sees: bool) -> None:
    assert Policy.sees_thread(permissions, is_private=is_private, is_member=is_member) is sees


@pytest.mark.parametrize(("by", "requester_id", "may"), [("anyone", BOB, True), ("requester", BOB, False)])
def test_who_may_derive(by: str, requester_id: int, may: bool) -> None:
    policy = Policy(derive_by="requester" if by == "requester" else "anyone")
    assert allowed(lambda: policy.require_may_derive(an_actor(), requester_id)) is may
    assert allowed(lambda: policy.require_may_derive(an_actor(), ADA))


@pytest.mark.parametrize(
    ("channel", "permissions", "requester_id", "may"),
    [
        (ROOM, EVERYONE, ADA, True),
        (ROOM, EVERYONE, BOB, False),
        (ROOM, EVERYONE, None, False),
        (ROOM, MODERATOR, BOB, True),
        (DIRECT, MODERATOR, BOB, False),
    ],
)
def test_who_may_cancel_and_delete(
    channel: Channel, permissions: frozenset[Permission], requester_id: int | None, may: bool
) -> None:
    actor = an_actor(channel, permissions=permissions)
    assert Policy().may_control(actor, requester_id) is may
    assert allowed(lambda: Policy().require_control(actor, requester_id)) is may


def test_a_permission_of_discord_is_asked_for_by_its_name() -> None:
    with pytest.raises(NotAllowed, match="Manage Server"):
        Policy().require_permission(an_actor(), Permission.MANAGE_GUILD)
    Policy().require_permission(an_actor(DIRECT, permissions=frozenset()), Permission.MANAGE_GUILD)


@pytest.mark.parametrize(("channel", "suits"), [(ROOM, False), (ADULT_ROOM, True), (DIRECT, True)])
def test_where_characters_for_adults_appear(channel: Channel, suits: bool) -> None:
    assert Policy().suits(channel, adults_only=True) is suits
    assert allowed(lambda: Policy().require_suitable(channel, "Nova", adults_only=True)) is suits
    assert Policy().suits(channel, adults_only=False)


@pytest.mark.parametrize(
    ("origin", "guild_permissions", "sees", "may"),
    [
        (ROOM, EVERYONE, True, True),
        (OTHER_ROOM, EVERYONE, True, False),
        (OTHER_ROOM, MODERATOR, True, True),
        (OTHER_ROOM, MODERATOR, False, False),
        (OTHER_GUILD, MODERATOR, True, False),
        (DIRECT, MODERATOR, True, False),
        (ADULT_ROOM, MODERATOR, True, False),
    ],
)
def test_which_results_may_be_seen(
    origin: Channel, guild_permissions: frozenset[Permission], sees: bool, may: bool
) -> None:
    actor = an_actor(guild_permissions=guild_permissions)
    assert Policy().may_view_result(actor, origin, sees_channel=lambda _: sees) is may
    # What was made for adults can be cancelled and deleted where the channel is open to all now.
    reaches = Policy().may_reach_result(actor, origin, sees_channel=lambda _: sees)
    assert reaches is (may or origin.age_restricted)


CHANNELS = st.builds(
    Channel,
    guild_id=st.sampled_from([None, 1, 2]),
    channel_id=st.integers(1, 4),
    parent_id=st.sampled_from([None, 1, 2]),
    age_restricted=st.booleans(),
)
PERMISSIONS = st.frozensets(st.sampled_from(Permission))


@given(CHANNELS, CHANNELS, PERMISSIONS, PERMISSIONS, st.booleans())
def test_no_result_leaves_its_server_or_the_adults_channel(
    here: Channel, origin: Channel, permissions: frozenset[Permission], in_guild: frozenset[Permission], sees: bool
) -> None:
    actor = an_actor(here, permissions=permissions, guild_permissions=in_guild)
    if Policy().may_view_result(actor, origin, sees_channel=lambda _: sees):
        assert here.guild_id == origin.guild_id
        assert not origin.age_restricted or here.age_restricted or here.is_direct
        assert here.channel_id == origin.channel_id or sees


def test_presets_are_changed_by_their_author_and_with_manage_server() -> None:
    manager = an_actor(user_id=3, guild_permissions=frozenset({Permission.MANAGE_GUILD}))
    policy = Policy()
    assert [policy.may_change_preset(each, 1) for each in (an_actor(user_id=1), an_actor(user_id=2), manager)] == [
        True, False, True
    ]  # fmt: skip
    with pytest.raises(NotAllowed):
        policy.require_may_change_preset(an_actor(user_id=2), 1)


def test_a_panel_is_used_by_the_person_who_opened_it() -> None:
    Policy().require_own_panel(an_actor(user_id=1), 1)
    with pytest.raises(NotAllowed):
        Policy().require_own_panel(an_actor(user_id=2), 1)
