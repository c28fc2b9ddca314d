"""An archive holds rows and files that belong together, whatever the bot does meanwhile."""

from __future__ import annotations

import sqlite3
import threading
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.backup.archive import Manifest, verify_archive
from bot.backup.making import make_backup
from bot.backup.paths import BackupPaths
from bot.backup.restoring import UNFINISHED, require_finished_restore, restore_backup
from bot.errors import BackupFailed, ConfigError
from bot.file_hash import sha256_of_file
from tests.migrated_database import migrated_database

IMAGE = (
    "INSERT INTO images (id, job_id, filename, thumbnail_filename, n, character_id, requester_id, shelf,"
    " age_restricted, workflow_name, seed, size_bytes, sha256, created_at, prompt)"
    " VALUES (?, ?, ?, ?, 0, 'nova', 1, 0, 0, 'w', '1', 4, 'x', '2026-01-01 00:00:00', 'a boat')"
)


class Folder:
    """A data folder with a database, as the bot fills it."""

    def __init__(self, root: Path) -> None:
        self.paths = BackupPaths(
            database=root / "data" / "chorus.db",
            data_dir=root / "data",
            characters=root / "characters",
            workflows=root / "workflows",
            backups=root / "data" / "backups",
        )
        migrated_database(self.paths.database)
        write(root / "characters" / "nova.yaml", "name: Nova\n")
        write(root / "characters" / "nova" / "voice" / "calm.wav", "sound")
        write(root / "workflows" / "nova" / "image" / "default.json", "{}")
        for name in ("guilds/1/workflows/nova/image/mine.json", "inputs/abc.png", "logs/chorus.log", "backups/old.zip"):
            write(self.paths.data_dir / name, name)
        self.number = 0

    def add_picture(self) -> int:
        """The files, then the row."""
        self.number += 1
        n = self.number
        for name in picture_files(n):
            write(self.paths.data_dir / name, f"picture {n}")
        with closing(sqlite3.connect(self.paths.database, timeout=20)) as database, database:
            database.execute(IMAGE, (n, str(n), *picture_files(n)[:2]))
        return n

    def delete_picture(self, n: int) -> None:
        """The row, then the files."""
        with closing(sqlite3.connect(self.paths.database, timeout=20)) as database, database:
            database.execute("UPDATE images SET deleted_at = '2026-01-02 00:00:00' WHERE id = ?", (n,))
        for name in picture_files(n):
            (self.paths.data_dir / name).unlink()

    def content(self) -> dict[str, str]:
        """What a backup should have, without the database."""
        return {name: sha256_of_file(path) for name, path in self.paths.files()}


def picture_files(n: int) -> tuple[str, str, str]:
    return (f"images/c/{n}.png", f"images/c/{n}.thumb.webp", f"images/c/{n}.json")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def names_in(archive: Path) -> set[str]:
    with zipfile.ZipFile(archive) as opened:
        return set(opened.namelist())


def test_everything_that_is_kept_is_in_it(folder: Folder, tmp_path: Path) -> None:
    folder.add_picture()
    made = make_backup(folder.paths, tmp_path / "b.zip")
    assert names_in(made.path) == {
        "backup.json",
        "chorus.db",
        "characters/nova.yaml",
        "characters/nova/voice/calm.wav",
        "workflows/nova/image/default.json",
        "data/guilds/1/workflows/nova/image/mine.json",
        "data/inputs/abc.png",
        *(f"data/{name}" for name in picture_files(1)),
    }
    assert made.files == 8
    assert made.missing == ()
    assert verify_archive(made.path, tmp_path).missing == []
    assert not list(folder.paths.data_dir.glob(".backup-*"))


def test_a_folder_on_another_disk_is_followed(folder: Folder, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    folder.paths.data_dir.joinpath("images").mkdir()
    folder.paths.data_dir.joinpath("images").rename(elsewhere)
    folder.paths.data_dir.joinpath("images").symlink_to(elsewhere)
    elsewhere.joinpath("loop").symlink_to(elsewhere)
    folder.add_picture()
    made = make_backup(folder.paths, tmp_path / "b.zip")
    assert {name for name in names_in(made.path) if "images" in name} == {f"data/{name}" for name in picture_files(1)}


def test_pictures_come_and_go_meanwhile(folder: Folder, tmp_path: Path) -> None:
    shown = [folder.add_picture() for _ in range(30)]
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            shown.append(folder.add_picture())
            folder.delete_picture(shown.pop(0))

    churning = threading.Thread(target=churn)
    churning.start()
    try:
        for number in range(8):
            before = folder.number
            made = make_backup(folder.paths, tmp_path / f"{number}.zip")  # verified: a row without its file would fail
            with zipfile.ZipFile(made.path) as archive:
                archive.extract("chorus.db", tmp_path / f"{number}")
                files = {int(Path(name).name.split(".")[0]) for name in archive.namelist() if "/images/" in name}
            with closing(sqlite3.connect(tmp_path / f"{number}" / "chorus.db")) as database:
                query = "SELECT id FROM images WHERE deleted_at IS NULL"
                rows = {number for (number,) in database.execute(query)}
            assert folder.number > before
            assert made.missing == ()
            assert len(rows) in {30, 31}
            assert files == rows
    finally:
        stop.set()
        churning.join()


def test_a_lost_file_is_told_and_does_not_stop_the_backup(folder: Folder, tmp_path: Path) -> None:
    folder.add_picture()
    (folder.paths.data_dir / picture_files(1)[0]).unlink()
    made = make_backup(folder.paths, tmp_path / "b.zip")
    assert made.missing == (f"data/{picture_files(1)[0]}",)
    assert list(verify_archive(made.path, tmp_path).missing) == list(made.missing)


def test_no_file_is_replaced_and_nothing_is_left_of_a_failure(folder: Folder, tmp_path: Path) -> None:
    target = tmp_path / "b.zip"
    target.write_text("mine", encoding="utf-8")
    with pytest.raises(BackupFailed, match="exists already"):
        make_backup(folder.paths, target)
    assert target.read_text("utf-8") == "mine"

    def stop() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make_backup(folder.paths, tmp_path / "new" / "b.zip", stop)
    assert list((tmp_path / "new").iterdir()) == []
    assert not list(folder.paths.data_dir.glob(".backup-*"))


def test_a_damaged_database_gives_no_backup(folder: Folder, tmp_path: Path) -> None:
    with folder.paths.database.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xa5" * 4096)
    with pytest.raises(BackupFailed, match=r"database (could not be copied|is damaged)"):
        make_backup(folder.paths, tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


# -- restoring


def test_what_was_there_is_kept(folder: Folder, tmp_path: Path) -> None:
    folder.add_picture()
    saved = folder.content()
    made = make_backup(folder.paths, tmp_path / "b.zip")
    folder.add_picture()
    folder.delete_picture(1)
    write(folder.paths.characters / "nova.yaml", "name: Changed\n")
    write(folder.paths.characters / "eve.yaml", "name: Eve\n")
    restored = restore_backup(folder.paths, made.path)
    assert folder.content() == saved | {"characters/eve.yaml": sha256_of_file(folder.paths.characters / "eve.yaml")}
    assert restored.files == made.files
    assert restored.kept is not None
    assert (restored.kept / "characters" / "nova.yaml").read_text("utf-8") == "name: Changed\n"
    assert (restored.kept / "data" / picture_files(2)[0]).is_file()
    with closing(sqlite3.connect(restored.kept / "chorus.db")) as database:
        assert database.execute("SELECT count(*) FROM images").fetchone() == (2,)
    with closing(sqlite3.connect(folder.paths.database)) as database:
        assert database.execute("SELECT id, deleted_at FROM images").fetchall() == [(1, None)]
    assert (folder.paths.data_dir / "logs" / "chorus.log").is_file()
    again = restore_backup(folder.paths, made.path)
    assert again.kept not in {None, restored.kept}


def test_restored_on_another_machine_jobs_find_their_input_files(folder: Folder, tmp_path: Path) -> None:
    given = folder.paths.data_dir / "inputs" / "abc.png"
    request = f'{{"inputs": [{{"role": "reference_image", "path": "{given}", "sha256": "x"}}]}}'
    columns = (
        "id, number, owner, kind, state, request, character_id, character_version, workflow_name, workflow_hash, seed,"
        " parameters, requester_id, artifacts, created_at"
    )
    values = f"'j', 1, 'run', 'image', 'delivered', '{request}', 'nova', 'v', 'w', 'h', '1', '{{}}', 1, '[]', '2026'"
    with closing(sqlite3.connect(folder.paths.database)) as database, database:
        database.execute(f"INSERT INTO jobs ({columns}) VALUES ({values})")
    made = make_backup(folder.paths, tmp_path / "b.zip")
    other = tmp_path / "other"
    paths = BackupPaths(other / "d" / "x.db", other / "d", other / "c", other / "w", other / "b")
    assert restore_backup(paths, made.path).kept is None
    with closing(sqlite3.connect(paths.database)) as database:
        (stored,) = database.execute("SELECT json_extract(request, '$.inputs[0].path') FROM jobs").fetchone()
    assert Path(stored) == other / "d" / "inputs" / "abc.png"
    assert Path(stored).read_text("utf-8") == "inputs/abc.png"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(b"picture 1") + 3] ^= 1
    path.write_bytes(content)


def no_archive(path: Path) -> None:
    path.write_text("a letter", encoding="utf-8")


def another_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


def changed(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    change(content)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def outside(path: Path) -> None:
    changed(path, lambda content: content.update({"data/../../evil": b"x"}))


def absolute(path: Path) -> None:
    changed(path, lambda content: content.update({"/tmp/evil": b"x"}))


def without_a_picture(path: Path) -> None:
    def remove(content: dict[str, bytes]) -> None:
        del content[f"data/{picture_files(1)[0]}"]

    changed(path, remove)


def without_a_database(path: Path) -> None:
    def remove(content: dict[str, bytes]) -> None:
        del content["chorus.db"]

    changed(path, remove)


def damaged_database(path: Path) -> None:
    def damage(content: dict[str, bytes]) -> None:
        database = content["chorus.db"]
        content["chorus.db"] = database[: 4096 * 3] + b"\xa5" * 4096 + database[4096 * 4 :]

    changed(path, damage)


def newer(path: Path) -> None:
    def rewrite(content: dict[str, bytes]) -> None:
        manifest = Manifest.model_validate_json(content["backup.json"])
        content["backup.json"] = manifest.model_copy(update={"revision": "9999"}).model_dump_json().encode()

    changed(path, rewrite)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (cut, "damaged"),
        (flip, "damaged"),
        (no_archive, "no backup"),
        (another_archive, "no backup"),
        (outside, "evil"),
        (absolute, "evil"),
        (without_a_picture, "1 files of its database"),
        (without_a_database, "no backup"),
        (damaged_database, "database is damaged"),
        (newer, "newer version"),
        (Path.unlink, "no such file"),
    ],
)
def test_what_is_no_sound_backup_changes_nothing(
    folder: Folder, tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    folder.add_picture()
    made = make_backup(folder.paths, tmp_path / "b.zip")
    folder.add_picture()
    before = folder.content() | {"db": sha256_of_file(folder.paths.database)}
    spoil(made.path)
    with pytest.raises(BackupFailed, match=said):
        restore_backup(folder.paths, made.path)
    assert folder.content() | {"db": sha256_of_file(folder.paths.database)} == before
    assert not list(folder.paths.data_dir.glob("before-restore-*"))
    assert not (tmp_path / "evil").exists()
    require_finished_restore(folder.paths.data_dir)


def test_an_interrupted_restore_stops_the_start_until_it_is_repeated(folder: Folder, tmp_path: Path) -> None:
    """The folder that the last step would write to is a file, so it fails when the data is in place already."""
    folder.add_picture()
    made = make_backup(folder.paths, tmp_path / "b.zip")
    saved = folder.content()
    paths = BackupPaths(
        folder.paths.database, folder.paths.data_dir, folder.paths.characters, tmp_path / "file", folder.paths.backups
    )
    folder.add_picture()
    write(tmp_path / "file", "in the way")
    with pytest.raises(BackupFailed):
        restore_backup(paths, made.path)
    assert (folder.paths.data_dir / UNFINISHED).exists()
    with pytest.raises(ConfigError, match="interrupted") as raised:
        require_finished_restore(folder.paths.data_dir)
    assert "chorus restore" in raised.value.advice
    restore_backup(folder.paths, made.path)
    require_finished_restore(folder.paths.data_dir)
    assert folder.content() == saved
    kept = list(folder.paths.data_dir.glob(f"before-restore-*/data/{picture_files(2)[0]}"))
    assert len(kept) == 1
