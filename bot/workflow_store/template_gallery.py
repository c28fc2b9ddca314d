"""ComfyUI's own gallery of workflows, asked of the connected server: its list, one template, its picture."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import AccessDenied, ComfyError, UnexpectedResponse
from bot.errors import InputInvalid
from bot.generation.error_translation import chorus_error
from bot.media.media_types import media_type_of_bytes
from bot.workflow_store.installed_models import InstalledModels
from bot.workflows.template_gallery import TEMPLATE_NAME, Template, TemplateModel, read_index, search, template_models

_INDEX_SECONDS: Final = 300.0
"""How long the list is kept: it changes when a new package is installed and ComfyUI is started again."""
_PICTURE_BYTES: Final = 6 * 2**20
_PICTURE_SECONDS: Final = 10


@dataclass(frozen=True)
class RequiredModel:
    """A model file that a template needs.

    Attributes:
        model: Its name, folder and download page.
        installed: ComfyUI has it.
        size: Bytes; None: not known, as for those that are not installed.

    """

    model: TemplateModel
    installed: bool
    size: int | None

    @property
    def advice(self) -> str:
        """Where a missing one comes from and where it goes, as a sentence."""
        source = f" from {self.model.url}" if self.model.url else ""
        return f"It needs {self.model.name}: download it{source} to ComfyUI's models/{self.model.folder}."


@dataclass(frozen=True)
class TemplateWorkflow:
    """A template with its content.

    Attributes:
        template: Its entry in the list.
        workflow: In the UI format.
        models: The model files that it names.

    """

    template: Template
    workflow: Mapping[str, Any]
    models: tuple[RequiredModel, ...]


class TemplateGallery:
    """The gallery of one ComfyUI.

    Args:
        client: The server.
        installed: The model files that it has.

    """

    def __init__(self, client: ComfyClient, installed: InstalledModels) -> None:
        self._client = client
        self._installed = installed
        self._kept: tuple[float, list[Template]] | None = None

    async def search(self, text: str) -> list[Template]:
        """The templates in which every word of the text occurs, popular ones first; all for an empty text.

        Raises:
            InputInvalid: The server has no gallery.
            ComfyUnavailable: It does not answer.

        """
        return search(await self._templates(), text)

    async def get(self, name: str) -> TemplateWorkflow:
        """A template with its workflow and the models that it needs.

        Raises:
            InputInvalid: There is none of that name, or the server has no gallery.
            ComfyUnavailable: The server does not answer.

        """
        found = next((each for each in await self._templates() if each.name == name), None)
        if found is None or TEMPLATE_NAME.fullmatch(name) is None:
            raise InputInvalid("There is no template of that name.", advice="The list of templates has the names.")
        with translated_errors():
            workflow = await self._client.template(name)
        models = template_models(workflow)
        sizes = {
            folder: await self._installed.sizes_in(folder) for folder in {model.folder for model in models} if folder
        }
        required = (
            RequiredModel(model, model.name in files, files.get(model.name))
            for model in models
            for files in (sizes.get(model.folder, {}),)
        )
        return TemplateWorkflow(found, workflow, tuple(required))

    async def picture(self, template: Template) -> bytes | None:
        """The picture that ComfyUI shows for a template; None: there is none, or it cannot be had now."""
        if template.picture is None:
            return None
        try:
            async with asyncio.timeout(_PICTURE_SECONDS):
                found = await self._client.template_file(template.picture, max_bytes=_PICTURE_BYTES)
        except (ComfyError, TimeoutError):
            return None
        is_picture = found is not None and (media_type_of_bytes(found[:64]) or "").startswith("image/")
        return found if is_picture else None

    async def _templates(self) -> list[Template]:
        if self._kept is not None and time.monotonic() - self._kept[0] < _INDEX_SECONDS:
            return self._kept[1]
        try:
            with translated_errors(keep=UnexpectedResponse):
                index = await self._client.template_index()
        except UnexpectedResponse as error:
            raise InputInvalid(
                "This ComfyUI serves no templates.", advice="Install its package comfyui-workflow-templates."
            ) from error
        found = await asyncio.to_thread(read_index, index)
        self._kept = time.monotonic(), found
        return found


@contextmanager
def translated_errors(keep: type[ComfyError] | None = None) -> Generator[None]:
    """Raise the errors of the client as those that people see; `keep` stays as it is, unless access is denied."""
    try:
        yield
    except ComfyError as error:
        if keep is not None and isinstance(error, keep) and not isinstance(error, AccessDenied):
            raise
        raise chorus_error(error, {}) from error
