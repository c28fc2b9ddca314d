"""The smaller sections of `config.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from bot.policy import Feature, FeatureRule, Quotas, Rules
from bot.settings.section import Count, LocalPath, Seconds, Section, Snowflake, Whole, not_a_boolean


class VisualGenerationSection(Section):
    """`visual_generation`: with which model is drawn, and how it shares the GPU with the language model."""

    model: str | None = None
    """File name or family of the model that workflows for any model draw with; None: the best known of those there."""

    unload_during_image_generation: bool = False
    """Whether the language model is unloaded before a job, and ComfyUI frees its memory before the next answer."""
    max_swap_wait_seconds: Seconds = 60
    """Answers and jobs are then grouped, to swap less; none waits longer than this for the other group."""
    unload_timeout_seconds: Seconds = 30
    """How long the language model may take to be unloaded."""


class VoiceSection(Section):
    """`voice`: how characters speak; a character's own `voice` keys go first."""

    delivery: Literal["voice_message", "attachment"] = "voice_message"
    format: Literal["ogg", "mp3"] = "ogg"
    """The format of attachments; voice messages are always OGG/Opus."""
    max_chars: Count = 2000
    """Longer speech is shortened at the end of a sentence, with a note."""
    max_chunk_chars: Annotated[int, BeforeValidator(not_a_boolean), Field(ge=40)] = 400
    """Longer text is spoken in several ComfyUI prompts, whose sound is joined."""
    read_actions: Literal["skip", "read"] = "skip"
    """What becomes of text between asterisks, such as *smiles*."""
    pause_ms: Whole = 250
    """Milliseconds of silence between the chunks."""
    bitrate_kbps: Annotated[int, BeforeValidator(not_a_boolean), Field(ge=8, le=320)] = 64
    """Kilobits per second of speech."""
    max_sample_bytes: Count = 50_000_000
    """Larger files are refused as voice samples."""
    max_sample_seconds: Seconds = 600
    """Longer recordings are refused as voice samples; 3 to 30 s are recommended."""
    ffmpeg: LocalPath | None = None
    """Path of an ffmpeg; None: the one that came with the installation."""


class MediaSection(Section):
    """`media`: files from ComfyUI and what is posted of them."""

    keep_metadata: bool = True
    """Whether files are posted with the prompt and workflow that ComfyUI wrote into them, and both offered as JSON."""
    max_download_bytes: Count = 1_000_000_000
    """Larger files of ComfyUI are refused."""
    max_pixels: Count = 150_000_000
    """Pictures with more pixels are refused, since they would fill the memory."""
    max_input_bytes: Count = 50_000_000
    """Larger files that people attach are refused."""
    max_input_pixels: Count = 2048 * 2048
    """Pictures that people attach are made smaller until they have at most so many pixels."""
    max_input_seconds: Seconds = 60
    """Films and sounds that people attach are cut after so many seconds."""
    delete_files_on_delete: bool = False
    """Whether deleting a result in Discord also deletes its files in the data folder."""


class LimitsSection(Section):
    """`limits`: what people may choose in Discord; what a workflow has of its own is allowed, however large."""

    max_pixels_per_image: Count = 2048 * 2048
    """Width times height of a picture."""
    max_steps: Count = 150
    """Steps of a sampler."""


class AccessSection(Section):
    """`access`: who may use which feature, for all servers; `/admin` narrows it further for one server."""

    disabled: tuple[Feature, ...] = ()
    """Features that nobody may use."""
    roles: dict[Feature, tuple[Snowflake, ...]] = Field(default_factory=dict[Feature, tuple[Snowflake, ...]])
    """Ids of roles by feature: only people with one of them may use it."""
    users: dict[Feature, tuple[Snowflake, ...]] = Field(default_factory=dict[Feature, tuple[Snowflake, ...]])
    """Ids of people by feature: they may use it, and beside them those with one of the roles."""
    channels: dict[Feature, tuple[Snowflake, ...]] = Field(default_factory=dict[Feature, tuple[Snowflake, ...]])
    """Ids of channels by feature: it may be used there and in their threads only."""
    blocked_users: tuple[Snowflake, ...] = ()
    """Ids of people whom the bot does not serve at all."""

    def rules(self, quotas: Quotas) -> Rules:
        """The same as rules, with the quotas of another section."""
        features = {
            feature: FeatureRule(
                enabled=feature not in self.disabled,
                role_ids=self.roles.get(feature, ()),
                user_ids=self.users.get(feature, ()),
                channel_ids=self.channels.get(feature, ()),
            )
            for feature in Feature
        }
        return Rules(features=features, blocked_user_ids=self.blocked_users, quotas=quotas)


class QuotasSection(Section):
    """`quotas`: how much may be made in 24 hours, for all servers; `/admin` narrows it further for one server."""

    pieces_per_person: Count | None = None
    """Pictures, films and speeches of one person, everywhere together; None: no quota."""
    gpu_seconds_per_person: Seconds | None = None
    """Seconds of execution of one person's jobs, everywhere together."""
    pieces_per_server: Count | None = None
    """Pictures, films and speeches of each server."""
    gpu_seconds_per_server: Seconds | None = None
    """Seconds of execution of each server's jobs."""
    cooldown_seconds: Seconds | None = None
    """The shortest time between two wishes of one person."""

    def quotas(self) -> Quotas:
        """The same as a value of the rules."""
        return Quotas.model_validate(self.model_dump())


class RegenerateSection(Section):
    """`regenerate`: making a result again."""

    by: Literal["anyone", "requester"] = "anyone"
    """Who may press Again: anyone who may write in the channel, or only the person who asked first."""


class BatchSection(Section):
    """`batch`: several pictures at once."""

    max_count: Annotated[int, BeforeValidator(not_a_boolean), Field(ge=1, le=100)] = 20
    """The most pictures of one batch."""
    confirm_above: Whole = 8
    """A batch of more pictures is started only when the person has confirmed their number and the expected time."""


class WorkflowsSection(Section):
    """`workflows`: what people with Manage Server may bring into their server with `/workflow upload`."""

    deny: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = ()
    """Patterns of node classes that are refused beyond the shipped list (`*Foo*`), or of packs (`pack:comfyui-foo`)."""
    allow: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = ()
    """Patterns of what is taken although it is on the shipped list or on `deny`."""
    partner_nodes: bool = False
    """Whether nodes are taken that cost money, because partners of ComfyUI run them."""
    max_nodes: Count = 2_000
    """The most nodes of an uploaded workflow."""
    max_upload_bytes: Count = 100_000_000
    """Larger files are not read."""
    max_per_server: Count = 200
    """The most workflows that a server may have of its own."""
    host_first: bool = False
    """Whether the host's workflow is used where a server has one of the same name."""


class ConversationSection(Section):
    """`conversation`: how characters answer."""

    edit_interval_seconds: Seconds = 1.2
    """The shortest time between two edits of an answer that is still being written."""
    answer_missed_within_minutes: Annotated[float, BeforeValidator(not_a_boolean), Field(ge=0)] = 10
    """Of messages from while the bot or the model was away, only the newest, if younger than this, is answered."""
    allow_bots: bool = False
    """Whether characters answer other bots."""
    max_bot_turns: Count = 4
    """After so many answers to bots without a message of a person between them, no more bots are answered."""


class BackupSection(Section):
    """`backup`: copies of everything that the bot keeps, made while it runs."""

    every_hours: Annotated[float, BeforeValidator(not_a_boolean), Field(ge=0, allow_inf_nan=False)] = 0
    """Hours between two backups; 0: none are made by themselves."""
    folder: LocalPath = Path("backups")
    keep: Count = 7
    """So many backups are kept; older ones are deleted after a new one was verified."""


class LoggingSection(Section):
    """`logging`: what is written to the terminal and to `<data_dir>/logs/chorus.log`."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    max_bytes: Count = 5_000_000
    """Size at which a new log file is begun."""
    backups: Whole = 5
    """How many older log files are kept."""


class PathsSection(Section):
    """`paths`: folders of the owner's files."""

    characters: LocalPath = Path("characters")
    workflows: LocalPath = Path("workflows")
