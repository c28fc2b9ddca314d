"""The scenario: what the users Ada and Bob do, step by step.

A step raises `StepFailedError` or `TimeoutError` when something that must arrive does not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from sandbox.demo.message_text import error_code, result_file_names
from sandbox.demo.session import DemoSession, StepFailedError
from sandbox.discord import Message

Step = Callable[[DemoSession], Awaitable[None]]


async def choose_character(session: DemoSession) -> None:
    """Ada gives the channel to the character Nova."""
    environment = session.environment
    session.transcript.note(
        f"The bot has logged in ({environment.login_seconds:.1f} s) with {len(environment.discord.commands)} commands."
    )
    session.transcript.note("Ada and Bob are in #studio.")
    answer = await session.slash(environment.ada, "character use", name="nova")
    session.print_message(answer.message, to=environment.ada)
    session.require("Nova" in answer.message.text(), "Nova's name in the answer")


async def generate_image(session: DemoSession) -> None:
    """Ada generates a picture; its progress is printed."""
    answer = await session.slash(
        session.environment.ada, "imagine", prompt="a lighthouse at dusk, a red boat on calm water"
    )
    session.print_message(answer.message)
    session.picture = await session.wait_for_result(answer.message)


async def generate_again(session: DemoSession) -> None:
    """Bob presses Again under Ada's picture, then opens the gallery."""
    picture = session.picture
    if picture is None:
        raise StepFailedError("there is no picture to make again")
    answer = await session.press(session.environment.bob, picture, "Again")
    session.print_message(answer.message)
    session.require(answer.message.reply_to is picture, "the reference to the first picture")
    await session.wait_for_result(answer.message)
    gallery = await session.slash(session.environment.bob, "gallery")
    gallery_message = await gallery.wait_for_message(
        lambda message: bool(message.attachments), timeout=session.deadline
    )
    session.print_message(gallery_message, to=session.environment.bob)


async def turn_on_voice(session: DemoSession) -> None:
    """Ada turns on automatic voice messages, and Nova's next message is followed by one."""
    ada = session.environment.ada
    session.print_message((await session.slash(ada, "voice auto", mode="on")).message, to=ada)
    request = await session.send(ada, "Tell me about the tram bells.")
    await _wait_for_turn(session, request)
    voice = await session.channel.wait_for_message(
        lambda candidate: candidate.is_voice, timeout=session.deadline, after=request
    )
    (audio,) = voice.attachments
    session.require(audio.duration_secs and audio.waveform, "the duration and the waveform")
    session.transcript.message(voice.author.name, f"sends a voice message of {audio.duration_secs:.1f} s")
    session.print_new_files()


async def cancel_waiting_job(session: DemoSession) -> None:
    """Both users generate a picture; Ada looks at the queue and cancels hers while it waits."""
    ada, bob = session.environment.ada, session.environment.bob
    first = (await session.slash(bob, "imagine", prompt="a tram in the snow, evening")).message
    session.print_message(first)
    second = (await session.slash(ada, "imagine", prompt="a market in the rain")).message
    session.print_message(second)
    queue = (await session.slash(ada, "queue")).message
    session.print_message(queue, to=ada)
    session.require("Nova" in queue.text(), "the jobs in /queue")
    await session.press(ada, second, "Cancel")
    await session.channel.wait_for_edit(
        second, lambda candidate: error_code(candidate) == "CANCELLED", timeout=session.deadline
    )
    session.transcript.edit(f"Ada's: {' '.join(second.text().split())}")
    await session.wait_for_result(first)


async def converse(session: DemoSession) -> None:
    """Ada talks with Nova and asks her for a picture."""
    ada = session.environment.ada
    await _wait_for_turn(
        session, await session.send(ada, "Hello Nova! I have a cat called Pixel, and I love foggy mornings.")
    )
    request = await session.send(ada, "Could you draw me a picture of a cat on a harbour wall in the fog?")
    await _wait_for_turn(session, request)
    picture = await session.channel.wait_for_message(
        lambda candidate: _is_picture(candidate) or error_code(candidate), timeout=session.deadline, after=request
    )
    if code := error_code(picture):
        raise StepFailedError(f"instead of the picture came {code}")
    session.transcript.message(picture.author.name, "posts the picture")
    session.print_new_files()
    await _wait_for_turn(session, await session.send(ada, "What is my cat called?"))


def _is_picture(message: Message) -> bool:
    return message.webhook_id is not None and any(
        not file.filename.startswith("preview") for file in message.attachments
    )


async def _wait_for_turn(session: DemoSession, request: Message) -> Message:
    turn = await session.channel.wait_for_message(
        lambda candidate: candidate.webhook_id is not None and candidate.content,
        timeout=session.deadline,
        after=request,
    )
    await session.environment.services.conversations.wait_until_idle()
    session.transcript.message(turn.author.name, turn.content)
    if turn.versions:
        session.transcript.note(
            f"(grew while the model spoke, {len(turn.versions)} edit{'s' if len(turn.versions) > 1 else ''})"
        )
    session.require(turn.author.name == "Nova", "Nova's own name on her message")
    return turn


async def generate_batch(session: DemoSession) -> None:
    """Bob generates four pictures with one prompt; one message shows them all."""
    answer = await session.slash(session.environment.bob, "imagine", prompt="a moonlit mountain lake", workflow="four")
    session.print_message(answer.message)
    await session.wait_for_result(answer.message, files=4)


async def show_missing_node_error(session: DemoSession) -> None:
    """Bob uses a workflow with a node that is not installed, and gets the error MISSING_NODE."""
    answer = await session.slash(session.environment.bob, "imagine", prompt="a street", workflow="foggy")
    message = answer.message
    if error_code(message) is None:
        await session.print_progress(
            message, lambda candidate: error_code(candidate) is not None or result_file_names(candidate) != []
        )
    session.print_message(message, to=session.environment.bob)
    if error_code(message) != "MISSING_NODE":
        raise StepFailedError(f"the error was {error_code(message)}, not MISSING_NODE")
    if not message.ephemeral:
        session.print_message(
            (await session.press(session.environment.bob, message, "Details")).message, to=session.environment.bob
        )


def scenario_steps(session: DemoSession) -> Sequence[tuple[str, Step]]:
    """The steps with their titles, in order. What this ComfyUI cannot do is left out."""
    real_comfyui = session.environment.options.comfyui is not None
    steps: list[tuple[str, Step]] = [
        ("A channel for Nova", choose_character),
        ("A picture", generate_image),
        ("Waiting, and thinking better of it", cancel_waiting_job),
        ("Talking", converse),
    ]
    if session.environment.can_speak:
        steps.append(("A voice", turn_on_voice))
    steps.append(("Again, and the gallery", generate_again))
    if not real_comfyui:
        steps.append(("Four at once", generate_batch))
    steps.append(("Something that cannot work", show_missing_node_error))
    return steps


def skipped_steps(session: DemoSession) -> list[str]:
    """What is left out with this ComfyUI, and why."""
    skipped: list[str] = []
    if session.environment.options.comfyui is not None:
        skipped.append("four at once: shown with the stand-in only")
    if not session.environment.can_speak:
        skipped.append("a voice: this ComfyUI lacks a node of workflows/nova/audio/default.json")
    return skipped
