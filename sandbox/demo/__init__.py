"""`chorus demo`: the real bot visits a local Discord, with stand-ins for ComfyUI and the language model.

`run_demo` is what the command calls. Everything the demo makes is in a folder of its own, emptied at each start.
"""

from sandbox.demo.running import DemoOptions, run_demo

__all__ = ["DemoOptions", "run_demo"]
