"""The one kind of view we send: purely dynamic, built fresh for each send, and never kept in memory."""

from __future__ import annotations

from typing import Any

import discord


class DynamicView(discord.ui.View):
    """A view of `DynamicItem`s only, already stopped, so that discord.py keeps nothing of it.

    discord.py 2.7.1 stores every unfinished view it sends; a stored one starts a timeout task where the message is
    ephemeral, and unregisters its dynamic items *for all messages* when it stops beside an ordinary button
    (`ViewStore.remove_view`). Our items are registered once, by class, at start (`Client.add_dynamic_items`), so a
    press finds them with no view in memory. A stopped view is sent like any other and not stored.
    """

    def __init__(self, *items: discord.ui.DynamicItem[Any]) -> None:
        super().__init__(timeout=None)
        for item in items:
            self.add_item(item)
        self.stop()
