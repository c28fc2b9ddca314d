"""The input, output and temp folders, and ComfyUI's rules about the names of files in them."""

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
    """A filename prefix leads out of its folder."""


class Folders:
    """Three folders below one root."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.temp_prefix = ""
        for name in ("input", "output", "temp"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.clear_temp()

    def clear_temp(self) -> None:
        """Empty the temp folder and choose a new prefix for temp files, as ComfyUI does at each start."""
        shutil.rmtree(self.root / "temp", ignore_errors=True)
        (self.root / "temp").mkdir()
        self.temp_prefix = "ComfyUI_temp_" + "".join(random.choices(string.ascii_lowercase, k=5))

    def path(self, folder_type: str) -> Path | None:
        """The folder of a `type`; None if there is no such type."""
        return self.root / folder_type if folder_type in {"input", "output", "temp"} else None

    def names(self, media: str) -> list[str]:
        """The files of the input folder that a combo of the kind `image`, `audio` or `video` offers."""
        suffixes = {
            "image": {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"},
            "audio": {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".mp4", ".webm"},
            "video": {".mp4", ".webm", ".mkv", ".mov", ".avi"},
        }[media]
        found = (self.root / "input").iterdir()
        return sorted(each.name for each in found if each.is_file() and each.suffix.lower() in suffixes)

    def split_annotation(self, name: str) -> tuple[str, Path | None]:
        """Split `x.png [output]` into the name and the folder; the folder is None without an annotation."""
        for folder_type in ("output", "input", "temp"):
            if name.endswith(f"[{folder_type}]"):
                return name[: -len(folder_type) - 3], self.root / folder_type
        return name, None

    def input_path(self, value: object) -> Path | None:
        """The file that a LoadImage or LoadAudio value names; None if there is no such file in the folders."""
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
        """Paths for `count` new files `<prefix>_<counter><suffix>`; the counter continues that of the existing files.

        Args:
            prefix: `a/b/x` means file `x` in subfolder `a/b`; `%width%`, `%height%`, `%year%`, ... are expanded.
            folder_type: The folder.
            suffix: With the underscore that ComfyUI has for some formats: `_.png`, `_.mp4`, but `.flac`.
            count: The number of files.
            size: Width and height in pixels, for `%width%` and `%height%`.

        Raises:
            OutsideFolderError: The prefix leads out of the folder. The message is ComfyUI's.

        """
        base = self.root / folder_type
        prefix = _expand_placeholders(prefix, size)
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
        """A file as outputs refer to it: `filename`, `subfolder` and `type`."""
        subfolder = path.parent.relative_to(self.root / folder_type).as_posix()
        return {"filename": path.name, "subfolder": "" if subfolder == "." else subfolder, "type": folder_type}


def _expand_placeholders(prefix: str, size: tuple[int, int]) -> str:
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
