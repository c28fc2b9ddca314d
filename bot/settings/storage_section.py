"""`storage` in `config.yaml`."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationInfo, field_validator

from bot.settings.section import LocalPath, Section, from_config_folder


class StorageSection(Section):
    """`storage`: where everything is kept."""

    data_dir: LocalPath = Path("data")
    """The folder of database, pictures, speech and logs."""
    database_url: str = ""
    """Becomes a URL for SQLAlchemy with an async driver; empty: SQLite in the data folder."""

    @property
    def conversions(self) -> Path:
        """The folder of conversions of workflow files in the UI format."""
        return self.data_dir / "converted"

    @field_validator("database_url", mode="after")
    @classmethod
    def _async_url(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return f"sqlite+aiosqlite:///{(Path(info.data.get('data_dir', 'data')) / 'chorus.db').as_posix()}"
        scheme, separator, rest = value.partition("://")
        dialect = scheme.partition("+")[0]
        drivers = {"sqlite": "aiosqlite", "postgresql": "asyncpg", "postgres": "asyncpg"}
        if not separator or dialect not in drivers:
            raise ValueError("must begin with sqlite:/// or postgresql://")
        if dialect == "sqlite":
            name = rest.removeprefix("/")
            if name and name != ":memory:":
                rest = "/" + from_config_folder(Path(name), info).as_posix()
        return f"{'sqlite' if dialect == 'sqlite' else 'postgresql'}+{drivers[dialect]}://{rest}"
