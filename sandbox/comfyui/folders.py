"""The stand-in's input, output and temp folders, and ComfyUI's rules about names in them."""

from __future__ import annotations

import random
import re
import shutil
import string
import time
from pathlib import Path, PurePosixPath
from typing import Literal

FolderType = Literal["input", "output", "temp"]


class OutsideFolderError(Exception):
    """A prefix or subfolder leads out of its folder."""


class Folders:
    """Three folders under one root. `clear_temp` is what ComfyUI does at each start."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.temp_prefix = ""
        for name in ("input", "output", "temp"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.clear_temp()

    def clear_temp(self) -> None:
        """Forget previews; their names get a new random part."""
        shutil.rmtree(self.root / "temp", ignore_errors=True)
        (self.root / "temp").mkdir()
        self.temp_prefix = "ComfyUI_temp_" + "".join(random.choices(string.ascii_lowercase, k=5))

    def path(self, folder_type: str) -> Path | None:
        """The folder of a `type`, None for an unknown one."""
        return self.root / folder_type if folder_type in {"input", "output", "temp"} else None

    def names(self, media: str) -> list[str]:
        """Top-level files of the input folder for a combo: `image` or `audio`."""
        suffixes = {
            "image": {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"},
            "audio": {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".mp4", ".webm"},
        }[media]
        found = (self.root / "input").iterdir()
        return sorted(each.name for each in found if each.is_file() and each.suffix.lower() in suffixes)

    def split_annotation(self, name: str) -> tuple[str, Path | None]:
        """Split `x.png [output]` into the name and the folder that it names."""
        for folder_type in ("output", "input", "temp"):
            if name.endswith(f"[{folder_type}]"):
                return name[: -len(folder_type) - 3], self.root / folder_type
        return name, None

    def input_path(self, value: object) -> Path | None:
        """The file of a LoadImage or LoadAudio value; None where there is none inside our folders."""
        if not isinstance(value, str) or not value:
            return None
        name, folder = self.split_annotation(value)
        base = folder or self.root / "input"
        path = (base / name).resolve()
        return path if path.is_relative_to(base) and path.is_file() else None

    def view_path(self, name: str, folder_type: str, subfolder: str | None) -> Path | int:
        """The file that GET /view shows for these parameters, or the HTTP status with which ComfyUI refuses them."""
        name, folder = self.split_annotation(name)
        if not name or name.startswith("/") or ".." in name:
            return 400
        folder = folder or self.path(folder_type)
        if folder is None:
            return 400
        if subfolder is not None:
            inner = (folder / subfolder).resolve()
            if not inner.is_relative_to(folder):
                return 403
            folder = inner
        path = folder / PurePosixPath(name).name
        return path if path.is_file() else 404

    def save_paths(
        self, prefix: str, folder_type: FolderType, suffix: str, count: int, *, size: tuple[int, int] = (0, 0)
    ) -> list[Path]:
        """Paths for `count` new files `<prefix>_<counter><suffix>`; the counter goes on from what is there.

        Args:
            prefix: `a/b/x` means file `x` in subfolder `a/b`; `%width%`, `%height%`, `%year%`, ... are filled in.
            folder_type: Where.
            suffix: With the underscore of the formats that have one: `_.png`, `_.mp4`, but `.flac`.
            count: How many.
            size: For `%width%` and `%height%`.

        Raises:
            OutsideFolderError: With ComfyUI's own message.

        """
        base = self.root / folder_type
        prefix = _filled(prefix, size)
        folder, name = (base / prefix).parent.resolve(), Path(prefix).name
        if not folder.is_relative_to(base):
            msg = (
                "**** ERROR: Saving image outside the output folder is not allowed.\n"
                f" full_output_folder: {folder}\n         output_dir: {base}"
            )
            raise OutsideFolderError(msg)
        folder.mkdir(parents=True, exist_ok=True)
        counted = re.compile(re.escape(name) + r"_(\d+)", re.IGNORECASE)
        taken = [int(match.group(1)) for each in folder.iterdir() if (match := counted.match(each.name))]
        first = max(taken, default=0) + 1
        return [folder / f"{name}_{number:05}{suffix}" for number in range(first, first + count)]

    def reference(self, path: Path, folder_type: FolderType) -> dict[str, str]:
        """The file as outputs name it."""
        subfolder = path.parent.relative_to(self.root / folder_type).as_posix()
        return {"filename": path.name, "subfolder": "" if subfolder == "." else subfolder, "type": folder_type}


def _filled(prefix: str, size: tuple[int, int]) -> str:
    now = time.localtime()
    values = {
        "width": size[0],
        "height": size[1],
        "year": now.tm_year,
        "month": f"{now.tm_mon:02}",
        "day": f"{now.tm_mday:02}",
        "hour": f"{now.tm_hour:02}",
        "minute": f"{now.tm_min:02}",
        "second": f"{now.tm_sec:02}",
    }
    for name, value in values.items():
        prefix = prefix.replace(f"%{name}%", str(value))
    return prefix
