"""A stand-in for a language model's server: rules instead of a model, behind OpenAI's wire format, faults on request.

::

    async with StandInLanguageModel() as llm:
        llm.mood.faults.append(Fault.BREAK_OFF)
        async with llm.hold(after=3) as gate:
            ...  # let something talk to llm.url
            await gate.reached.wait()

As a process of its own: `python -m sandbox.llm --port 11434`.
"""

from sandbox.llm.gates import Gate
from sandbox.llm.mood import Fault, Mood
from sandbox.llm.options import StandInModelOptions
from sandbox.llm.request import ChatRequest
from sandbox.llm.server import StandInLanguageModel
from sandbox.llm.talking import TAG

__all__ = ["TAG", "ChatRequest", "Fault", "Gate", "Mood", "StandInLanguageModel", "StandInModelOptions"]
