"""Files that people give for their jobs: checked by content, normalised, and kept in the data folder by their hash."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.domain.jobs import FileRole, InputFile
from bot.errors import ErrorCategory, GenerationFailed, InputInvalid
from bot.media.atomic_write import write_atomically
from bot.media.audio import probe_audio
from bot.media.errors import BadMedia
from bot.media.ffmpeg import Ffmpeg, input_file, output_file
from bot.media.images import prepare_input_picture
from bot.media.images.masks import changes_nothing, mask_file, read_mask, with_mask
from bot.media.images.opening import open_image
from bot.media.media_types import media_type_of_bytes
from bot.media.video import probe_video

FOLDER: Final = "inputs"
"""The folder of the files below the data folder."""
_PICTURES: Final[tuple[FileRole, ...]] = ("reference_image", "image2", "image3", "image4")


@dataclass(frozen=True, slots=True)
class InputLimits:
    """What is taken.

    Attributes:
        max_bytes: Larger files are refused.
        max_pixels: Pictures with more are refused.
        max_input_pixels: Pictures with more are made smaller.
        max_seconds: Longer films and sounds are cut.

    """

    max_bytes: int
    max_pixels: int
    max_input_pixels: int
    max_seconds: float


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a request. `note` tells the person what was changed."""

    file: InputFile
    note: str | None = None


class InputFiles:
    """Keeps files under `<data_dir>/inputs/<hash>`; the same content is kept once.

    Args:
        data_dir: The data folder.
        limits: What is taken.
        ffmpeg: For films and sounds.

    """

    def __init__(self, data_dir: Path, limits: InputLimits, *, ffmpeg: Ffmpeg) -> None:
        self.limits = limits
        self._folder = data_dir / FOLDER
        self._ffmpeg = ffmpeg

    def require_size(self, size: int) -> None:
        """Refuse a file before it is fetched.

        Raises:
            InputInvalid: It has more than `limits.max_bytes`.

        """
        if size > self.limits.max_bytes:
            raise InputInvalid(
                f"That file is larger than the {self.limits.max_bytes / 1e6:.0f} MB that are taken here.",
                advice="Attach a smaller one; the owner can raise `media.max_input_bytes`.",
            )

    async def keep(self, files: Sequence[bytes], *, last: bytes | None = None) -> list[KeptFile]:
        """Check and keep the files of a request, in order.

        Args:
            files: Their contents; what each is, is told by its bytes. The first picture is the one to start from.
            last: The picture that a film shall end with.

        Raises:
            InputInvalid: One cannot be used; the error says which and why.
            GenerationFailed: The disk is full.

        """
        types = [media_type_of_bytes(data[:64]) or "" for data in files]
        kinds = [media_type.partition("/")[0] for media_type in types]
        if kinds.count("video") > 1 or kinds.count("audio") > 1:
            raise InputInvalid("At most one film and one sound can be given.", advice="Leave the others out.")
        if sum(kind not in {"video", "audio"} for kind in kinds) > len(_PICTURES):
            raise InputInvalid(f"At most {len(_PICTURES)} pictures can be given.", advice="Leave the others out.")
        kept: list[KeptFile] = []
        pictures = list(_PICTURES)
        for data, media_type, kind in zip(files, types, kinds, strict=True):
            if kind == "video":
                kept.append(await self._film(data, media_type))
            elif kind == "audio":
                kept.append(await self._sound(data))
            else:
                kept.append(await self.keep_picture(data, pictures.pop(0)))
        if last is not None:
            kept.append(await self.keep_picture(last, "last_image"))
        return kept

    async def keep_made(self, data: bytes, role: FileRole) -> InputFile:
        """Keep a PNG that the bot has made itself, such as a mask.

        Raises:
            GenerationFailed: The disk is full.

        """
        return (await self._keep(data, ".png", role, None)).file

    async def keep_picture(self, data: bytes, role: FileRole) -> KeptFile:
        """Check and keep one picture.

        Args:
            data: Its content.
            role: What it is given as.

        Raises:
            InputInvalid: It cannot be used; the error says why.
            GenerationFailed: The disk is full.

        """
        self.require_size(len(data))
        try:
            with tempfile.NamedTemporaryFile(prefix="chorus-input-") as file:
                path = Path(file.name)
                await asyncio.to_thread(path.write_bytes, data)
                prepared = await asyncio.to_thread(
                    prepare_input_picture,
                    path,
                    max_pixels=self.limits.max_pixels,
                    max_input_pixels=self.limits.max_input_pixels,
                )
        except BadMedia as error:
            raise InputInvalid(error.message, advice="Attach a PNG, JPEG, WebP, GIF, AVIF or HEIC picture.") from error
        return await self._keep(prepared.data, ".png", role, prepared.note)

    async def with_mask(
        self, files: Sequence[InputFile], mask: bytes, *, as_transparency: bool
    ) -> tuple[InputFile, ...]:
        """Return kept files with a mask of their first picture, scaled to it.

        Args:
            files: As they were kept.
            mask: A picture: what is transparent in it, or if nothing is, what is white, is to be changed.
            as_transparency: The workflow takes it as the transparency of the picture, not as a file of its own.

        Raises:
            InputInvalid: There is no picture, or the mask cannot be used; the error says why.
            GenerationFailed: The disk is full.

        """
        self.require_size(len(mask))
        first = next((file for file in files if file.role == _PICTURES[0]), None)
        if first is None:
            raise InputInvalid("A mask needs a picture that it belongs to.", advice="Attach the picture as `image`.")
        try:
            made = await asyncio.to_thread(self._masked, Path(first.path), mask, as_transparency=as_transparency)
        except BadMedia as error:
            raise InputInvalid(
                f"The mask cannot be used. {error.message}",
                advice="Attach a PNG, JPEG, WebP, GIF, AVIF or HEIC picture.",
            ) from error
        if not as_transparency:
            return (*files, await self.keep_made(made, "mask"))
        marked = await self.keep_made(made, _PICTURES[0])
        return tuple(marked if file is first else file for file in files)

    def _masked(self, picture: Path, mask: bytes, *, as_transparency: bool) -> bytes:
        """The mask as a file, or the picture with it."""
        limit = self.limits.max_pixels
        with (
            tempfile.NamedTemporaryFile(prefix="chorus-input-") as file,
            open_image(picture, max_pixels=limit) as image,
        ):
            path = Path(file.name)
            path.write_bytes(mask)
            drawn = read_mask(path, image.size, max_pixels=limit)
            if changes_nothing(drawn):
                raise InputInvalid(
                    "The mask changes nothing: there is nothing white or transparent in it.",
                    advice="Draw what shall change in white, or erase it.",
                )
            return with_mask(image, drawn) if as_transparency else mask_file(drawn)

    async def _film(self, data: bytes, media_type: str) -> KeptFile:
        suffix = {"video/webm": ".webm", "video/x-msvideo": ".avi"}.get(media_type, ".mp4")
        streams = ["-map", "0:v:0", "-map", "0:a:0?", "-c", "copy"]
        return await self._cut(data, suffix, "film", streams)

    async def _sound(self, data: bytes) -> KeptFile:
        return await self._cut(data, ".flac", "sound", ["-map", "0:a:0", "-vn", "-c:a", "flac"])

    async def _cut(self, data: bytes, suffix: str, role: FileRole, streams: Sequence[str]) -> KeptFile:
        """Without metadata, and cut to `limits.max_seconds`."""
        self.require_size(len(data))
        limit = self.limits.max_seconds
        try:
            with tempfile.TemporaryDirectory(prefix="chorus-input-") as folder:
                source, target = Path(folder) / f"given{suffix}", Path(folder) / f"kept{suffix}"
                await asyncio.to_thread(source.write_bytes, data)
                seconds = await self._seconds(source, role)
                arguments = ["-v", "error", *input_file(source), *streams, "-t", f"{limit:g}", "-map_metadata", "-1"]
                await self._ffmpeg.run([*arguments, *output_file(target)])
                content = await asyncio.to_thread(target.read_bytes)
        except BadMedia as error:
            raise InputInvalid(f"That {role} cannot be played.", advice="Attach another file.") from error
        note = f"Of the {role}, the first {limit:g} s are used." if seconds > limit else None
        return await self._keep(content, suffix, role, note)

    async def _seconds(self, path: Path, role: FileRole) -> float:
        if role == "film":
            return (await probe_video(path, ffmpeg=self._ffmpeg)).duration_seconds
        return (await probe_audio(path, ffmpeg=self._ffmpeg)).duration_seconds

    async def _keep(self, data: bytes, suffix: str, role: FileRole, note: str | None) -> KeptFile:
        digest = hashlib.sha256(data).hexdigest()
        path = self._folder / f"{digest}{suffix}"
        try:
            if not await asyncio.to_thread(path.is_file):
                await asyncio.to_thread(write_atomically, path, data)
        except OSError as error:
            message = "The file cannot be kept: the disk is full or cannot be written."
            raise GenerationFailed(message, category=ErrorCategory.RESOURCE) from error
        return KeptFile(InputFile(role=role, path=str(path.absolute()), sha256=digest), note)
