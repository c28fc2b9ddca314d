"""What a workflow is to the rest of the bot: roles, what was found where, and the values of one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from bot.domain.jobs import JobKind
from bot.workflows.bindings import Bindings
from bot.workflows.graph import Graph, Target
from bot.workflows.roles import Role


class Source(StrEnum):
    """How a target was found. Bindings go before placeholders, placeholders before reading the graph."""

    BINDINGS = "bindings file"
    PLACEHOLDER = "placeholder"
    GRAPH = "reading the graph"


@dataclass(frozen=True, slots=True)
class PlaceholderUse:
    """A placeholder in an input; `path` leads into a nested value (rgthree's dictionaries), empty at the top."""

    target: Target
    role: Role
    token: str
    whole: bool
    """The value is nothing but the placeholder, so it takes the injected value's own type."""
    path: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """Several different places for one role and nothing that decides; the owner names one in the bindings file."""

    role: Role
    candidates: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class GraphReading:
    """Where the values of a run go. Computed once per content."""

    targets: Mapping[Role, tuple[Target, ...]]
    """Inputs to write, by role. One that holds a placeholder inside a longer text is filled, not replaced."""
    sources: Mapping[Role, Source]
    placeholders: tuple[PlaceholderUse, ...]
    ambiguities: tuple[Ambiguity, ...]
    outputs: tuple[str, ...]
    """Ids of the nodes that save or show files (or the graph's ends where no class is known as an output)."""
    output_known: bool
    """False: `outputs` are only the graph's ends; `/object_info` has to say whether they are output nodes."""
    reachable: frozenset[str]
    """Nodes that some output depends on."""
    seed_consumers: Mapping[Target, tuple[Target, ...]] = field(default_factory=dict[Target, tuple[Target, ...]])
    """Seed target -> the inputs its value reaches; each of them bounds the seed."""

    def of(self, role: Role) -> tuple[Target, ...]:
        """Targets of a role; empty if there is none (or only an ambiguity)."""
        return self.targets.get(role, ())

    def ambiguity(self, role: Role) -> Ambiguity | None:
        """The open question about a role, if there is one."""
        return next((found for found in self.ambiguities if found.role == role), None)

    @property
    def positive(self) -> tuple[Target, ...]:
        """Where the prompt goes."""
        return self.of(Role.POSITIVE)

    @property
    def negative(self) -> tuple[Target, ...]:
        """Where the negative prompt goes; empty where the graph has none of its own."""
        return self.of(Role.NEGATIVE)

    @property
    def seeds(self) -> tuple[Target, ...]:
        """Every seed that an output depends on."""
        return self.of(Role.SEED)

    @property
    def width(self) -> tuple[Target, ...]:
        """Width of the new picture, pixels."""
        return self.of(Role.WIDTH)

    @property
    def height(self) -> tuple[Target, ...]:
        """Height of the new picture, pixels."""
        return self.of(Role.HEIGHT)

    @property
    def steps(self) -> tuple[Target, ...]:
        """Sampling steps."""
        return self.of(Role.STEPS)

    @property
    def cfg(self) -> tuple[Target, ...]:
        """Guidance: the sampler's `cfg`, or Flux's `guidance` where that is what steers."""
        return self.of(Role.CFG)

    @property
    def text(self) -> tuple[Target, ...]:
        """What a TTS node speaks."""
        return self.of(Role.TEXT)

    @property
    def voice_sample(self) -> tuple[Target, ...]:
        """Loaders of the voice to clone."""
        return self.of(Role.VOICE_SAMPLE)

    @property
    def voice_transcript(self) -> tuple[Target, ...]:
        """What is said in the voice sample."""
        return self.of(Role.VOICE_TRANSCRIPT)

    @property
    def reference_image(self) -> tuple[Target, ...]:
        """Loaders of the input picture."""
        return self.of(Role.REFERENCE_IMAGE)


@dataclass(frozen=True)
class Workflow:
    """One file of the library, checked and read. Immutable: `graph` must not be changed by anybody."""

    character_id: str
    """The folder it came from; `_shared` for everybody's."""
    kind: JobKind
    name: str
    path: Path
    graph: Graph
    bindings: Bindings
    content_hash: str
    """SHA-256 hex of the canonical graph and bindings: equal content, equal hash, whatever the file's layout."""

    @cached_property
    def reading(self) -> GraphReading:
        """What was found where."""
        from bot.workflows.reading import read_graph  # noqa: PLC0415 - reading builds on these values

        return read_graph(self.graph, self.bindings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """The values of one run. None: leave what the workflow has (a placeholder then takes its default)."""

    positive: str | None = None
    negative: str | None = None
    seed: int | None = None
    """0 .. `seed_limit(workflow, object_info)`."""
    width: int | None = None
    """Pixels."""
    height: int | None = None
    """Pixels."""
    steps: int | None = None
    cfg: float | None = None
    text: str | None = None
    """What is spoken."""
    voice_sample: str | None = None
    """The name ComfyUI gave the uploaded sample (`chorus/nova.wav`)."""
    voice_transcript: str | None = None
    reference_image: str | None = None
    """The name ComfyUI gave the uploaded picture."""
    character_name: str | None = None

    def value(self, role: Role) -> Any:
        """The value of a role, or None."""
        return getattr(self, role.value)
