"""Changes of the settings that people make in Discord, as they are recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.domain.value import Value


class SettingChange(Value):
    """A row of the table `setting_changes`.

    Attributes:
        key: Of the setting.
        before: Its value before; None: it had none.
        after: Its value since; None: it was cleared.
        changed_by: Discord user id.
        changed_at: When.

    """

    key: str
    before: Any
    after: Any
    changed_by: int | None
    changed_at: datetime
