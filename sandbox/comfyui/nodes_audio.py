"""Audio nodes; files are read and written with ffmpeg."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sandbox.comfyui.ffmpeg_files import read_audio, write_audio
from sandbox.comfyui.folders import FolderType
from sandbox.comfyui.node_context import NodeContext
from sandbox.comfyui.node_results import Inputs, NodeResult
from sandbox.comfyui.nodes_image import metadata, output_reference
from sandbox.comfyui.values import Audio


def _empty(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    samples = round(inputs["duration"] * inputs["sample_rate"]) * inputs["channels"]
    return NodeResult((Audio(bytes(2 * samples), inputs["sample_rate"], inputs["channels"]),))


def _load(context: NodeContext, inputs: Inputs) -> NodeResult:
    path = context.folders.input_path(inputs["audio"])
    if path is None:
        raise FileNotFoundError(2, "No such file or directory", inputs["audio"])
    return NodeResult((read_audio(path),))


def _save(suffix: str, options: Callable[[Inputs], list[str]]) -> Callable[[NodeContext, Inputs], NodeResult]:
    def run(context: NodeContext, inputs: Inputs) -> NodeResult:
        return _write(
            context,
            inputs["audio"],
            inputs["filename_prefix"],
            folder_type="output",
            suffix=suffix,
            options=options(inputs),
        )

    return run


def _preview(context: NodeContext, inputs: Inputs) -> NodeResult:
    return _write(context, inputs["audio"], context.folders.temp_prefix, folder_type="temp", suffix=".flac", options=[])


def _write(
    context: NodeContext, audio: Audio, prefix: str, *, folder_type: FolderType, suffix: str, options: list[str]
) -> NodeResult:
    [path] = context.folders.save_paths(prefix, folder_type, suffix, 1)
    write_audio(audio, path, options, metadata(context))
    return NodeResult((audio,), {"audio": [output_reference(context, path, folder_type)]})


def _mp3(inputs: Inputs) -> list[str]:
    quality: str = inputs["quality"]
    return ["-c:a", "libmp3lame", *(["-q:a", "0"] if quality == "V0" else ["-b:a", quality])]


def _opus(inputs: Inputs) -> list[str]:
    return ["-c:a", "libopus", "-ar", "48000", "-b:a", inputs["quality"]]


RUNNERS: Mapping[str, Callable[[NodeContext, Inputs], NodeResult]] = {
    "EmptyAudio": _empty,
    "LoadAudio": _load,
    "SaveAudio": _save(".flac", lambda _inputs: []),
    "SaveAudioMP3": _save(".mp3", _mp3),
    "SaveAudioOpus": _save(".opus", _opus),
    "PreviewAudio": _preview,
}
