"""Running the demo: opening the environment, the steps of the scenario, the summary."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from rich.console import Console

from bot.comfyui.transport import without_login
from bot.errors import ChorusError
from bot.log import open_log
from bot.settings import default_settings
from sandbox.demo.environment import DemoEnvironment, DemoOptions, open_environment
from sandbox.demo.interactive import USER_ERRORS, run_interactive
from sandbox.demo.scenario import scenario_steps, skipped_steps
from sandbox.demo.session import DemoSession
from sandbox.demo.transcript import Transcript

STEP_ERRORS = (TimeoutError, ChorusError, *USER_ERRORS)
"""What ends a step: something did not arrive in time, was refused, or was not offered."""


def run_demo(options: DemoOptions, console: Console) -> bool:
    """Run the scenario and print it.

    Returns:
        Whether every step succeeded and the bot broke none of Discord's rules.

    Raises:
        ChorusError: The demo could not be started, for example because no ComfyUI answers.

    """
    level = default_settings(options.folder).with_log_level("ERROR")
    with open_log(level, debug=options.debug, to_file=False):
        return asyncio.run(_demo(options, console))


async def _demo(options: DemoOptions, console: Console) -> bool:
    started = time.monotonic()
    transcript = Transcript(console, Path.cwd())
    async with open_environment(options) as environment:
        _print_introduction(environment, transcript)
        session = DemoSession(environment, transcript)
        failures = await _run_steps(session)
        failures += [f"Discord would refuse: {entry.message}" for entry in environment.discord.violations]
        _print_summary(session, failures, time.monotonic() - started)
        if options.stay:
            await run_interactive(session, console)
    return not failures


def _print_introduction(environment: DemoEnvironment, transcript: Transcript) -> None:
    transcript.title(f"Chorus demo, in a sandbox: local Discord, {environment.image_source}, stand-in language model.")
    comfyui_url = without_login(environment.settings.comfyui.url)
    transcript.note(f"Discord {environment.discord.url}, ComfyUI {comfyui_url}, model {environment.llm.url}")
    if environment.workflow is not None:
        transcript.note(f"Your ComfyUI draws with {environment.workflow.description}.")


async def _run_steps(session: DemoSession) -> list[str]:
    failures: list[str] = []
    for title, step in scenario_steps(session):
        session.transcript.heading(title)
        try:
            await step(session)
        except STEP_ERRORS as error:
            session.transcript.problem(str(error) or type(error).__name__)
            failures.append(f"{title}: {error}")
    return failures


def _print_summary(session: DemoSession, failures: list[str], seconds: float) -> None:
    transcript = session.transcript
    transcript.heading("That was the visit")
    transcript.note(f"{len(session.files)} files in {session.environment.options.folder}, {seconds:.0f} s")
    for entry in skipped_steps(session):
        transcript.note(f"Left out, {entry}.")
    for entry in failures:
        transcript.problem(entry)
    if not failures:
        transcript.note("Everything arrived.")
