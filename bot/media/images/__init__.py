"""Images: opening them safely, thumbnails, contact sheets, shrinking to a size limit, removing metadata.

All functions block (decoding, files): call them through `asyncio.to_thread`. `max_pixels` is the largest width times
height that is decoded; larger images raise `TooManyPixels`.
"""

from __future__ import annotations

from bot.media.images.contact_sheet import contact_sheet
from bot.media.images.input_picture import InputPicture, prepare_input_picture
from bot.media.images.labelled_sheet import SheetCell, labelled_sheet
from bot.media.images.metadata_stripping import strip_metadata
from bot.media.images.opening import ImageInfo, inspect_image
from bot.media.images.shrinking import ShrunkImage, shrink_image
from bot.media.images.thumbnails import make_thumbnail

__all__ = [
    "ImageInfo",
    "InputPicture",
    "SheetCell",
    "ShrunkImage",
    "contact_sheet",
    "inspect_image",
    "labelled_sheet",
    "make_thumbnail",
    "prepare_input_picture",
    "shrink_image",
    "strip_metadata",
]
