"""Moving the files of Chorus Engine's layout, one `<character>/workflow.json` per character, to today's folders."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from bot.domain.jobs import JobKind

_log = logging.getLogger(__name__)


def migrate_flat_files(root: Path) -> Iterator[Path]:
    """Move each `<character>/workflow.json` to `<character>/image/default.json` and yield the new paths.

    An existing `default.json` is never overwritten: the old file then stays where it is, which is logged.
    """
    for old in sorted(root.glob("*/workflow.json")):
        new = old.parent / JobKind.IMAGE.value / "default.json"
        try:
            new.parent.mkdir(exist_ok=True)
            # A hard link fails in one step if the name is taken; a rename would overwrite.
            new.hardlink_to(old)
            old.unlink()
        except FileExistsError:
            _log.warning("%s was not moved: %s exists; remove one of them", old, new)
        except OSError:
            if not _copy_exclusively(old, new):
                continue
            _log.info("moved %s to %s", old, new)
            yield new
        else:
            _log.info("moved %s to %s", old, new)
            yield new


def _copy_exclusively(old: Path, new: Path) -> bool:
    """Move on a file system without hard links: create the new file only if there is none, then remove the old one."""
    try:
        with new.open("xb") as target:
            target.write(old.read_bytes())
        old.unlink()
    except OSError as error:
        _log.warning("%s could not be moved to %s: %s", old, new, error)
        return False
    return True
