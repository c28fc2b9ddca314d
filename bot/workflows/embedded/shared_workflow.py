"""What a shared workflow brings beside its graph: its name, bindings and presets, and what it needs.

A shared workflow is a PNG picture. Its text chunk `prompt` holds the graph, as in pictures saved by ComfyUI, so that
ComfyUI opens it too; its text chunk `chorus` holds this.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.domain.jobs import JobKind
from bot.domain.saved_settings import SettingValue
from bot.workflows.errors import NotAGraph

CHUNK: Final = "chorus"
"""The keyword of the text chunk."""
MAX_PRESETS: Final = 20
_Text = Annotated[str, Field(max_length=300)]


class SharedPreset(BaseModel):
    """Settings under a name, without their author."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Annotated[str, Field(min_length=1, max_length=40)]
    values: Annotated[Mapping[Annotated[str, Field(max_length=100)], SettingValue], Field(max_length=200)]


class SharedWorkflow(BaseModel):
    """The content of the text chunk. Keys of later versions are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Literal["chorus-workflow/1"] = "chorus-workflow/1"
    name: Annotated[str, Field(min_length=1, max_length=200)]
    kind: JobKind
    bindings: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    presets: Annotated[tuple[SharedPreset, ...], Field(max_length=MAX_PRESETS)] = ()
    nodes: Annotated[tuple[_Text, ...], Field(max_length=2_000)] = ()
    """Classes of its nodes."""
    models: Annotated[tuple[_Text, ...], Field(max_length=500)] = ()
    """Names of its model files."""

    def encoded(self) -> str:
        """As the text of the chunk: ASCII, since PNG's plain text chunks hold nothing else."""
        return json.dumps(self.model_dump(mode="json"), separators=(",", ":"))


def parse_shared_workflow(text: str) -> SharedWorkflow:
    """Read the text of the chunk.

    Raises:
        NotAGraph: It is damaged, or of a later version.

    """
    try:
        return SharedWorkflow.model_validate(json.loads(text))
    except (ValueError, RecursionError, ValidationError) as error:
        raise NotAGraph(
            "The shared workflow in that picture cannot be read.",
            advice="Ask for the original file; it may also have been made by a later version of the bot.",
        ) from error
