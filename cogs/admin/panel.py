"""The panel of `/admin` as a message of Components V2: a menu of pages, and the page that is open.

A custom id names a page or a rule and nothing else; the rules are in the database, so old panels work after a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import discord

from bot.policy import Feature, FeatureRule, Rules
from cogs.admin.numbers import number_lines, number_summary
from cogs.admin.shown_rules import change_line, report_line, rule_line
from cogs.ui.components import button
from cogs.ui.text import clip, escaped

if TYPE_CHECKING:
    from bot.domain.reports import Report
    from bot.domain.setting_changes import SettingChange
    from bot.storage.server_rules import ServerRules

HOME: Final = "home"
PEOPLE: Final = "people"
QUOTAS: Final = "quotas"
WORDS: Final = "words"
LIMITS: Final = "limits"
LOG: Final = "log"
REPORTS: Final = "reports"
CHANGES: Final = "changes"
PAGES: Final = {
    HOME: "Overview",
    **{feature.value: feature.label for feature in Feature},
    QUOTAS: "Quotas",
    LIMITS: "Limits",
    PEOPLE: "Blocked people",
    WORDS: "Blocked words",
    LOG: "Log channel",
    REPORTS: "Reports",
    CHANGES: "Last changes",
}
_FEATURE: Final = f"(?P<feature>{'|'.join(Feature)})"
OPEN_PAGE: Final = r"chorus:admin:page"
SWITCH: Final = f"chorus:admin:switch:{_FEATURE}"
CHOOSE: Final = f"chorus:admin:(?P<what>roles|users|channels):{_FEATURE}"
CHANGE_NUMBERS: Final = r"chorus:admin:numbers:(?P<page>quotas|limits)"
NUMBERS_FORM: Final = r"chorus:admin:form:(?P<page>quotas|limits)"
CHANGE_WORDS: Final = r"chorus:admin:words"
WORDS_FORM: Final = r"chorus:admin:form:words"
BLOCK: Final = r"chorus:admin:block"
CHOOSE_LOG: Final = r"chorus:admin:log"

CHANGES_SHOWN: Final = 12
MOST_CHOSEN: Final = 25
"""Values of a select menu (Discord documentation, components/reference)."""
NUMBERS: Final = {
    QUOTAS: "Of the last 24 hours. What fails or is cancelled does not count; GPU seconds are learned from before.",
    LIMITS: "For everybody here. What a workflow has of its own is allowed, however large.",
}
_COLOUR: Final = discord.Colour(0x5B7FB5)
_TEXT_CHARS: Final = 3500
_PLACES: Final = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.voice,
    discord.ChannelType.public_thread,
    discord.ChannelType.private_thread,
]

Row = discord.ui.ActionRow[Any]


@dataclass(frozen=True, kw_only=True)
class PanelContent:
    """What a panel shows.

    Attributes:
        guild_id: The server.
        rules: Its rules.
        known_ids: Of its roles and channels: Discord takes no others as chosen.
        changes: The newest ones, newest first.
        reports: The newest ones, newest first.

    """

    guild_id: int
    rules: ServerRules
    known_ids: frozenset[int]
    changes: Sequence[SettingChange]
    reports: Sequence[Report]


def panel_view(content: PanelContent, page: str) -> discord.ui.LayoutView:
    """The panel with a page open, already stopped, so that discord.py keeps nothing of it."""
    container: discord.ui.Container[Any] = discord.ui.Container(accent_colour=_COLOUR)
    container.add_item(discord.ui.TextDisplay(clip(_text(content, page), _TEXT_CHARS)))
    for row in _rows(content, page):
        container.add_item(row)
    options = [discord.SelectOption(label=label, value=key, default=key == page) for key, label in PAGES.items()]
    menu: discord.ui.Select[Any] = discord.ui.Select(
        custom_id=OPEN_PAGE, options=options, placeholder="What to look at"
    )
    container.add_item(discord.ui.ActionRow(menu))
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(container)
    view.stop()
    return view


def _text(content: PanelContent, page: str) -> str:
    rules = content.rules.rules_of(content.guild_id)
    if page in set(Feature):
        text = _about(Feature(page), rules.rule(Feature(page)))
    elif page in NUMBERS:
        lines = number_lines(rules.quotas if page == QUOTAS else rules.limits)
        text = "\n".join([*lines, f"-# {NUMBERS[page]}"])
    elif page == WORDS:
        listed = ", ".join(f"||{escaped(word)}||" for word in rules.blocked_words) or "No words are blocked."
        text = f"They may not stand in prompts, however they are written.\n{listed}"
    elif page == PEOPLE:
        people = " ".join(f"<@{user_id}>" for user_id in reversed(rules.blocked_user_ids)) or "Nobody is blocked."
        text = f"The bot does not serve them here. Choose people to block them, or to let them in again.\n{people}"
    elif page == LOG:
        text = "What people who manage this server should know goes to this channel."
    elif page == REPORTS:
        text = "\n".join(report_line(report) for report in content.reports) or "Nothing was reported yet."
    elif page == CHANGES:
        text = "\n".join(change_line(change) for change in content.changes) or "Nothing was changed yet."
    else:
        text = _overview(content, rules)
    return f"## {PAGES[page]}\n{text}"


def _overview(content: PanelContent, rules: Rules) -> str:
    log_channel = content.rules.log_channel_id(content.guild_id)
    return "\n".join(
        [
            *(rule_line(feature, rules.rule(feature)) for feature in Feature),
            f"Quotas: {number_summary(rules.quotas)}",
            f"Limits: {number_summary(rules.limits)}",
            f"Blocked words: {len(rules.blocked_words) or 'none'}",
            f"Blocked people: {len(rules.blocked_user_ids) or 'nobody'}",
            f"Log channel: {f'<#{log_channel}>' if log_channel else 'none'}",
            "-# People with Manage Server may use what is open to some roles, people or channels only.",
        ]
    )


def _about(feature: Feature, rule: FeatureRule) -> str:
    lines = [rule_line(feature, rule)]
    if feature in {Feature.UPLOAD, Feature.FILES}:
        lines.append("It needs Manage Server; roles and people chosen here may do it too.")
    else:
        lines.append("Without roles and people chosen it is open to everybody, without channels everywhere.")
    return "\n".join(lines)


def _rows(content: PanelContent, page: str) -> Iterable[Row]:
    if page == PEOPLE:
        yield _row(discord.ui.UserSelect(custom_id=BLOCK, placeholder="Block, or let in again", max_values=MOST_CHOSEN))
    elif page == LOG:
        chosen = content.rules.log_channel_id(content.guild_id)
        yield _row(
            discord.ui.ChannelSelect(
                custom_id=CHOOSE_LOG,
                channel_types=[discord.ChannelType.text],
                placeholder="Log channel",
                min_values=0,
                default_values=_channels([chosen] if chosen in content.known_ids else []),
            )
        )
    elif page == WORDS:
        yield _row(button(CHANGE_WORDS, "Change", style=discord.ButtonStyle.primary))
    elif page in NUMBERS:
        yield _row(button(f"chorus:admin:numbers:{page}", "Change", style=discord.ButtonStyle.primary))
    elif page in set(Feature):
        yield from _feature_rows(content, Feature(page))


def _feature_rows(content: PanelContent, feature: Feature) -> Iterable[Row]:
    rule = content.rules.rule(content.guild_id, feature)
    many: dict[str, Any] = {"min_values": 0, "max_values": MOST_CHOSEN}
    roles = [discord.Object(role_id, type=discord.Role) for role_id in rule.role_ids if role_id in content.known_ids]
    users = [discord.Object(user_id, type=discord.Member) for user_id in rule.user_ids]
    channels = _channels([channel_id for channel_id in rule.channel_ids if channel_id in content.known_ids])
    name = f"chorus:admin:{{}}:{feature}"
    yield _row(discord.ui.RoleSelect(custom_id=name.format("roles"), placeholder="Roles", default_values=roles, **many))
    yield _row(
        discord.ui.UserSelect(custom_id=name.format("users"), placeholder="People", default_values=users, **many)
    )
    yield _row(
        discord.ui.ChannelSelect(
            custom_id=name.format("channels"),
            channel_types=_PLACES,
            placeholder="Channels",
            default_values=channels,
            **many,
        )
    )
    label, style = (
        ("Switch off", discord.ButtonStyle.danger) if rule.enabled else ("Switch on", discord.ButtonStyle.success)
    )
    yield _row(button(name.format("switch"), label, style=style))


def _channels(ids: Iterable[int | None]) -> list[discord.Object]:
    return [discord.Object(each, type=discord.abc.GuildChannel) for each in ids if each is not None]


def _row(item: discord.ui.Item[Any]) -> Row:
    return discord.ui.ActionRow(item)
