"""Cards, configuration, bindings, workflows and media, mutated: a result or an error with a sentence."""

from __future__ import annotations

import io
import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot.backup.archive import verify_archive
from bot.characters import Character, import_card
from bot.errors import ChorusError
from bot.media.errors import BadMedia
from bot.media.images import prepare_input_picture
from bot.media.media_types import media_type_of_bytes
from bot.settings import Settings
from bot.workflow_store.uploads import UploadContext, read_upload
from bot.workflows import InputValues, describe, inject
from bot.workflows.bindings import parse_bindings
from bot.workflows.conversion import convert_ui_workflow
from bot.workflows.prompt_flags import may_have_flags
from bot.workflows.settings_text import split_kept_settings, split_settings
from bot.workflows.upload_screening import ScreeningRules
from bot.workflows.workflow import parse_workflow
from bot.yaml_documents.model_validation import validate_document
from bot.yaml_documents.reader import parse_yaml
from tests.characters import cards
from tests.fuzz.bounded import bounded
from tests.fuzz.strategies import AWKWARD, JSON, mutated, objects, replaced
from tests.workflows.conversion.ui_files import OBJECT_INFO, node, ui
from tests.workflows.embedded import media_files
from tests.workflows.graphs import txt2img

ROOT = Path(__file__).parents[2]
GRAPH = txt2img()
UI = ui(
    node(1, "Loader", ("a.safetensors",), outputs=["MODEL", "CLIP", "VAE"]),
    node(2, "Encode", ("a boat",), inputs={"clip": 1}),
    node(3, "SaveImage", ("x",), inputs={"images": None}),
    links=[(1, 1, 1, 2, 0)],
)
CARDS = (
    json.dumps(cards.v1()).encode(),
    json.dumps(cards.v2()).encode(),
    cards.png_card(cards.v2(), kind=b"zTXt"),
    cards.png_card(cards.v3(), "ccv3"),
    cards.charx(cards.v3()),
)
UPLOADS = (
    json.dumps(GRAPH).encode(),
    json.dumps(UI).encode(),
    json.dumps({"prompt": GRAPH, "extra_data": {"extra_pnginfo": {"workflow": UI}}}).encode(),
    media_files.png({"prompt": json.dumps(GRAPH), "workflow": json.dumps(UI)}),
    media_files.png({"parameters": "a boat\nNegative prompt: fog\nSteps: 20, Sampler: Euler, Seed: 5, Size: 64x64"}),
    media_files.with_exif({"prompt": json.dumps(GRAPH)}, "WEBP"),
    b"fLaC\0\0\0\x22" + bytes(34) + b"\x84\0\0\x20" + bytes(32),
    b"\0\0\0\x18ftypisom\0\0\2\0isomiso2\0\0\0\x10moov\0\0\0\x08udta",
    b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x10" + bytes(20),
    b"ID3\3\0\0\0\0\0\x20TXXX" + bytes(30),
)
YAML = (
    (ROOT / "config.example.yaml").read_bytes(),
    (ROOT / "characters" / "nova.yaml").read_bytes(),
    b"inputs: {prompt: 6.text}\nexpose: [steps]\nlimits: {steps: {max: 50}}\n",
    b"a: &a [*a]\nb: !!python/object:os.system x\n? [1, 2]\n: {<<: *a}\n",
)


def picture(form: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (24, 16), "teal").save(out, form)
    return out.getvalue()


PICTURES = tuple(picture(form) for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"))


@given(mutated(CARDS), AWKWARD | st.sampled_from(["luna.png", "luna.json", "luna.charx"]))
def test_cards(data: bytes, name: str) -> None:
    with bounded(), suppress(ChorusError):
        import_card(data, name)


@given(replaced((cards.v1(), cards.v2(), cards.v3())))
def test_cards_of_odd_values(card: Any) -> None:
    with bounded(), suppress(ChorusError):
        import_card(json.dumps(card).encode(), "luna.json")


@given(mutated(YAML))
def test_yaml(data: bytes) -> None:
    with bounded():
        with suppress(ChorusError):
            document = parse_yaml(data, name="x.yaml")
            for model in (Settings, Character):
                with suppress(ChorusError):
                    validate_document(model, document, context={"folder": Path("/x")})
        with suppress(ChorusError):
            parse_bindings(data)


@given(replaced((GRAPH,)), st.none() | JSON, st.text(max_size=30) | AWKWARD)
def test_workflows(graph: Any, bindings: Any, words: str) -> None:
    with bounded(), suppress(ChorusError):
        workflow = parse_workflow(json.dumps(graph), bindings=None if bindings is None else json.dumps(bindings))
        describe(workflow)
        inject(workflow, InputValues(positive=words, negative=words, seed=1, width=64, height=64, steps=5, cfg=2.0))


@given(objects((UI,)), objects((OBJECT_INFO,)) | st.just(OBJECT_INFO))
def test_conversion(workflow: dict[str, Any], info: dict[str, Any]) -> None:
    with bounded(), suppress(ChorusError):
        convert_ui_workflow(workflow, info)


@given(mutated(UPLOADS))
def test_uploads(data: bytes) -> None:
    with bounded(), suppress(ChorusError):
        read_upload(data, UploadContext(ScreeningRules(), OBJECT_INFO, parse_workflow(json.dumps(GRAPH))))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, about metadata that it leaves out
@given(mutated(PICTURES))
def test_pictures(data: bytes) -> None:
    media_type_of_bytes(data[:64])
    with tempfile.TemporaryDirectory() as folder, bounded(), suppress(BadMedia):
        path = Path(folder) / "given"
        path.write_bytes(data)
        prepare_input_picture(path, max_pixels=1_000_000, max_input_pixels=1_000_000)


@given(st.text(max_size=60) | AWKWARD | st.from_regex(r"(--?\w{1,9} ?=?[\d.x:]{0,9} ?){1,6}|(\w{1,6}=\S{0,9} ?){1,5}"))
def test_settings_that_people_type(text: str) -> None:
    with bounded():
        may_have_flags(text)
        with suppress(ChorusError):
            split_settings(text)
        with suppress(ChorusError):
            split_kept_settings(text)


@given(mutated((b"PK\3\4" + bytes(60), b"PK\5\6" + bytes(18))))
def test_archives(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, bounded(), suppress(ChorusError):
        path = Path(folder) / "b.zip"
        path.write_bytes(data)
        verify_archive(path, Path(folder))
