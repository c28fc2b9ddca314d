"""Whether ComfyUI is asked for previews of a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.comfyui.system_stats import SystemStats

_METHOD = "auto"


def preview_request(stats: SystemStats) -> Mapping[str, Any]:
    """Return the `extra_data` of a prompt that asks for previews.

    ComfyUI's default is none. `extra_data.preview_method` takes the place of the server's `--preview-method` for that
    prompt (`latent_preview.set_preview_method`); servers that do not know it ignore it. Where the server was started
    with the option, also with `none`, its owner has decided, and nothing is asked.
    """
    decided = any(argument.split("=")[0] == "--preview-method" for argument in stats.argv)
    return {} if decided else {"preview_method": _METHOD}
