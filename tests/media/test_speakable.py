# ruff: noqa: RUF001 - the punctuation of several scripts is what this is about
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.media.speech import SpeechOptions, speakable

OPTIONS = SpeechOptions(
    users={1: "Ann", 2: "Max_Power"},
    channels={5: "general"},
    roles={7: "Moderators"},
    now=datetime(2021, 4, 20, 22, tzinfo=UTC),
)
READ = replace(OPTIONS, read_actions="read")
NAME = replace(OPTIONS, emoji="name")

PLAIN = [
    ("Hello there.", "Hello there."),
    ("", ""),
    ("   \n\n  ", ""),
    ("...", ""),
    ("?!", ""),
    ("one\ntwo", "one\ntwo"),
    ("one\n\n\ntwo", "one\ntwo"),
    ("  a   b\t c ", "a b c"),
    ("It costs 3.50 € or 5 km/h at -2 °C.", "It costs 3.50 € or 5 km/h at -2 °C."),
    ("5 * 3 = 15", "5 * 3 = 15"),
    ("a < b > c & d", "a < b > c & d"),
    ("~5 minutes", "~5 minutes"),
    ("#1 in C#", "#1 in C#"),
    ("5.", "5."),
    ("1986. A great year", "1986. A great year."),
    ("me@here.com", "me@here.com"),
    ("x\x00\x07y\u200bz\ufeff", "xyz"),
    ("a\ud800b", "ab"),
]

SPANS = [
    ("**bold**", "bold"),
    ("__underline__", "underline"),
    ("_soft_ word", "soft word"),
    ("~~gone~~", "gone"),
    ("||secret||", "secret"),
    ("|| spaced ||", "spaced"),
    ("***really***", "really"),
    ("__**~~||all||~~**__", "all"),
    ("**a ~~b __c__ d~~ e**", "a b c d e"),
    ("||one|| and ||two||", "one and two"),
    ("un*believ*able", "unbelievable"),
    ("un**believ**able", "unbelievable"),
    ("snake_case_name", "snake case name"),
    ("`x = 1`", "x = 1"),
    ("say `**no**` now", "say no now"),
    ("`` a ` b ``", "a b"),
    (r"\*not an action\*", "not an action"),
    (r"\# no heading", "# no heading"),
    (r"\<@1>", "<@1>"),
]

ACTIONS = [
    ("*waves* Hello", "Hello", "waves Hello"),
    ("*waves*", "", "waves"),
    ("Hello *smiles*, you", "Hello, you", "Hello smiles, you"),
    ("*smiles* - Hello", "Hello", "smiles - Hello"),
    ("*nods*. Yes", "Yes", "nods. Yes"),
    ("*he **slowly** turns* Hm", "Hm", "he slowly turns Hm"),
    ("*two\nlines* text", "text", "two\nlines text"),
    ("**loud** *quiet*", "loud", "loud quiet"),
    ("*runs* ***stop*** *halts*", "stop", "runs stop halts"),
    ("||*hides* boo||", "boo", "hides boo"),
    ("*笑う*こんにちは", "こんにちは", "笑うこんにちは"),
    ("*waves unterminated", "waves unterminated", "waves unterminated"),
    ("- *sits*\n- Hi", "Hi.", "sits.\nHi."),
]

BLOCKS = [
    ("# Title\ntext", "Title.\ntext"),
    ("## Really?\n### Sub ##", "Really?\nSub."),
    ("#nospace", "#nospace"),
    ("-# small print", "small print"),
    ("text\n-# small **print**\nmore", "text\nsmall print\nmore"),
    ("> quoted", "quoted"),
    ("> a\n> b\nc", "a\nb\nc"),
    (">>> all\nthe\n\nrest", "all\nthe\nrest"),
    ("> # Title\n> - item", "Title.\nitem."),
    ("- one\n- two!\n- three:", "one.\ntwo!\nthree:"),
    ("* star\n  * nested", "star.\nnested."),
    ("1. first\n2. second", "1. first.\n2. second."),
    ("3. third\n4. fourth", "3. third.\n4. fourth."),
    ("1.\n   - inner", "1.\ninner."),
    ("- 一つ\n- 二つ", "一つ。\n二つ。"),
    ("- \n-", ""),
    ("before\n---\nafter", "before\nafter"),
    ("***", ""),
    ("    not code here", "not code here"),
    ("Title\n=====", "Title"),
    ("| Name | Age |\n|---|---|\n| **Bob** | 5 |\n| Eve | |", "Name: Bob, Age: 5.\nName: Eve."),
    ("| a | b |\n|---|---|", "a, b."),
    ("| | B |\n|---|---|\n| x | y |", "x, B: y."),
    ("<b>html</b> &amp;", "<b>html</b> &amp;"),
]

CODE = [
    ("```py\nx = 1\n```", "Code block in Python."),
    ("```\nx\n```", "Code block."),
    ("```x```", "Code block."),
    ("Look: ```js\nfoo``` nice", "Look:\nCode block in JavaScript.\nnice"),
    ("```\na\n\n- b\n# c\n```\nend", "Code block.\nend"),
    ("```py\nnever closed\n# more", "Code block in Python."),
    ("````md\n```py\nx\n```\n````\nafter", "Code block in Markdown.\nafter"),
    ("> ```\n> x\n> ```", "Code block."),
    (r"\```not code", "not code"),
    ("a ```1``` b ```2``` c", "a\nCode block.\nb\nCode block.\nc"),
]

DISCORD = [
    ("hi <@1>!", "hi Ann!"),
    ("<@!1>'s turn", "Ann's turn"),
    ("<@2>", "Max Power"),
    ("<@99>", "someone"),
    ("<@1><@1>", "Ann Ann"),
    ("in <#5>, or <#6>", "in general, or a channel"),
    ("<@&7> and <@&8>", "Moderators and a role"),
    ("@everyone come, @here too", "everyone come, here too"),
    ("use </imagine:123> in <id:browse>", "use imagine in browse"),
    ("<t:1618953630:t>", "21:20"),
    ("<t:1618953630:T>", "21:20:30"),
    ("<t:1618953630:d>", "20 April 2021"),
    ("<t:1618953630:D>", "20 April 2021"),
    ("<t:1618953630>", "20 April 2021, 21:20"),
    ("<t:1618953630:F>", "Tuesday, 20 April 2021, 21:20"),
    ("<t:1618953630:R>", "39 minutes ago"),
    ("<t:1618963200:R>", "in 2 hours"),
    ("<t:99999999999999999:R>", "a date"),
    ("<t:-86400:d>", "31 December 1969"),
    ("https://example.com/a_b_c", "link"),
    ("see https://x.org/a(b). Or http://y.org!", "see link. Or link!"),
    ("(https://x.org)", "(link)"),
    ("**https://x.org** ||https://y.org||", "link link"),
    ("<https://x.org/a>", "link"),
    ("[the *docs*](https://x.org) say", "the say"),
    ("[the **docs**](https://x.org 'title') say", "the docs say"),
    ("[https://x.org](https://y.org)", "link"),
    ("[sigh](softly)", "[sigh](softly)"),
    ("![a cat](https://x.org/c.png)", "a cat"),
    ("xhttps://x.org", "xhttps://x.org"),
    ("https://", "https://"),
]

UNTERMINATED = [
    ("**bold", "bold"),
    ("bold**", "bold"),
    ("||open", "open"),
    ("~~open", "open"),
    ("`open", "open"),
    ("__open **both", "open both"),
    ("**a *b** c", "a b c"),
    ("[open](https://x.org", "[open](link"),
    ("<@1", "<@1"),
    ("<:name:", "<:name:"),
    ("> ", ""),
    ("#", ""),
    ("|| || ||", ""),
    ("| a |", "a"),
]

EMOJI = [
    ("Hi 😀!", "Hi!", "Hi grinning face!"),
    ("😀", "", "grinning face"),
    ("😀😀😀 wow", "wow", "grinning face wow"),
    ("hi😀there", "hi there", "hi grinning face there"),
    ("👍🏽 good", "good", "thumbs up good"),
    ("👩\u200d💻 codes", "codes", "woman personal computer codes"),
    ("🤷\u200d♀️ dunno", "dunno", "shrug dunno"),
    ("🇩🇪 won", "won", "flag D E won"),
    ("🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f ok", "ok", "waving black flag ok"),
    ("1️⃣ first", "first", "1 first"),
    ("I ❤️ it", "I it", "I red heart it"),
    ("© 2021 ™", "© 2021 ™", "© 2021 ™"),
    ("©️ 2021", "2021", "copyright 2021"),
    ("<:blob_wave:123> hi", "hi", "blob wave hi"),
    ("go <a:party:9>!", "go!", "go party!"),
    ("<:a:1><:a:1>", "", "a"),
    ("你好😀世界", "你好世界", "你好 grinning face 世界"),
    ("- 🎉\n- b", "b.", "party popper.\nb."),
]

SCRIPTS = [
    "مرحبا بالعالم، كيف حالك؟",
    "می\u200cخواهم بروم",
    "שלום עולם",
    "こんにちは、世界。元気？",
    "你好，世界！",
    "안녕하세요",
    "नमस्ते दुनिया। क\u094d\u200dष",
    "Ünïcödé naïve café",
    "e\u0301 combining",
    "𝕳𝖊𝖑𝖑𝖔",
    "①②③ 2nd ½",
]


@pytest.mark.parametrize(("text", "said"), PLAIN + SPANS + BLOCKS + CODE + DISCORD + UNTERMINATED)
def test_spoken_text(text: str, said: str) -> None:
    assert speakable(text, OPTIONS) == said


@pytest.mark.parametrize(("text", "skipped", "read"), ACTIONS)
def test_actions_are_left_out_or_read(text: str, skipped: str, read: str) -> None:
    assert speakable(text, OPTIONS) == skipped
    assert speakable(text, READ) == read


@pytest.mark.parametrize(("text", "dropped", "named"), EMOJI)
def test_emoji_are_dropped_or_named(text: str, dropped: str, named: str) -> None:
    assert speakable(text, OPTIONS) == dropped
    assert speakable(text, NAME) == named


@pytest.mark.parametrize("text", SCRIPTS)
def test_text_in_other_scripts_is_unchanged(text: str) -> None:
    assert speakable(text) == text
    assert speakable(f"**{text}**") == text


@pytest.mark.parametrize("text", ["```py\nx\n```", "a ```b```"])
def test_code_blocks_can_be_left_out(text: str) -> None:
    assert speakable(text, replace(OPTIONS, code="skip")) == text.partition("`")[0].strip()


def test_timestamps_are_spoken_in_the_given_time_zone() -> None:
    berlin = replace(OPTIONS, time_zone=ZoneInfo("Europe/Berlin"))
    assert speakable("<t:1618953630:F>", berlin) == "Tuesday, 20 April 2021, 23:20"
    assert speakable("<t:1618953630:R>", replace(berlin, now=None)) == "20 April 2021, 23:20"


@pytest.mark.parametrize(
    ("distance", "said"),
    [
        (timedelta(0), "now"),
        (timedelta(seconds=1), "in 1 second"),
        (timedelta(minutes=-1), "1 minute ago"),
        (timedelta(days=3, hours=5), "in 3 days"),
        (timedelta(days=-70), "2 months ago"),
        (timedelta(days=800), "in 2 years"),
    ],
)
def test_relative_times(distance: timedelta, said: str) -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    moment = int((now + distance).timestamp())
    assert speakable(f"<t:{moment}:R>", replace(OPTIONS, now=now)) == said


def test_now_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        SpeechOptions(now=datetime(2024, 1, 1))  # noqa: DTZ001 - this is what must be refused


def test_many_emoji_are_left_out_or_said_once() -> None:
    assert speakable("😀" * 4_000) == ""
    assert speakable("👩\u200d👩\u200d👧\u200d👦" * 600, OPTIONS) == ""
    assert speakable("😀" * 4_000, NAME) == "grinning face"
    assert speakable("<:x:1>" * 700, OPTIONS) == ""


def test_names_are_spoken_as_text_not_as_markup() -> None:
    options = SpeechOptions(users={1: "**x** 😀 `y`"})
    assert speakable("<@1>", options) == "x y"
