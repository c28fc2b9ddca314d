"""The visit: what Ada and Bob do, one act after the other. An act raises `MissedError` when something does not come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from sandbox.demo.visit import MissedError, Visit, error_code, results_of
from sandbox.discord import Message

Act = Callable[[Visit], Awaitable[None]]
STUDIO = "Nova's studio"


async def arrive(visit: Visit) -> None:
    """The channel gets its character."""
    stage = visit.stage
    visit.transcript.note(
        f"The bot has logged in ({stage.login_seconds:.1f} s) with {len(stage.discord.commands)} commands."
    )
    visit.transcript.note("Ada and Bob are in #studio.")
    answer = await visit.slash(stage.ada, "character use", name="nova")
    visit.show(answer.message, to=stage.ada)
    visit.expect("Nova" in answer.message.text(), "Nova's name in the answer")


async def draw(visit: Visit) -> None:
    """One picture, with its progress."""
    answer = await visit.slash(visit.stage.ada, "imagine", prompt="a lighthouse at dusk, a red boat on calm water")
    visit.show(answer.message)
    visit.picture = await visit.result(answer.message)


async def again(visit: Visit) -> None:
    """Bob likes the picture: the button makes another one of it, as an answer to the first."""
    picture = visit.picture
    if picture is None:
        raise MissedError("there is no picture to make again")
    answer = await visit.press(visit.stage.bob, picture, "Again")
    visit.show(answer.message)
    visit.expect(answer.message.reply_to is picture, "the reference to the first picture")
    await visit.result(answer.message)
    gallery = await visit.slash(visit.stage.bob, "gallery")
    shown = await gallery.wait_for_message(lambda message: bool(message.attachments), timeout=visit.deadline)
    visit.show(shown, to=visit.stage.bob)


async def speak(visit: Visit) -> None:
    """From now on Nova is heard as well."""
    ada = visit.stage.ada
    visit.show((await visit.slash(ada, "voice auto", mode="on")).message, to=ada)
    asked = await visit.say(ada, "Tell me about the tram bells.")
    await _turn(visit, asked)
    voice = await visit.room.wait_for_message(lambda shown: shown.is_voice, timeout=visit.deadline, after=asked)
    (sound,) = voice.attachments
    visit.expect(sound.duration_secs and sound.waveform, "the duration and the waveform")
    visit.transcript.said(voice.author.name, f"sends a voice message of {sound.duration_secs:.1f} s")
    visit.keep()


async def wait_and_cancel(visit: Visit) -> None:
    """Two people at once: one waits, looks at the queue, and thinks better of it."""
    ada, bob = visit.stage.ada, visit.stage.bob
    first = (await visit.slash(bob, "imagine", prompt="a tram in the snow, evening")).message
    visit.show(first)
    second = (await visit.slash(ada, "imagine", prompt="a market in the rain")).message
    visit.show(second)
    queue = (await visit.slash(ada, "queue")).message
    visit.show(queue, to=ada)
    visit.expect("Nova" in queue.text(), "the jobs in /queue")
    await visit.press(ada, second, "Cancel")
    await visit.room.wait_for_edit(second, lambda shown: error_code(shown) == "CANCELLED", timeout=visit.deadline)
    visit.transcript.changed(f"Ada's: {' '.join(second.text().split())}")
    await visit.result(first)


async def talk(visit: Visit) -> None:
    """Nova answers, then draws what she is asked for in words."""
    ada = visit.stage.ada
    await _turn(visit, await visit.say(ada, "Hello Nova! I have a cat called Pixel, and I love foggy mornings."))
    asked = await visit.say(ada, "Could you draw me a picture of a cat on a harbour wall in the fog?")
    await _turn(visit, asked)
    picture = await visit.room.wait_for_message(
        lambda shown: _is_picture(shown) or error_code(shown), timeout=visit.deadline, after=asked
    )
    if code := error_code(picture):
        raise MissedError(f"instead of the picture came {code}")
    visit.transcript.said(picture.author.name, "posts the picture")
    visit.keep()
    await _turn(visit, await visit.say(ada, "What is my cat called?"))


def _is_picture(message: Message) -> bool:
    return message.webhook_id is not None and any(
        not file.filename.startswith("preview") for file in message.attachments
    )


async def _turn(visit: Visit, asked: Message) -> Message:
    turn = await visit.room.wait_for_message(
        lambda shown: shown.webhook_id is not None and shown.content, timeout=visit.deadline, after=asked
    )
    await visit.stage.services.conversations.wait_until_idle()
    visit.transcript.said(turn.author.name, turn.content)
    if turn.versions:
        visit.transcript.note(
            f"(grew while the model spoke, {len(turn.versions)} edit{'s' if len(turn.versions) > 1 else ''})"
        )
    visit.expect(turn.author.name == "Nova", "Nova's own name on her message")
    return turn


async def batch(visit: Visit) -> None:
    """Four pictures of one prompt in one message."""
    answer = await visit.slash(visit.stage.bob, "imagine", prompt="a moonlit mountain lake", workflow="four")
    visit.show(answer.message)
    await visit.result(answer.message, files=4)


async def fail(visit: Visit) -> None:
    """A workflow that wants a node which is not installed."""
    answer = await visit.slash(visit.stage.bob, "imagine", prompt="a street", workflow="foggy")
    message = answer.message
    if error_code(message) is None:
        await visit.progress(message, lambda shown: error_code(shown) is not None or results_of(shown) != [])
    visit.show(message, to=visit.stage.bob)
    if error_code(message) != "MISSING_NODE":
        raise MissedError(f"the error was {error_code(message)}, not MISSING_NODE")
    if not message.ephemeral:
        visit.show((await visit.press(visit.stage.bob, message, "Details")).message, to=visit.stage.bob)


def programme(visit: Visit) -> Sequence[tuple[str, Act]]:
    """The acts, with their titles."""
    real = visit.stage.options.comfyui is not None
    acts: list[tuple[str, Act]] = [
        ("A channel for Nova", arrive),
        ("A picture", draw),
        ("Waiting, and thinking better of it", wait_and_cancel),
        ("Talking", talk),
    ]
    if visit.stage.can_speak:
        acts.append(("A voice", speak))
    acts.append(("Again, and the gallery", again))
    if not real:
        acts.append(("Four at once", batch))
    acts.append(("Something that cannot work", fail))
    return acts


def left_out(visit: Visit) -> list[str]:
    """What the visit does not show on this ComfyUI, and why."""
    found: list[str] = []
    if visit.stage.options.comfyui is not None:
        found.append("four at once: shown with the stand-in only")
    if not visit.stage.can_speak:
        found.append("a voice: this ComfyUI lacks a node of workflows/nova/audio/default.json")
    return found
