"""What can be wrong with a media file, or with the tool that converts it.

::

    InputInvalid
    `-- BadMedia                the bytes are not what they should be
        `-- UnsupportedMedia    a sound file of a kind we cannot open (EXR, HDR, SVG ...): keep and post it as it is
    ChorusError
    `-- EncoderFailed           ffmpeg did not do it
        |-- EncoderMissing      there is no ffmpeg to run
        `-- EncoderTimeout      it took longer than its limit and was killed

The messages are fit for the person who asked; ffmpeg's own words are in `detail`, for the log alone.
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


class EncoderFailed(ChorusError):
    """ffmpeg ended with an error; `detail` is the end of what it said (it may name paths: log it, never show it)."""

    default = "The file could not be converted."

    def __init__(self, message: str | None = None, *, advice: str | None = None, detail: str = "") -> None:
        super().__init__(message, advice=advice)
        self.detail = detail


class EncoderMissing(EncoderFailed):
    """No ffmpeg: the configured one does not exist, or the installation is incomplete."""

    default = "The program that converts sound and video is missing."
    default_advice = "The owner should reinstall Chorus, or set `voice.ffmpeg` to an ffmpeg."


class EncoderTimeout(EncoderFailed):
    """The conversion took longer than its limit and was stopped."""

    default = "Converting the file took too long."
    default_advice = "Try something shorter."
