"""What can go wrong, in words fit for the person who asked.

::

    ChorusError
    |-- ConfigError                 a file of the owner's that cannot be used (terminal only; exit code 2)
    |-- DiscordUnavailable          DISCORD_UNAVAILABLE (terminal only)
    |-- ComfyUnavailable            COMFY_UNAVAILABLE
    |-- WorkflowNotFound            WORKFLOW_NOT_FOUND
    |-- WorkflowInvalid             WORKFLOW_INVALID
    |-- WorkflowNodeError           WORKFLOW_NODE_ERROR
    |-- WorkflowFailing             WORKFLOW_FAILING
    |-- MissingNode                 MISSING_NODE
    |-- MissingModel                MISSING_MODEL
    |-- GenerationTimeout           GENERATION_TIMEOUT
    |-- GenerationFailed            GENERATION_FAILED
    |-- OutOfMemory                 OUT_OF_MEMORY
    |-- NoOutput                    NO_OUTPUT
    |-- OutputFileNotFound          OUTPUT_FILE_NOT_FOUND
    |-- OutputTooLarge              OUTPUT_TOO_LARGE
    |-- QueueFull                   QUEUE_FULL
    |-- TooManyRequests             TOO_MANY_REQUESTS
    |-- QuotaReached                QUOTA_REACHED
    |-- NotAllowed                  NOT_ALLOWED
    |-- CharacterNotFound           CHARACTER_NOT_FOUND
    |-- LanguageModelUnavailable    LLM_UNAVAILABLE
    |-- VoiceUnavailable            VOICE_UNAVAILABLE
    |-- StorageUnavailable          STORAGE_UNAVAILABLE
    |-- BackupFailed                BACKUP_FAILED (terminal only)
    |-- InputInvalid                INPUT_INVALID
    `-- Cancelled                   CANCELLED

`str(error)` is one public sentence; `advice` is what to do, shown to the person who asked alone. Neither ever holds a
token, a path of the server or another user's text; those belong in the log, by way of `raise ... from`.

Each class has an `ErrorCategory`, which says what has to change before the same request can succeed. Where one class
stands for several causes, the error is raised with a category of its own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class ErrorCategory(StrEnum):
    """What has to change before the same request can succeed."""

    NETWORK = "network"
    """Another server cannot be reached: the request waits for it or is repeated."""
    SERVICE = "service"
    """Another server, or the bot itself, answered with something that it should not: trying later may help."""
    CONFIGURATION = "configuration"
    """The host's settings, or permissions in Discord: nothing helps until a person changes them."""
    WORKFLOW = "workflow"
    """The workflow, or what ComfyUI has installed for it: it fails for everybody in the same way."""
    RESOURCE = "resource"
    """Memory, time, disk or places in the queue: less of something, or a later time, may help."""
    REQUEST = "request"
    """What the person asked for: another request may succeed."""


class ChorusError(Exception):
    """The root: a failure with a stable `code`, one public sentence and an advice.

    Args:
        message: One sentence for everybody in the channel; the class's `default` where left out.
        advice: What the person who asked can do; the class's `default_advice` where left out.
        category: What has to change before it can succeed; the class's `default_category` where left out.

    """

    code: ClassVar[str] = "GENERATION_FAILED"
    default: ClassVar[str] = "That did not work."
    default_advice: ClassVar[str] = "Try again; if it happens twice, tell the person who runs this bot the code."
    default_category: ClassVar[ErrorCategory] = ErrorCategory.SERVICE

    def __init__(
        self, message: str | None = None, *, advice: str | None = None, category: ErrorCategory | None = None
    ) -> None:
        self.category = category or self.default_category
        self.message = _encodable(message or self.default)
        self.advice = _encodable(advice or self.default_advice)
        super().__init__(self.message)


def _encodable(text: str) -> str:
    """The text with a question mark for each lone surrogate, which no terminal, log, database or request can take."""
    return text.encode("utf-8", "replace").decode()


class ConfigError(ChorusError):
    """A file of the owner's cannot be used: names the file, key, line and nearest valid key (terminal only)."""

    code = "CONFIG_INVALID"
    default_category = ErrorCategory.CONFIGURATION
    default = "The configuration cannot be used."
    default_advice = "Correct the file and start again."


class DiscordUnavailable(ChorusError):
    """Discord cannot be reached at start-up (terminal only)."""

    code = "DISCORD_UNAVAILABLE"
    default_category = ErrorCategory.NETWORK
    default = "Discord cannot be reached."
    default_advice = "Check the network connection, and `discord.server` if it is set."


class ComfyUnavailable(ChorusError):
    """ComfyUI cannot be reached, or broke the connection and did not come back in time."""

    code = "COMFY_UNAVAILABLE"
    default_category = ErrorCategory.NETWORK
    default = "ComfyUI cannot be reached right now."
    default_advice = "The job waits where it can. The owner should check that ComfyUI runs (`chorus doctor`)."


class WorkflowNotFound(ChorusError):
    """No workflow of that name and kind belongs to the character or to `_shared`."""

    code = "WORKFLOW_NOT_FOUND"
    default_category = ErrorCategory.REQUEST
    default = "That workflow does not exist."
    default_advice = "Choose one from the list that appears while you type."


class WorkflowInvalid(ChorusError):
    """The file is no API-format graph, or has no place for the prompt, or several, or no output node."""

    code = "WORKFLOW_INVALID"
    default_category = ErrorCategory.WORKFLOW
    default = "That workflow cannot be used as it is."
    default_advice = "The owner can see why with `chorus workflow inspect FILE`."


class WorkflowNodeError(ChorusError):
    """ComfyUI refused the graph at validation (HTTP 400 with `node_errors`)."""

    code = "WORKFLOW_NODE_ERROR"
    default_category = ErrorCategory.WORKFLOW
    default = "ComfyUI refused a node of that workflow."
    default_advice = "The owner should open the workflow in ComfyUI and run it there once."


class WorkflowFailing(ChorusError):
    """The workflow failed several times in a row for reasons of its own, so it is not run until something changes."""

    code = "WORKFLOW_FAILING"
    default_category = ErrorCategory.WORKFLOW
    default = "That workflow failed every time it was run lately."
    default_advice = "Another workflow may do; the owner sees with `/doctor` what is wrong with this one."


class MissingNode(ChorusError):
    """A `class_type` is not installed (`missing_node_type`, or absent from `/object_info`)."""

    code = "MISSING_NODE"
    default_category = ErrorCategory.WORKFLOW
    default = "That workflow needs a node that ComfyUI does not have."
    default_advice = "The owner should install the custom node and restart ComfyUI."


class MissingModel(ChorusError):
    """A model file is not installed (`value_not_in_list` on a model loader's input)."""

    code = "MISSING_MODEL"
    default_category = ErrorCategory.WORKFLOW
    default = "That workflow needs a model that ComfyUI does not have."
    default_advice = "The owner should put the model file in place or choose an installed one in the workflow."


class GenerationTimeout(ChorusError):
    """The execution (not the waiting) took longer than the kind's limit."""

    code = "GENERATION_TIMEOUT"
    default_category = ErrorCategory.RESOURCE
    default = "That took too long and was stopped."
    default_advice = "Try a smaller size or fewer steps; the owner can raise `comfyui.timeout_seconds`."


class GenerationFailed(ChorusError):
    """A node raised while running (`execution_error`)."""

    code = "GENERATION_FAILED"
    default = "ComfyUI failed while running the workflow."


class OutOfMemory(ChorusError):
    """`execution_error` of an out-of-memory type, after the one retry with memory freed."""

    code = "OUT_OF_MEMORY"
    default_category = ErrorCategory.RESOURCE
    default = "The graphics card ran out of memory."
    default_advice = "Try a smaller size; the owner can turn on `visual_generation.unload_during_image_generation`."


class NoOutput(ChorusError):
    """The run ended well but reported no file of the expected kind."""

    code = "NO_OUTPUT"
    default = "The workflow ran but saved no file."
    default_advice = "The owner should check that the workflow ends in a Save node."


class OutputFileNotFound(ChorusError):
    """`/view` answered 404, also after a run with the cache broken."""

    code = "OUTPUT_FILE_NOT_FOUND"
    default = "ComfyUI made a file but no longer has it."


class OutputTooLarge(ChorusError):
    """A file is beyond the download cap, or cannot be made to fit Discord's limit."""

    code = "OUTPUT_TOO_LARGE"
    default_category = ErrorCategory.RESOURCE
    default = "The result is too large to post here."
    default_advice = "The file is kept by the owner of the bot; ask for a smaller size."


class QueueFull(ChorusError):
    """`queue.max_queue_size` or `queue.max_per_user` is reached."""

    code = "QUEUE_FULL"
    default_category = ErrorCategory.RESOURCE
    default = "The queue is full."
    default_advice = "Wait for a job to finish, or cancel one of yours with its Cancel button."


class TooManyRequests(ChorusError):
    """One person did the same too often in a short time."""

    code = "TOO_MANY_REQUESTS"
    default_category = ErrorCategory.RESOURCE
    default = "That was too often in a short time."
    default_advice = "Wait a minute, then try again."


class QuotaReached(ChorusError):
    """A person or a server has had as much made in 24 hours as a rule allows."""

    code = "QUOTA_REACHED"
    default = "The quota is used up."
    default_advice = "Nothing was accepted. What fails or is cancelled does not count."


class NotAllowed(ChorusError):
    """The person, or the bot, lacks a permission here."""

    code = "NOT_ALLOWED"
    default_category = ErrorCategory.CONFIGURATION
    default = "That is not allowed here."
    default_advice = "Ask somebody who manages this server."


class CharacterNotFound(ChorusError):
    """No character has that id or name."""

    code = "CHARACTER_NOT_FOUND"
    default_category = ErrorCategory.REQUEST
    default = "That character does not exist."
    default_advice = "Choose one from the list that appears while you type."


class LanguageModelUnavailable(ChorusError):
    """The language model is down, slow, empty-handed or out of memory."""

    code = "LLM_UNAVAILABLE"
    default = "The language model cannot answer right now."
    default_advice = "Your message is kept. The owner should check the model's server (`chorus doctor`)."


class VoiceUnavailable(ChorusError):
    """The character has no voice, or no audio workflow, or no usable sample."""

    code = "VOICE_UNAVAILABLE"
    default_category = ErrorCategory.CONFIGURATION
    default = "This character has no voice."
    default_advice = "The owner can add a workflow under `workflows/<character>/audio/`."


class StorageUnavailable(ChorusError):
    """The database could not be used for as long as the person can wait: locked by another program, or a full disk."""

    code = "STORAGE_UNAVAILABLE"
    default_category = ErrorCategory.RESOURCE
    default = "The bot cannot store anything right now."
    default_advice = (
        "Nothing was changed; try again in a minute. The owner should look at the log: another program may hold the "
        "database, or its disk may be full."
    )


class BackupFailed(ChorusError):
    """A backup could not be made, or the file is no backup that can be restored. Terminal and log only."""

    code = "BACKUP_FAILED"
    default = "The backup failed."
    default_advice = "Check that there is space and that the folder can be written."


class InputInvalid(ChorusError):
    """Something the person gave cannot be used: an empty prompt, a bad seed, a broken file."""

    code = "INPUT_INVALID"
    default_category = ErrorCategory.REQUEST
    default = "That input cannot be used."
    default_advice = "Correct it and try again."


class Cancelled(ChorusError):
    """Somebody who may cancelled the job."""

    code = "CANCELLED"
    default_category = ErrorCategory.REQUEST
    default = "Cancelled."
    default_advice = "Nothing was kept. Ask again whenever you like."


def _tree(root: type[ChorusError]) -> dict[str, type[ChorusError]]:
    found = {root.code: root} if root is not ChorusError else {}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


ERRORS_BY_CODE: dict[str, type[ChorusError]] = _tree(ChorusError)
"""Code -> class, for errors read back from the store."""
