from __future__ import annotations

import base64
import io
import json
import struct
import tracemalloc
import zipfile
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from bot.characters import import_card
from bot.characters.card_conversion import expand, id_from
from bot.errors import InputInvalid
from tests.characters import cards


def as_json(card: Any) -> bytes:
    return json.dumps(card).encode()


FORMS: dict[str, bytes] = {
    "v1 json": as_json(cards.v1()),
    "v1 json with a BOM": b"\xef\xbb\xbf" + as_json(cards.v1()),
    "v1 png": cards.png_card(cards.v1()),
    "v2 json": as_json(cards.v2()),
    "v2 png": cards.png_card(cards.v2()),
    "v2 png zTXt": cards.png_card(cards.v2(), kind=b"zTXt"),
    "v2 png iTXt": cards.png_card(cards.v2(), kind=b"iTXt"),
    "v2 png iTXt plain": cards.png_card(cards.v2(), kind=b"itxt"),
    "v2 png Chara": cards.png_card(cards.v2(), "Chara"),
    "v2 png with JSON as it is": cards.png_with(cards.text_chunk("chara", as_json(cards.v2()))),
    "v2 png with broken lines": cards.png_with(cards.text_chunk("chara", base64.encodebytes(as_json(cards.v2())))),
    "v2 png without padding": cards.png_with(cards.text_chunk("chara", cards.encoded(cards.v2()).rstrip(b"="))),
    "v3 json": as_json(cards.v3()),
    "v3 png": cards.png_card(cards.v3(), "ccv3"),
    "v3 charx": cards.charx(cards.v3()),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_people_share(form: str) -> None:
    card = import_card(FORMS[form], "luna.png")
    luna = card.character
    spoken = "Lu" if form.startswith("v3") else "Luna"
    assert (luna.id, luna.name) == ("luna", "Luna")
    assert f"{spoken} keeps a lighthouse. She trusts the user." in luna.system_prompt
    assert f"{spoken}'s personality: calm, wry" in luna.system_prompt
    assert "Scenario: A storm is coming." in luna.system_prompt
    assert luna.greeting == "Come in, everyone!"
    assert luna.example_dialogue == f"User: Is it far?\n{spoken}: Far enough, friend."
    assert "{{" not in luna.model_dump_json()
    assert "Not for the model" not in luna.model_dump_json()
    if not form.startswith("v1"):
        assert luna.core_memories == ("The cat is Ahab.", "The lamp is green.")
        assert luna.system_prompt.startswith(f"Write as {spoken}.")
        assert luna.system_prompt.endswith("Stay brief.")
        assert any("1 entries of its lorebook" in note for note in card.notes)
        assert any("2 alternative greetings" in note for note in card.notes)
    assert luna.aliases == (("Lu",) if form.startswith("v3") else ())
    assert (card.avatar_png is not None) == ("png" in form)


def test_v3_goes_before_the_v2_it_is_shared_with() -> None:
    old, new = cards.v2(name="Old"), cards.v3(name="New")
    for first, second in ((old, new), (new, old)):
        chunks = [cards.text_chunk("ccv3" if card is new else "chara", cards.encoded(card)) for card in (first, second)]
        assert import_card(cards.png_with(*chunks), "x.png").character.name == "New"


def test_old_field_names() -> None:
    card = {"char_name": "Ada", "char_persona": "An engine.", "char_greeting": "Hello.", "world_scenario": "London."}
    ada = import_card(as_json(card), "x.json").character
    assert (ada.name, ada.greeting) == ("Ada", "Hello.")
    assert "An engine." in ada.system_prompt
    assert "Scenario: London." in ada.system_prompt


def test_fields_of_wrong_types_are_passed_over() -> None:
    card = cards.v2(
        first_mes=None, mes_example=7, tags={"a": 1}, character_book=[1], alternate_greetings="x", scenario=[]
    )
    luna = import_card(as_json(card), "x.json").character
    assert luna.greeting == ""
    assert luna.core_memories == ()


def test_lorebooks_as_silly_tavern_numbers_them() -> None:
    entries = {
        "0": {"content": "@@depth 4\nIt rains.", "constant": True},
        "1": {"content": 5, "constant": True},
        "2": None,
    }
    luna = import_card(as_json(cards.v2(character_book={"entries": entries})), "x.json").character
    assert luna.core_memories == ("It rains.",)


def test_the_file_names_who_the_card_does_not() -> None:
    assert import_card(as_json(cards.v1(name="")), "../old/captain_ahab.card.json").character.name == "Captain Ahab"


def test_tags_mark_the_age_restricted() -> None:
    assert import_card(as_json(cards.v2(tags=["NSFW "])), "x").character.nsfw
    assert not import_card(as_json(cards.v2(tags=["safe", 5])), "x").character.nsfw


# -- the picture


def test_the_avatar_is_small_and_carries_nothing_over() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "secret words")
    target = io.BytesIO()
    Image.new("RGB", (1600, 2400), "navy").save(target, "PNG", pnginfo=info, exif=b"Exif\0\0MM\0*")
    data = cards.png_with(cards.text_chunk("chara", cards.encoded(cards.v2())), base=target.getvalue())
    avatar = import_card(data, "x.png").avatar_png
    assert avatar is not None
    assert b"secret" not in avatar
    assert b"tEXt" not in avatar
    assert b"eXIf" not in avatar
    with Image.open(io.BytesIO(avatar)) as image:
        assert image.size == (341, 512)


def test_transparency_survives() -> None:
    target = io.BytesIO()
    Image.new("RGBA", (64, 64), (255, 0, 0, 100)).save(target, "PNG")
    data = cards.png_with(cards.text_chunk("chara", cards.encoded(cards.v2())), base=target.getvalue())
    avatar = import_card(data, "x.png").avatar_png
    assert avatar is not None
    with Image.open(io.BytesIO(avatar)) as image:
        assert image.convert("RGBA").getpixel((3, 3)) == (255, 0, 0, 100)


def test_noise_is_made_to_fit() -> None:
    noise = Image.effect_noise((900, 900), 100).convert("RGB")
    target = io.BytesIO()
    noise.save(target, "PNG")
    data = cards.png_with(cards.text_chunk("chara", cards.encoded(cards.v2())), base=target.getvalue())
    avatar = import_card(data, "x.png").avatar_png
    assert avatar is not None
    assert len(avatar) <= 1_500_000


def test_a_charx_brings_its_main_icon() -> None:
    assets = [
        {"type": "icon", "uri": "embeded://assets/other.png", "name": "other", "ext": "png"},
        {"type": "icon", "uri": "embeded://assets/main.jpg", "name": "main", "ext": "jpg"},
    ]
    files = {
        "assets/other.png": cards.picture(colour="red"),
        "assets/main.jpg": cards.picture(form="JPEG", colour="blue"),
    }
    avatar = import_card(cards.charx(cards.v3(assets=assets), files), "x.charx").avatar_png
    assert avatar is not None
    with Image.open(io.BytesIO(avatar)) as image:
        red, _, blue = image.convert("RGB").tobytes()[:3]
        assert blue > 200 > red


def test_a_picture_inside_the_json() -> None:
    uri = "data:image/png;base64," + base64.b64encode(cards.picture()).decode()
    card = cards.v3(assets=[{"type": "icon", "uri": uri, "name": "main", "ext": "png"}])
    assert import_card(as_json(card), "x.json").avatar_png is not None


def test_addresses_are_never_fetched() -> None:
    for uri in ("http://127.0.0.1:1/a.png", "file:///etc/passwd", "embeded://../../x", "ccdefault:"):
        card = cards.v3(assets=[{"type": "icon", "uri": uri, "name": "main", "ext": "png"}], avatar=uri)
        assert import_card(cards.charx(card), "x.charx").avatar_png is None


def test_a_damaged_picture_leaves_the_character() -> None:
    whole = cards.png_card(cards.v2())
    broken = whole.replace(b"IDAT", b"IDAT" + b"\0" * 9, 1)
    assert broken != whole
    start = whole.index(b"tEXt") - 4
    damaged = cards.picture()[:60] + whole[start:]  # the pixels are gone, the card's chunk is not
    with pytest.raises(InputInvalid):  # no chunk boundary is left to find the card at
        import_card(damaged, "x.png")
    card = import_card(
        cards.png_with(cards.text_chunk("chara", cards.encoded(cards.v2())), base=_without_pixels()), "x.png"
    )
    assert card.avatar_png is None
    assert any("damaged" in note for note in card.notes)


def _without_pixels() -> bytes:
    plain = cards.picture()
    start = plain.index(b"IDAT") - 4
    return plain[:start] + cards.chunk(b"IDAT", b"nonsense") + plain[-12:]


def test_a_decompression_bomb_is_not_decoded() -> None:
    header = cards.chunk(b"IHDR", (60000).to_bytes(4) + (60000).to_bytes(4) + b"\x08\x02\0\0\0")
    base = b"\x89PNG\r\n\x1a\n" + header + cards.chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + cards.chunk(b"IEND", b"")
    card = import_card(cards.png_with(cards.text_chunk("chara", cards.encoded(cards.v2())), base=base), "x.png")
    assert card.avatar_png is None
    assert card.character.name == "Luna"


# -- refused, with a reason

BOMB = zlib.compress(b"A" * 60_000_000)
DEEP = b'{"data":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "text": (b"Hello there", "not a character card"),
    "a list": (b"[1, 2]", "not a character card"),
    "cut JSON": (b'{"name": "Lu', "not readable JSON"),
    "deep JSON": (DEEP, "not readable JSON"),
    "a long number": (b'{"name":' + b"9" * 10_000 + b"}", "not readable JSON"),
    "an unrelated object": (b'{"workflow": {}}', "no description"),
    "huge JSON": (b'{"a":"' + b"x" * 9_000_000 + b'"}', "larger than 8 MB"),
    "a huge file": (b"\x89PNG\r\n\x1a\n" + b"x" * 20_000_001, "larger than 20 MB"),
    "a picture without a card": (cards.picture(), "no character card inside"),
    "a JPEG": (cards.picture(form="JPEG"), "not a character card"),
    "only a signature": (b"\x89PNG\r\n\x1a\n", "no character card inside"),
    "bad base64": (cards.png_with(cards.text_chunk("chara", b"!")), "not readable JSON"),
    "a text bomb": (cards.png_with(cards.chunk(b"zTXt", b"chara\0\0" + BOMB)), "too large"),
    "an iTXt bomb": (cards.png_with(cards.chunk(b"iTXt", b"ccv3\0\1\0\0\0" + BOMB)), "too large"),
    "a long name": (as_json(cards.v1(name="x" * 10_000)), "name is longer"),
    "a name of spaces": (as_json(cards.v1(name="\u3000 \n")), "no name"),
    "a long text": (as_json(cards.v1(description="x" * 200_000)), "longer than 100000"),
    "a zip bomb": (cards.charx(b'{"a": "' + b"A" * 60_000_000 + b'"}'), "larger than 8 MB"),
    "a zip of many files": (cards.charx(cards.v3(), {f"f{n}": b"" for n in range(5001)}), "too many files"),
    "a zip without a card": (cards.charx(cards.v3()).replace(b"card.json", b"kard.json"), "no card.json"),
    "a damaged zip": (cards.charx(cards.v3(description="x" * 500))[:60] + cards.charx(cards.v3())[80:], "damaged"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_reason(name: str) -> None:
    data, reason = REFUSED[name]
    filename = "   .json" if name == "a name of spaces" else "card.png"
    with pytest.raises(InputInvalid, match=reason) as caught:
        import_card(data, filename)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


def test_a_zip_of_hundreds_of_thousands_of_files_is_not_listed() -> None:
    entry = b"PK\x01\x02" + struct.pack("<24xHHH12x", 5, 0, 0) + b"a.txt"
    count = 300_000
    listed = entry * count
    data = listed + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count % 65536, count % 65536, len(listed), 0, 0)
    assert zipfile.is_zipfile(io.BytesIO(data))
    tracemalloc.start()
    try:
        with pytest.raises(InputInvalid, match="too many files"):
            import_card(data, "card.charx")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(data)


def test_bombs_under_other_keywords_are_left_packed() -> None:
    data = cards.png_with(
        cards.chunk(b"zTXt", b"Comment\0\0" + BOMB), cards.text_chunk("chara", cards.encoded(cards.v2()))
    )
    assert import_card(data, "x.png").character.name == "Luna"


def test_of_many_cards_the_last_is_unpacked() -> None:
    almost = cards.chunk(b"zTXt", b"chara\0\0" + zlib.compress(b"A" * 10_000_000))
    data = cards.png_with(*[almost] * 300, cards.text_chunk("chara", cards.encoded(cards.v2())))
    assert import_card(data, "x.png").character.name == "Luna"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("Éowyn the 2nd", "eowyn-the-2nd"),
        ("月", "character"),
        ("CON", "con-character"),
        ("_shared", "shared"),
        ("a" * 80, "a" * 40),
        ("x\u0000\n: !!python/object", "x-python-object"),
    ],
)
def test_ids_are_safe(name: str, expected: str) -> None:
    assert id_from(name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{char}} {{ USER }} <BOT> <user>", "Lu you Lu you"),
        ("{{random:red,blue}} {{pick::a::b}}", "red a"),
        ("a{{// a remark}}b{{original}}{{newline}}c", "ab\nc"),
        ("{{roll:d6}} {{unknown}} {{", "{{roll:d6}} {{unknown}} {{"),
        ("{{{{char}}}}", "{{Lu}}"),
    ],
)
def test_macros(text: str, expected: str) -> None:
    assert expand(text, "Lu", user="you") == expected


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["", "png", "json", "text"]))
def test_anything_is_a_character_or_refused(noise: bytes, frame: str) -> None:
    data = {
        "": noise,
        "png": b"\x89PNG\r\n\x1a\n" + noise,
        "json": b"{" + noise,
        "text": cards.png_with(cards.text_chunk("chara", base64.b64encode(noise)), base=cards.picture((2, 2))),
    }[frame]
    with pytest.raises(InputInvalid):
        import_card(data, "x")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([*cards.v2()["data"], "data", "assets", "avatar"]), JSON))
def test_any_shape_of_card_is_a_character_or_refused(fields: dict[str, Any]) -> None:
    try:
        card = import_card(as_json({"data": fields}), "some name.json")
    except InputInvalid:
        return
    assert card.character.system_prompt


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_an_archive_whose_compressed_bytes_are_damaged_is_refused(method: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("card.json", as_json(cards.v3()) * 3)
    whole = bytearray(out.getvalue())
    start = 30 + len("card.json")
    whole[start : start + 60] = b"\xff" * 60
    with pytest.raises(InputInvalid, match="damaged"):
        import_card(bytes(whole), "x.charx")
