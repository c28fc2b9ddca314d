"""A stand-in for a language model's server: rules instead of a model, behind OpenAI's wire format, faults on request.

::

    async with StandInLanguageModel() as llm:
        llm.faults.chat.append(ChatFault.BREAK_OFF)
        async with llm.set_breakpoint(after=3) as breakpoint_:
            ...  # let something talk to llm.url
            await breakpoint_.reached.wait()

As a process of its own: `python -m sandbox.llm --port 11434`.
"""

from sandbox.llm.answers import STAND_IN_TAG
from sandbox.llm.breakpoints import StreamBreakpoint
from sandbox.llm.faults import ChatFault, Faults
from sandbox.llm.options import StandInModelOptions
from sandbox.llm.request import ChatRequest
from sandbox.llm.server import StandInLanguageModel

__all__ = [
    "STAND_IN_TAG",
    "ChatFault",
    "ChatRequest",
    "Faults",
    "StandInLanguageModel",
    "StandInModelOptions",
    "StreamBreakpoint",
]
