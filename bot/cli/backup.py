"""`chorus backup FILE` and `chorus restore FILE`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bot.backup.making import make_backup
from bot.backup.paths import BackupPaths
from bot.backup.restoring import restore_backup
from bot.errors import ConfigError
from bot.instance_lock import any_command_lives, lock_data_folder, lock_database
from bot.services.backup import backup_paths
from bot.settings import Settings


def backup(settings: Settings, file: Path, console: Console) -> None:
    """Write an archive and print what is in it. Blocking.

    Raises:
        BackupFailed: It cannot be made.
        ConfigError: The database is no SQLite file.

    """
    made = make_backup(backup_paths(settings), file)
    size = f"{made.size / 1e6:.1f} MB"
    console.print(f"{escape(str(file))}: the database and {made.files} files, {size}, verified.", soft_wrap=True)
    if made.missing:
        console.print(f"[yellow]{len(made.missing)} files of results are not on the disk (any more):[/]")
        for name in made.missing[:5]:
            console.print(f"  {escape(name)}", soft_wrap=True)
    for name in made.left_out:
        console.print(f"[yellow]Left out, because its name is no text:[/] {escape(name)}", soft_wrap=True)


def restore(settings: Settings, file: Path, console: Console) -> None:
    """Put an archive in place and print what was done. Blocking.

    Raises:
        BackupFailed: It is no backup, damaged, or cannot be put in place.
        ConfigError: A bot or command uses the data folder or the database, or the database is no SQLite file.

    """
    paths = backup_paths(settings)
    with ExitStack() as locks:
        locks.enter_context(lock_data_folder(paths.data_dir))
        paths.database.parent.mkdir(parents=True, exist_ok=True)
        locks.enter_context(lock_database(paths.database))
        _require_no_command(paths)
        restored = restore_backup(paths, file)
    made = f"{restored.manifest.created_at:%Y-%m-%d %H:%M} UTC"
    console.print(f"Restored the backup of {made}: the database and {restored.files} files.", soft_wrap=True)
    if restored.kept is not None:
        kept = escape(str(restored.kept))
        console.print(f"What was there before is in {kept}; delete it when you no longer need it.", soft_wrap=True)


def _require_no_command(paths: BackupPaths) -> None:
    if any_command_lives(paths.database.parent):
        raise ConfigError("A command of Chorus is at work with this database.", advice="Wait until it has ended.")
