"""How a result was made, as an embed within Discord's limits, from which prompts can be copied."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import discord

from bot.language_model.model_names import model_name
from cogs.delivery.message_presenter import character_name
from cogs.ui.embeds import RESULT_COLOUR, footer, noun, seconds_precise
from cogs.ui.text import EMBED_TITLE, clip, escaped

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message
    from bot.domain.jobs import Job

LONGEST_PROMPT = 2000
LONGEST_NEGATIVE = 800
_MAIN = ("steps", "cfg", "guidance", "sampler", "scheduler", "denoise", "shift", "batch", "length", "fps")
_SHOWN_NODES = 5
_MODELS = ("model", "vae", "clip")


def job_embed(bot: ChorusBot, job: Job, *, notes: Sequence[str] = ()) -> discord.Embed:
    """Everything in the sidecar but the graph."""
    used, request = job.parameters, job.request
    words = str(used.get("positive") or request.positive or "\n".join(request.text_parts))
    lines = [_code(words, LONGEST_PROMPT)] if words.strip() else []
    lines += [f"-# {clip(note, 150)}" for note in (*([job.note] if job.note else []), *notes)][:3]
    embed = discord.Embed(
        title=clip(f"{character_name(bot, job)} · {noun(request.kind)}", EMBED_TITLE),
        description="\n".join(lines),
        colour=RESULT_COLOUR,
        timestamp=job.created_at,
    )
    effective = job.effective_settings
    negative = effective.get("negative")
    if negative:
        embed.add_field(name="Negative", value=_code(str(negative), LONGEST_NEGATIVE), inline=False)
    if request.written_prompt and request.written_prompt != words:
        embed.add_field(name="In your words", value=_code(request.written_prompt, 400), inline=False)
    embed.add_field(name="Seed", value=_code(str(job.seed), 100))
    embed.add_field(name="Workflow", value=_code(f"{job.workflow_name}\n{job.workflow_hash}", 400), inline=False)
    if added := used.get("added"):
        embed.add_field(name="Added", value=clip(escaped("\n".join(added)), 600), inline=False)
    for name, value in _settings(effective):
        embed.add_field(name=name, value=clip(value, 300), inline=False)
    if nodes := job.node_times:
        slowest = [f"{clip(node.title, 60)} {seconds_precise(node.seconds)}" for node in nodes[:_SHOWN_NODES]]
        text = discord.utils.escape_markdown(", ".join(slowest))
        embed.add_field(name="Slowest nodes", value=clip(text, 400), inline=False)
    for name, value in _facts(job):
        embed.add_field(name=name, value=clip(value, 120))
    return embed.set_footer(text=footer(job))


async def sidecar_file(bot: ChorusBot, job: Job, limit: int) -> tuple[list[discord.File], tuple[str, ...]]:
    """The JSON file that `chorus repeat` takes, with prompt and graph, and notes for the person.

    There is no file where the owner keeps prompts and graphs from being posted (`media.keep_metadata`), or where it has
    more than `limit` bytes.
    """
    if not bot.services.settings.media.keep_metadata:
        return [], ()
    document = await bot.services.derived_jobs.sidecar_document(job)
    if len(document) > limit:
        return [], ("The settings are too large to attach.",)
    return [discord.File(io.BytesIO(document), filename=f"{job.digest}.json")], ()


def turn_embed(name: str, turn: Message) -> discord.Embed:
    """Which language model wrote a turn, and when."""
    shown = next((each for each in turn.alternatives if each.n == turn.shown_alternative), None)
    embed = discord.Embed(title=clip(f"{name} · chat turn", EMBED_TITLE), colour=RESULT_COLOUR)
    if shown is not None:
        embed.add_field(name="Language model", value=clip(escaped(model_name(shown.model or "unknown")), 200))
        embed.add_field(name="Written", value=discord.utils.format_dt(shown.created_at))
    place = [each.n for each in turn.alternatives].index(turn.shown_alternative) + 1 if shown else 1
    embed.add_field(name="Alternative", value=f"{place} of {max(1, len(turn.alternatives))}")
    return embed.set_footer(text=f"turn {turn.id}")


def _settings(effective: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Size and sampling, models and LoRAs, whether somebody changed them or not."""
    named = [f"{name} {effective[name]}" for name in _MAIN if name in effective]
    if "width" in effective and "height" in effective:
        named.insert(0, f"size {effective['width']} x {effective['height']}")
    if named:
        yield "Settings", discord.utils.escape_markdown(", ".join(named))
    models = [clip(str(effective[name]), 90) for name in _MODELS if name in effective]
    if models:
        yield "Models", discord.utils.escape_markdown(", ".join(models))
    if loras := effective.get("loras"):
        yield "LoRAs", discord.utils.escape_markdown(", ".join(clip(str(one), 90) for one in loras))


def _facts(job: Job) -> list[tuple[str, str]]:
    facts: list[tuple[str, Any]] = [
        ("State", job.state.value if job.error is None else f"{job.state.value} ({job.error.code})"),
        ("Files", _files(job)),
        ("Took", seconds_precise(job.execution_seconds) if job.execution_seconds is not None else None),
        ("Waited", seconds_precise((job.started_at - job.created_at).total_seconds()) if job.started_at else None),
        ("Prompt id", job.parameters.get("prompt_id")),
        ("ComfyUI", job.parameters.get("comfyui_version")),
        ("Character", f"{job.request.character_id}, version {job.character_version[:12]}"),
        ("Made from", f"job {job.request.parent_job_id.hex[-12:]}" if job.request.parent_job_id else None),
        ("How", job.request.derivation.value if job.request.derivation else None),
    ]
    return [(name, str(value)) for name, value in facts if value]


def _files(job: Job) -> str | None:
    sizes = [f"{each.width} x {each.height}" if each.width else each.media_type for each in job.artifacts]
    kinds = ", ".join(dict.fromkeys(sizes))
    return f"{len(sizes)} ({kinds})" if sizes else None


def _code(text: str, limit: int) -> str:
    """A block that can be copied as it is; three backticks in it would end it."""
    harmless = text.replace("```", "'''")
    return f"```\n{clip(harmless, limit - 8)}\n```"
