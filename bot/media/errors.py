"""What can be wrong with a media file, or with ffmpeg, which converts it.

::

    InputInvalid
    `-- BadMedia                the file is not what it should be
        |-- UnsupportedMedia    an intact file of a kind that cannot be opened (EXR, HDR, SVG ...): post it unchanged
        `-- TooManyPixels       an image larger than `media.max_pixels` allows
    ChorusError
    `-- EncoderFailed           ffmpeg ended with an error
        |-- EncoderMissing      there is no ffmpeg to run
        `-- EncoderTimeout      it took longer than its limit and was killed

The messages are for the person who asked. What ffmpeg said is in `detail`, for the log alone.
"""

from __future__ import annotations

from bot.errors import ChorusError, InputInvalid


class BadMedia(InputInvalid):
    """The file is empty, cut off, too large to open, or not what its name says."""

    default = "That file is damaged, or is not what its name says."
    default_advice = "Open it on your own machine, save it again and try once more."


class UnsupportedMedia(BadMedia):
    """A known kind of file that cannot be opened here; it can still be kept and posted as it is."""

    default = "That kind of file cannot be opened here."
    default_advice = "Use PNG, JPEG or WebP."


class TooManyPixels(BadMedia):
    """Width times height of an image is above the limit, so it is not decoded (a decompression bomb, perhaps)."""

    def __init__(self, width: int | None = None, height: int | None = None) -> None:
        size = f" ({width} x {height})" if width and height else ""
        super().__init__(f"That picture is too large to open{size}.")


class EncoderFailed(ChorusError):
    """ffmpeg ended with an error. `detail` is the end of its output; it may name paths, so it must never be shown."""

    default = "The file could not be converted."

    def __init__(self, message: str | None = None, *, advice: str | None = None, detail: str = "") -> None:
        super().__init__(message, advice=advice)
        self.detail = detail


class EncoderMissing(EncoderFailed):
    """There is no ffmpeg: the configured one does not exist, or the installation is incomplete."""

    default = "The program that converts sound and video is missing."
    default_advice = "The owner should reinstall Chorus, or set `voice.ffmpeg` to an ffmpeg."


class EncoderTimeout(EncoderFailed):
    """The conversion took longer than its limit and was stopped."""

    default = "Converting the file took too long."
    default_advice = "Try something shorter."
