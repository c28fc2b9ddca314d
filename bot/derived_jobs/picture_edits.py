"""The files of a job that changes a part of an earlier job's picture: the picture or its canvas, and the mask."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from PIL import Image

from bot.derived_jobs.service import DerivedJobs
from bot.domain.jobs import InputFile, Job
from bot.errors import InputInvalid
from bot.generation.input_files import InputFiles
from bot.media.errors import BadMedia
from bot.media.images.canvas import Direction, grown_canvas, grown_size, margins
from bot.media.images.masks import mask_file, png_file, region_mask, with_mask
from bot.media.images.opening import open_image
from bot.workflows.media_assignment import FIRST_PICTURE, MASK, mask_is_transparency
from bot.workflows.workflow import INPAINT_WORKFLOW, OUTPAINT_WORKFLOW

PERCENTS: Final = (25, 50, 100)
"""How much of its own width or height a picture may grow at each side."""

_Edit = Callable[[Image.Image], tuple[Image.Image, Image.Image]]
"""Makes a picture and its mask of a job's picture."""


class PictureEdits:
    """Makes the files and keeps them with those that people give. Keeps no state.

    Args:
        derived: Finds the picture and the workflow.
        files: Where files are kept.
        largest_canvas: Width times height of the largest canvas.

    """

    def __init__(self, derived: DerivedJobs, files: InputFiles, *, largest_canvas: int) -> None:
        self._derived = derived
        self._files = files
        self._largest_canvas = largest_canvas

    async def region(self, job: Job, n: int, grid: int, cells: Collection[int]) -> tuple[InputFile, ...]:
        """Return the files of the `inpaint` workflow for some cells of picture `n`.

        Args:
            job: Its pictures.
            n: Which one.
            grid: How many cells stand beside each other, and below each other.
            cells: The cells to change, from 0 in reading order.

        Raises:
            ChorusError: The picture or the workflow is gone, or the disk is full.

        """
        return await self._edited(job, n, INPAINT_WORKFLOW, lambda picture: _region(picture, grid, cells))

    async def wider(self, job: Job, n: int, direction: Direction, percent: int) -> tuple[InputFile, ...]:
        """Return the files of the `outpaint` workflow for a larger canvas around picture `n`.

        Args:
            job: Its pictures.
            n: Which one.
            direction: To which side it grows.
            percent: How much, of its own width or height at each side.

        Raises:
            ChorusError: The canvas would be too large, the picture or the workflow is gone, or the disk is full.

        """

        def grow(picture: Image.Image) -> tuple[Image.Image, Image.Image]:
            added = margins(picture.size, direction, percent)
            self._require_small(grown_size(picture.size, added))
            return grown_canvas(picture, added)

        return await self._edited(job, n, OUTPAINT_WORKFLOW, grow)

    async def _edited(self, job: Job, n: int, workflow_name: str, edit: _Edit) -> tuple[InputFile, ...]:
        workflow = self._derived.image_workflow(job, workflow_name)
        given = await self._derived.input_picture(job, n)
        in_one_file = mask_is_transparency(workflow)
        try:
            made = await asyncio.to_thread(self._make, Path(given.path), edit, in_one_file=in_one_file)
        except (BadMedia, OSError) as error:
            raise InputInvalid("That picture cannot be opened any more.", advice="Choose another one.") from error
        roles = (FIRST_PICTURE,) if in_one_file else (FIRST_PICTURE, MASK)
        return tuple([await self._files.keep_made(data, role) for data, role in zip(made, roles, strict=True)])

    def _make(self, path: Path, edit: _Edit, *, in_one_file: bool) -> tuple[bytes, ...]:
        """PNG files: the picture and its mask, or the picture with the mask as its transparency."""
        with open_image(path, max_pixels=self._files.limits.max_pixels) as image:
            picture, mask = edit(image.convert("RGB"))
        return (with_mask(picture, mask),) if in_one_file else (png_file(picture), mask_file(mask))

    def _require_small(self, size: tuple[int, int]) -> None:
        if size[0] * size[1] > self._largest_canvas:
            side = math.isqrt(self._largest_canvas)
            raise InputInvalid(
                f"It would be {size[0]} x {size[1]}, larger than what may be asked for here, such as {side} x {side}.",
                advice="Let it grow less; the owner can raise `limits.max_pixels_per_image`.",
            )


def _region(picture: Image.Image, grid: int, cells: Collection[int]) -> tuple[Image.Image, Image.Image]:
    return picture, region_mask(picture.size, grid, cells)
