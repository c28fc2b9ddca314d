"""Pictures: what they are, thumbnails, fitting them to a size limit, their metadata, contact sheets.

All functions are synchronous and block (decoding, files): call them through `asyncio.to_thread`.
"""

from __future__ import annotations

from bot.media.images.contact_sheet import contact_sheet
from bot.media.images.fitting import FittedImage, fit_image
from bot.media.images.metadata import strip_metadata
from bot.media.images.reading import MAX_PIXELS, ImageInfo, inspect_image
from bot.media.images.thumbnails import make_thumbnail

__all__ = [
    "MAX_PIXELS",
    "FittedImage",
    "ImageInfo",
    "contact_sheet",
    "fit_image",
    "inspect_image",
    "make_thumbnail",
    "strip_metadata",
]
