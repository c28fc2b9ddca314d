"""`chorus demo`: the real bot in a local Discord, with stand-ins for ComfyUI and the language model.

`run_demo` runs a scenario and prints a transcript. Everything that the demo makes is in a folder of its own, which is
emptied at each start.
"""

from sandbox.demo.runner import DemoOptions, run_demo

__all__ = ["DemoOptions", "run_demo"]
