"""A stand-in for a language model's server: rules instead of a model, behind OpenAI's wire format, faults on request.

::

    async with StandInLanguageModel() as llm:
        llm.mood.faults.append(Fault.BREAK_OFF)
        async with llm.hold(after=3) as gate:
            ...  # let something talk to llm.url
            await gate.reached.wait()

As a process of its own: `python -m bot.sandbox.llm --port 11434`.
"""

from bot.sandbox.llm.gates import Gate
from bot.sandbox.llm.mood import Fault, Mood
from bot.sandbox.llm.options import StandInModelOptions
from bot.sandbox.llm.request import ChatRequest
from bot.sandbox.llm.server import StandInLanguageModel
from bot.sandbox.llm.talking import TAG

__all__ = ["TAG", "ChatRequest", "Fault", "Gate", "Mood", "StandInLanguageModel", "StandInModelOptions"]
