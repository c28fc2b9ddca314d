from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.jobs import JobKind
from bot.errors import ConfigError
from bot.settings import Settings, default_settings, load_settings


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str, environment: dict[str, str] | None = None) -> str:
    path = write(folder, text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environment=environment or {})
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) not in message
    return message


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, ""), environment={})
    assert settings == default_settings(tmp_path)
    assert settings.comfyui.servers == ("http://127.0.0.1:8188",)
    assert settings.comfyui.queue.max_per_user == 3
    assert settings.discord.notify_after_seconds == 60
    assert settings.default_character == "nova"
    assert settings.discord_token is None


def test_relative_paths_count_from_the_files_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    text = "storage:\n  data_dir: store\npaths:\n  workflows: /srv/flows\n"
    settings = load_settings(Path("..") / write(tmp_path, text).name, environment={})
    assert settings.storage.data_dir.resolve() == tmp_path / "store"
    assert settings.paths.characters.resolve() == tmp_path / "characters"
    assert settings.paths.workflows == Path("/srv/flows")
    assert settings.storage.database_url.startswith("sqlite+aiosqlite:////")
    assert settings.storage.database_url.endswith("store/chorus.db")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgresql://u:p@db/chorus", "postgresql+asyncpg://u:p@db/chorus"),
        ("postgres://db/chorus", "postgresql+asyncpg://db/chorus"),
        ("sqlite+aiosqlite:////srv/x.db", "sqlite+aiosqlite:////srv/x.db"),
        ("sqlite:///:memory:", "sqlite+aiosqlite:///:memory:"),
    ],
)
def test_database_urls_become_async_ones(given: str, expected: str) -> None:
    assert Settings.model_validate({"storage": {"database_url": given}}).storage.database_url == expected


def test_a_relative_sqlite_file_counts_from_the_folder(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "storage:\n  database_url: sqlite:///x.db\n"), environment={})
    assert settings.storage.database_url == f"sqlite+aiosqlite:///{(tmp_path / 'x.db').as_posix()}"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("comfyui:\n  urll: x\n", ["config.yaml, line 2", "`comfyui.urll`", "`comfyui.url`"]),
        ("comfyui:\n  max_per_user: 3\n", ["line 2", "`comfyui.queue.max_per_user`"]),
        ("# a\n\nqueue:\n  x: 1\n", ["line 3", "unknown key `queue`", "`comfyui.queue`"]),
        ("comfyui:\n  queue:\n    max_per_user: three\n", ["line 3", "a whole number", "'three'"]),
        ("comfyui:\n  queue:\n    max_per_user: true\n", ["line 3", "must be a number, not true"]),
        ("comfyui:\n  timeout_seconds: -1\n", ["line 2", "must be more than 0"]),
        ("discord:\n  allow_dms: perhaps\n", ["line 2", "`discord.allow_dms`", "true or false"]),
        ("discord:\n  guild_ids: [1, two]\n", ["line 2", "`discord.guild_ids[1]`", "'two'"]),
        ("discord: here\n", ["line 1", "`discord` must be a section"]),
        ("llm:\n  provider: gpt\n", ["line 2", "'ollama'", "'gpt'"]),
        ("llm:\n  max_response_tokens: 9000\n", ["`llm`", "smaller than `context_window`"]),
        ("comfyui:\n  url: ftp://x\n", ["line 2", "an address such as"]),
        ("comfyui:\n  url: a\n  urls: [b]\n", ["`url` or `urls`"]),
        ("comfyui:\n  urls: [a, a]\n", ["twice"]),
        ("storage:\n  database_url: mysql://x\n", ["line 2", "sqlite:///"]),
        ("discord:\n  reactions:\n    speak: ❌\n", ["`discord.reactions`", "different emoji"]),
        ("voice:\n  max_chars: 1\n  max_chars: 2\n", ["line 3", "`voice.max_chars`", "already set in line 2"]),
        ("voice:\n\tmax_chars: 1\n", ["line 2", "tab"]),
        ("voice:\n  a: 1\n\tb: 1\n", ["line 3", "tab"]),
        ("- a\n", ["line 1", "keys with values"]),
        ("x: [1,\n", ["config.yaml, line", "not YAML"]),
        ("[" * 5000, ["nested too deeply"]),
        ("a: &a [*a]\n", ["contains itself"]),
        ("default_character: 5\n", ["`default_character`", "text"]),
        ("zzz: 1\nyyy: 2\n", ["line 1", "(and 1 more)"]),
        ("discord:\n  token: abc.def\n", ["line 2", "`discord.token`", "DISCORD_TOKEN", ".env"]),
        ("llm_api_key: abc\n", ["line 1", "LLM_API_KEY"]),
    ],
)
def test_refusals_name_file_line_and_key(tmp_path: Path, text: str, parts: list[str]) -> None:
    message = refusal(tmp_path, text)
    for part in parts:
        assert part in message
    assert "abc" not in message


def test_exploding_aliases_end(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "too many values" in refusal(tmp_path, "\n".join(lines))


def test_unreadable_files(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "none.yaml", "no such file"), (tmp_path, "cannot be read")):
        with pytest.raises(ConfigError, match=words):
            load_settings(path, environment={})
    (tmp_path / "latin.yaml").write_bytes(b"ok: 1\nname: \xe9\n")
    with pytest.raises(ConfigError, match="line 2: the file is not UTF-8"):
        load_settings(tmp_path / "latin.yaml", environment={})
    (tmp_path / "big.yaml").write_bytes(b"#" * 2_000_000)
    with pytest.raises(ConfigError, match="larger than"):
        load_settings(tmp_path / "big.yaml", environment={})


def test_merge_keys_and_a_bom_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("\ufeffcomfyui:\n  polling: &p {max_interval_seconds: 7}\n", encoding="utf-8")
    assert load_settings(path, environment={}).comfyui.polling.max_interval_seconds == 7
    text = "voice: &v {max_chars: 9}\nmedia:\n  <<: *v\n"
    assert "`media.max_chars`" in refusal(tmp_path, text)


def test_one_timeout_stands_for_both_kinds() -> None:
    one = Settings.model_validate({"comfyui": {"timeout_seconds": 20}}).comfyui
    assert [one.timeout_for(kind) for kind in JobKind] == [20, 20, 900]
    two = Settings.model_validate({"comfyui": {"timeout_seconds": {"audio": 5}}}).comfyui
    assert [two.timeout_for(kind) for kind in JobKind] == [300, 5, 900]


def test_addresses_are_normalised() -> None:
    settings = Settings.model_validate({"comfyui": {"urls": ["gpu:8188/", "https://b.example/comfy/"]}})
    assert settings.comfyui.servers == ("http://gpu:8188", "https://b.example/comfy")


@pytest.mark.parametrize(
    ("llm", "expected"),
    [
        ({}, "http://127.0.0.1:11434/v1"),
        ({"provider": "lmstudio"}, "http://127.0.0.1:1234/v1"),
        ({"provider": "koboldcpp"}, "http://127.0.0.1:5001/v1"),
        ({"provider": "openai"}, "https://api.openai.com/v1"),
        ({"provider": "lmstudio", "base_url": "http://box:1234"}, "http://box:1234/v1"),
        ({"provider": "openai", "base_url": "http://box/api/v2/"}, "http://box/api/v2"),
    ],
)
def test_a_provider_brings_its_address(llm: dict[str, str], expected: str) -> None:
    assert Settings.model_validate({"llm": llm}).llm.url == expected


def test_secrets_come_from_the_environment_before_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DISCORD_TOKEN=from-file$x\nLLM_API_KEY='quoted key'\n", encoding="utf-8")
    path = write(tmp_path, "")
    settings = load_settings(path, environment={})
    assert settings.discord_token is not None
    assert settings.llm_api_key is not None
    assert settings.discord_token.get_secret_value() == "from-file$x"
    assert settings.llm_api_key.get_secret_value() == "quoted key"
    empty = load_settings(path, environment={"DISCORD_TOKEN": ""})
    assert empty.discord_token == settings.discord_token
    settings = load_settings(path, environment={"DISCORD_TOKEN": " from-shell \n"})
    assert settings.discord_token is not None
    assert settings.discord_token.get_secret_value() == "from-shell"
    assert "from-shell" not in repr(settings)
    assert "from-shell" not in settings.model_dump_json()
    assert "from-shell" in settings.secrets()


def test_passwords_in_addresses_are_secrets() -> None:
    settings = Settings.model_validate({"storage": {"database_url": "postgresql://u:hunter2@db/c"}})
    assert settings.secrets() == ("hunter2",)


def test_environment_overrides_any_key(tmp_path: Path) -> None:
    path = write(tmp_path, "comfyui:\n  url: a:1\n")
    variables = {"CHORUS__COMFYUI__URL": "b:2", "CHORUS__DISCORD__GUILD_IDS": "[5]", "CHORUS_OTHER": "ignored"}
    settings = load_settings(path, environment=variables)
    assert settings.comfyui.servers == ("http://b:2",)
    assert settings.discord.guild_ids == (5,)


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("CHORUS__COMFY__URL", "x", "`comfyui`"),
        ("CHORUS__COMFYUI__URLL", "x", "`comfyui.url`"),
        ("CHORUS__VOICE__MAX_CHARS", "lots", "a whole number"),
        ("CHORUS__DEFAULT_CHARACTER__X", "y", "`default_character`"),
        ("CHORUS__VOICE__MAX_CHARS", "[", "not YAML"),
    ],
)
def test_a_wrong_override_names_its_variable(tmp_path: Path, name: str, value: str, part: str) -> None:
    message = refusal(tmp_path, "default_character: nova\n", {name: value})
    assert name in message.replace("Environment", "environment")
    assert part in message


def test_without_a_file_the_working_folder_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(environment={}).storage.data_dir == tmp_path / "data"
    write(tmp_path, "default_character: alex\n")
    assert load_settings(environment={}).default_character == "alex"


def test_settings_are_frozen() -> None:
    settings = Settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.voice.max_chars = 5  # pyright: ignore[reportAttributeAccessIssue] - frozen
