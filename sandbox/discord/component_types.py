"""Component types and their limits (components/reference)."""

from __future__ import annotations

ROW, BUTTON, STRING_SELECT, TEXT_INPUT, SECTION, TEXT_DISPLAY, THUMBNAIL = 1, 2, 3, 4, 9, 10, 11
"""Component types."""


GALLERY, FILE, SEPARATOR, CONTAINER, LABEL, FILE_UPLOAD = 12, 13, 14, 17, 18, 19


SELECTS = (3, 5, 6, 7, 8)
"""The types of select menus: string, user, role, mentionable, channel."""


V2_ONLY = (SECTION, TEXT_DISPLAY, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER)
"""Types that need the flag IS_COMPONENTS_V2."""


V2_TOP = (ROW, SECTION, TEXT_DISPLAY, GALLERY, FILE, SEPARATOR, CONTAINER)
"""Types that a message with IS_COMPONENTS_V2 may have at its top level."""


MAX_ROWS, MAX_V2, MAX_IN_ROW, MAX_CUSTOM_ID, MAX_LABEL, MAX_OPTIONS, MAX_V2_TEXT = 5, 40, 5, 100, 80, 25, 4000
"""Limits: rows, V2 components, components in a row; characters of a custom id and of a button label; options of a
string select; characters of all text displays together.
"""
