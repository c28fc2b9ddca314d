"""A draft with everything that its panel needs: read anew at each press, since nothing is kept in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import discord

from bot.derived_jobs.requests import RemixChanges, remix
from bot.domain.jobs import GenerationRequest
from bot.domain.seeds import parse_seed
from bot.errors import InputInvalid
from bot.workflows.parameter_pages import ParameterPage, parameter_pages, shown_value
from bot.workflows.parameters import ParameterValue, WorkflowParameters, installed_loras
from bot.workflows.stored_values import REQUEST_FIELDS, value_problem
from cogs.actors import interaction_actor, interaction_origin
from cogs.configure.panel import PanelContent
from cogs.results import results_of
from cogs.settings_option import chosen_workflow, known_parameters, require_allowed

if TYPE_CHECKING:
    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot
    from bot.domain.saved_settings import Draft
    from bot.policy import Actor
    from bot.workflows import Workflow

Interaction = discord.Interaction["ChorusBot"]


@dataclass(frozen=True)
class PanelSession:
    """A person's draft, with the workflow and the rights of this moment."""

    bot: ChorusBot
    interaction: Interaction
    actor: Actor
    draft: Draft
    character: Character
    workflow: Workflow

    @property
    def may_change_reserved(self) -> bool:
        """The person may change what is open to people with Manage Server only."""
        return self.bot.services.policy.may_change_reserved_settings(self.actor)

    @property
    def parameters(self) -> WorkflowParameters:
        """Of the workflow as it is now."""
        return known_parameters(self.bot, self.workflow)

    def pages(self) -> list[ParameterPage]:
        """What the person may change."""
        loras = installed_loras(self.bot.services.orchestrator.object_info)
        return parameter_pages(
            self.workflow, self.parameters, loras=loras, may_change_reserved=self.may_change_reserved
        )

    def defaults(self) -> dict[str, str]:
        """What is used where the person sets nothing, if that is not the workflow's own value."""
        negative = self.character.visual_identity.negative_prompt
        return {"seed": "", **({"negative": negative} if negative else {})}

    def problems(self) -> dict[str, str]:
        """Parameter name -> why its value cannot be used."""
        object_info = self.bot.services.orchestrator.object_info
        known = {parameter.name for page in self.pages() for parameter in page.parameters}
        found = {
            name: value_problem(self.workflow, name, value, object_info)
            for name, value in self.draft.values.items()
            if name in known
        }
        return {name: problem.message for name, problem in found.items() if problem is not None}

    async def content(self) -> PanelContent:
        """What the panel shows."""
        saved = self.bot.services.saved_settings
        last = await saved.last(self.actor.user_id, self.character.id, self.workflow,
                                may_change_reserved=self.may_change_reserved)  # fmt: skip
        pages = self.pages()
        shown = {parameter.name for page in pages for parameter in page.parameters} | REQUEST_FIELDS
        others = {name: value for name, value in self.draft.values.items() if name not in shown}
        left_out = self.bot.services.saved_settings.usable(
            self.workflow, others, may_change_reserved=self.may_change_reserved
        )
        return PanelContent(
            draft=self.draft,
            notes=(*self.draft.notes, *left_out.notes),
            title=f"{self.character.name} · {self.workflow.name}",
            pages=pages,
            defaults=self.defaults(),
            problems=self.problems(),
            has_last=last is not None,
            can_save=self.interaction.guild_id is not None,
        )

    async def request(self) -> GenerationRequest:
        """What **Run** asks for, posted as a message of its own.

        Raises:
            ChorusError: A value cannot be used, or the person may not ask for it.

        """
        for message in self.problems().values():
            raise InputInvalid(message, advice="Change what is marked, then run it again.")
        values, notes = self._overrides()
        require_allowed(self.bot, self.actor, self.parameters, values)
        fields = self.draft.values
        positive = str(fields.get("prompt", self._own_prompt())).strip()
        negative = str(fields["negative"]) if "negative" in fields else None
        seed = parse_seed(str(fields.get("seed", "")))
        job = None
        if self.draft.source_job_id is not None:
            job = await self.bot.services.orchestrator.job(self.draft.source_job_id)
        if job is not None:
            changes = RemixChanges(positive, negative, values, seed)
            request = await results_of(self.bot).starter.checked_request(
                self.interaction, job, lambda requester: remix(job, requester, changes)
            )
        else:
            self.bot.services.policy.require_may_ask(self.actor)
            request = GenerationRequest(
                kind=self.draft.kind,
                character_id=self.character.id,
                requester_id=self.actor.user_id,
                requester_name=self.actor.name,
                origin=interaction_origin(self.interaction),
                positive=positive,
                negative=negative,
                workflow_name=self.workflow.name,
                seed=seed,
                overrides=values,
            )
        origin = request.origin.model_copy(update={"interaction_id": None})
        return request.model_copy(update={"origin": origin, "note": " ".join(notes) or None})

    def _overrides(self) -> tuple[dict[str, ParameterValue], tuple[str, ...]]:
        """The values that the workflow takes, and a sentence for each that it does not."""
        overrides = {name: value for name, value in self.draft.values.items() if name not in REQUEST_FIELDS}
        kept = self.bot.services.saved_settings.usable(
            self.workflow, overrides, may_change_reserved=self.may_change_reserved
        )
        return dict(kept.values), kept.notes

    def _own_prompt(self) -> str:
        parameters = (parameter for page in self.pages() for parameter in page.parameters)
        return next((shown_value(each.default) for each in parameters if each.name == "prompt"), "")


async def open_session(interaction: Interaction, draft_id: str) -> PanelSession:
    """The session of a press or a submitted form.

    Raises:
        ChorusError: The draft, its character or its workflow is gone, or the panel is another person's.

    """
    draft = await interaction.client.services.saved_settings.drafts.get(_uuid(draft_id))
    if draft is None:
        raise too_old()
    interaction.client.services.policy.require_own_panel(interaction_actor(interaction), draft.user_id)
    return session_of(interaction, draft)


def session_of(interaction: Interaction, draft: Draft) -> PanelSession:
    """As `open_session`, of a draft that was read or made just now."""
    bot, actor = interaction.client, interaction_actor(interaction)
    bot.services.policy.require_served(actor.channel)
    character = bot.services.characters.get(draft.character_id, interaction.guild_id)
    bot.services.policy.require_suitable(actor.channel, character.name, adults_only=character.nsfw)
    workflow = chosen_workflow(bot, character, draft.kind, draft.workflow_name, interaction.guild_id)
    return PanelSession(bot, interaction, actor, draft, character, workflow)


def too_old() -> InputInvalid:
    """The error for a panel whose draft was removed."""
    return InputInvalid("That panel is too old.", advice="Open a new one with `/configure`.")


def same_request(one: GenerationRequest, other: GenerationRequest) -> bool:
    """Whether two requests ask for the same picture."""

    def key(request: GenerationRequest) -> tuple[str, str | None, int | None, Mapping[str, ParameterValue]]:
        return request.positive, request.negative, request.seed, dict(request.overrides)

    return key(one) == key(other)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise too_old() from None
