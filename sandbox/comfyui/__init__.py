"""A stand-in for ComfyUI 0.33 on loopback: the real wire format, nodes that really run, and faults on request.

::

    async with StandInComfyUI() as comfy:
        comfy.faults.posts.append(PostFault.APPLIED_THEN_DROPPED)
        async with comfy.set_breakpoint("KSampler") as breakpoint_:
            ...  # submit something to comfy.url
            await breakpoint_.reached.wait()
        await comfy.log.wait_for("execution_success", prompt_id)

Pictures are drawn by rule from prompt and seed and marked "sandbox"; speech is espeak-ng's. As a process of its own:
`python -m sandbox.comfyui --port 8188`.
"""

from sandbox.comfyui.event_log import EventLog, LogEntry
from sandbox.comfyui.faults import Faults, PostFault, ViewFault
from sandbox.comfyui.node_breakpoints import NodeBreakpoint
from sandbox.comfyui.options import StandInOptions
from sandbox.comfyui.server import StandInComfyUI

__all__ = [
    "EventLog",
    "Faults",
    "LogEntry",
    "NodeBreakpoint",
    "PostFault",
    "StandInComfyUI",
    "StandInOptions",
    "ViewFault",
]
