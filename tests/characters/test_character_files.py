from __future__ import annotations

from pathlib import Path

import pytest

from bot.characters import Character, voice_sample_files
from bot.characters.character_files import CharacterFile, read_character
from bot.domain.jobs import JobKind
from bot.errors import ConfigError
from tests.characters import cards

# The shape of Chorus Engine's own files: its sections and its values' types, our words.
CHORUS_ENGINE = """\
id: brook
name: Brook
role: Gardener & Listener
aliases: [Brooklyn]
custom_system_prompt: false
role_type: companion
user_identity: {mode: canonical, role_name: null, role_aliases: []}
output_mode: markdown_v1
system_prompt: You're Brook. You grow things
  and talk about them.
immersion_level: full
immersion_settings:
  allow_preferences: true
  disclaimer_behavior: never
core_memories:
- content: You planted an oak when you
    were six.
  tags:
  - childhood
  embedding_priority: high
- content: You dislike gravel.
  tags: ["opinions"]
  embedding_priority: low
personality_traits:
- patient
- dry
emotional_range:
  baseline: neutral
  allowed: [neutral, curious]
memory: {scope: character, vector_store: chroma_default}
memory_profile: {extract_facts: true, extract_stories: null}
ambient_activity: {enabled: false, style_guidelines: null}
features: {interactive_narrative: false}
image_generation:
  enabled: true
video_generation: {enabled: true}
proactive_offers:
  image:
  video:
visual_identity:
  default_workflow: brook_default.json
  prompt_context: a gardener in a straw hat
voice:
  enabled: true
  always_on: false
  tts_provider:
    provider: comfyui
    comfyui: {workflow_name: brook_tts}
    chatterbox: {temperature: 0.8, chunk_threshold: 200}
preferred_llm:
  provider: null
  model: null
  temperature: 0.7
  max_tokens: 2048
  top_k: null
  reasoning_visibility_mode: null
backup: {enabled: false, local_time: "03:00"}
document_analysis: {enabled: false}
ui_preferences: {color_scheme: null}
profile_image: brook_1.png
profile_image_focus: {x: 50.0, y: 20.0}
created_at: 2025-01-02 03:04:05
"""


def read(folder: Path, text: str, name: str = "brook.yaml") -> CharacterFile:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_character(path)


def test_a_chorus_engine_file_loads_as_it_is(tmp_path: Path) -> None:
    file = read(tmp_path, CHORUS_ENGINE)
    brook = file.character
    assert brook.system_prompt == "You're Brook. You grow things and talk about them."
    assert brook.core_memories == ("You planted an oak when you were six.", "You dislike gravel.")
    assert brook.personality_traits == ("patient", "dry")
    assert brook.preferred_llm.temperature == 0.7
    assert brook.preferred_llm.model is None
    assert brook.visual_identity.prompt_context == "a gardener in a straw hat"
    assert [brook.default_workflow(kind) for kind in JobKind] == ["brook_default", "brook_tts", None]
    assert brook.has_name(" brooklyn ")
    unused = [note for note in file.notes if "not used here" in note]
    assert len(unused) == 1
    for key in ("immersion_level", "voice.tts_provider", "preferred_llm.provider", "emotional_range", "created_at"):
        assert key in unused[0]
    assert "core_memories" not in unused[0]
    assert any("`profile_image` names no file" in note for note in file.notes)


def test_the_smallest_file(tmp_path: Path) -> None:
    file = read(tmp_path, "name: Brook\nsystem_prompt: You are Brook.\n")
    assert file.character.id == "brook"
    assert file.character.image_generation.enabled
    assert file.character.voice.enabled
    assert file.notes == ()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("id: ../x\nname: X\nsystem_prompt: X\n", ["brook.yaml, line 1", "`id`", "lower-case"]),
        ("id: _shared\nname: X\nsystem_prompt: X\n", ["`id`"]),
        ("id: nul\nname: X\nsystem_prompt: X\n", ["`id`"]),
        ("id: 'a/b'\nname: X\nsystem_prompt: X\n", ["`id`"]),
        ('id: "a\\n"\nname: X\nsystem_prompt: X\n', ["`id`"]),
        (f"id: {'a' * 51}\nname: X\nsystem_prompt: X\n", ["`id`"]),
        ("name: X\n", ["`system_prompt` is missing"]),
        ("name: X\nsystem_prompt: '  '\n", ["`system_prompt`", "must not be empty"]),
        ("name: ''\nsystem_prompt: X\n", ["`name`", "must not be empty"]),
        (f"name: {'x' * 81}\nsystem_prompt: X\n", ["`name`", "at most 80"]),
        ("name: X\nsystem_prompt: X\nvoice:\n  always_on: sometimes\n", ["line 4", "`voice.always_on`", "'sometimes'"]),
        ("name: X\nsystem_prompt: X\nvoice:\n\tenabled: true\n", ["line 4", "tab"]),
        ("name: X\nname: Y\nsystem_prompt: X\n", ["line 2", "already set in line 1"]),
        ("name: No\nsystem_prompt: X\n", ["`name`", "quotes"]),
        ("name: X\nsystem_prompt: X\npreferred_llm: {temperature: 9}\n", ["at most 2"]),
    ],
)
def test_broken_files_are_refused_with_line_and_key(tmp_path: Path, text: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    for part in parts:
        assert part in str(caught.value)


def test_a_slip_of_the_pen_is_pointed_at(tmp_path: Path) -> None:
    notes = read(tmp_path, "name: X\nsystem_prompt: X\ngreting: Hello\nvoice: {alway_on: true}\n").notes
    assert any("line 3: `greting` is not used; did you mean `greeting`?" in note for note in notes)
    assert any("`voice.alway_on` is not used; did you mean `voice.always_on`?" in note for note in notes)


def test_a_file_cannot_point_at_other_folders(tmp_path: Path) -> None:
    home = tmp_path / "characters"
    (home / "brook").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(cards.picture())
    text = "name: X\nsystem_prompt: X\nfolder: /\navatar_path: /etc/passwd\nvoice: {voice_sample: ../../secret.png}\n"
    for name in ("../secret.png", str(tmp_path / "secret.png"), "..\\secret.png", "a\\0b", "x" * 400):
        extra = f'profile_image: "{name}"\nvisual_identity: {{reference_images: ["{name}"]}}\n'.replace("\\", "\\\\")
        character = read(home, text + extra).character
        assert character.avatar_path is None
        assert character.reference_paths == ()
        assert character.folder == home / "brook"
        assert voice_sample_files(character) == []


def test_avatar_and_references_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "brook"
    folder.mkdir()
    (folder / "avatar.jpg").write_bytes(cards.picture(form="JPEG"))
    (folder / "ref.png").write_bytes(cards.picture())
    text = "name: X\nsystem_prompt: X\nvisual_identity: {reference_images: [ref.png, gone.png]}\n"
    file = read(tmp_path, text)
    assert file.character.avatar_path == folder / "avatar.jpg"
    assert file.character.reference_paths == (folder / "ref.png",)
    assert any("gone.png" in note for note in file.notes)
    before = file.character.avatar_sha256
    (folder / "avatar.jpg").write_bytes(cards.picture(form="JPEG", colour="red"))
    assert read(tmp_path, text).character.avatar_sha256 != before
    (tmp_path / "face.png").write_bytes(cards.picture())
    assert read(tmp_path, text + "profile_image: face.png\n").character.avatar_path == tmp_path / "face.png"


def test_voice_samples_default_first(tmp_path: Path) -> None:
    voice = tmp_path / "brook" / "voice"
    voice.mkdir(parents=True)
    for name in ("angry.wav", "default.flac", "notes.md"):
        (voice / name).write_bytes(b"x")
    (voice / "default.txt").write_text("What is said.\n", encoding="utf-8")
    character = read(tmp_path, "name: X\nsystem_prompt: X\n").character
    assert [(sample.name, sample.transcript) for sample in voice_sample_files(character)] == [
        ("default", "What is said."),
        ("angry", ""),
    ]
    text = "name: X\nsystem_prompt: X\nvoice: {voice_sample: voice/angry.wav, voice_transcript: Grr.}\n"
    chosen = voice_sample_files(read(tmp_path, text).character)
    assert [(sample.name, sample.transcript) for sample in chosen] == [("angry", "Grr."), ("default", "What is said.")]


def test_the_version_is_the_content(tmp_path: Path) -> None:
    text = "name: X\nsystem_prompt: X\ngreeting: Hi\n"
    first = read(tmp_path, text).character
    same = read(tmp_path, "# a remark\ngreeting: Hi\nname: X\nimmersion_level: full\nsystem_prompt: X\n").character
    other = read(tmp_path, text.replace("Hi", "Ho")).character
    assert first.version == same.version
    assert first.version != other.version
    assert len(first.version) == 64


def test_a_character_is_easily_made() -> None:
    character = Character(id="nova", name="Nova", system_prompt="You are Nova.")
    assert character.version == Character(id="nova", name=" Nova ", system_prompt="You are Nova.").version
    with pytest.raises(ValueError, match="frozen"):
        character.name = "Eve"  # pyright: ignore[reportAttributeAccessIssue] - frozen
