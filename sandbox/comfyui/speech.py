"""Speech by espeak-ng, called through ctypes in the library that the `espeakng-loader` wheel brings.

The library is one per process and knows one voice at a time, so everything goes through one lock.
"""

from __future__ import annotations

import array
import ctypes
import hashlib
import importlib
import threading
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.comfyui.values import Audio

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_CHARS_UTF8 = 1
_POS_CHARACTER = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_VARIANTS = ("f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7")
_HIGH_FROM = 135
"""Hertz: voices from here on are given one of the higher variants."""
_LANGUAGES = {
    "CJK": "cmn", "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "CYRILLIC": "ru", "GREEK": "el", "ARABIC": "ar",
    "HEBREW": "he", "DEVANAGARI": "hi",
}  # fmt: skip
"""Start of a letter's Unicode name -> espeak-ng's voice; English for all others."""


class SpeechUnavailableError(Exception):
    """There is no espeak-ng here; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How somebody sounds."""

    variant: str
    pitch: int
    """0 to 100, 50 is the voice's own."""
    rate: int
    """Words a minute."""


def choose_voice(reference: Audio | str | None, seed: int = 0) -> Voice:
    """A voice like that of a recording, or one that belongs to a name: the same for the same.

    Of a recording its height is heard; what else tells two speakers apart is thrown from its bytes. The seed changes
    the pace a little, so that "again" is heard.
    """
    given = reference.pcm if isinstance(reference, Audio) else (reference or "nobody").encode()
    digest = hashlib.sha256(given).digest()
    rate = 150 + digest[2] % 25 + seed % 7
    hertz = fundamental_frequency(reference) if isinstance(reference, Audio) else None
    if hertz is None:
        return Voice(_VARIANTS[digest[0] % len(_VARIANTS)], 15 + digest[1] % 71, rate)
    high = hertz >= _HIGH_FROM
    variants = [each for each in _VARIANTS if each.startswith("f" if high else "m")]
    pitch = 50 + (hertz - (175 if high else 98)) * (0.8 if high else 1.1) + digest[1] % 9 - 4
    return Voice(variants[digest[0] % len(variants)], round(min(90, max(10, pitch))), rate)


def fundamental_frequency(audio: Audio, *, low: float = 70, high: float = 400) -> float | None:
    """How high a voice is, in hertz: the middle of what 40 short windows say; None where nothing sounds."""
    samples = array.array("h", audio.pcm[: len(audio.pcm) // 2 * 2])[:: audio.channels]
    step = max(1, audio.sample_rate // 4000)
    rate = audio.sample_rate / step
    slow = [sum(samples[index : index + step]) / step for index in range(0, len(samples) - step, step)]
    width = int(rate * 0.06)
    found = [
        hertz
        for start in range(0, len(slow) - 2 * width, max(1, len(slow) // 40))
        if (hertz := _window_pitch(slow[start : start + 2 * width], width, rate, (low, high))) is not None
    ]
    return sorted(found)[len(found) // 2] if found else None


def _window_pitch(window: Sequence[float], width: int, rate: float, limits: tuple[float, float]) -> float | None:
    """The shift at which a window is most like itself; None for silence and noise."""
    energy = sum(each * each for each in window[:width])
    if energy / width < 200**2:
        return None
    shifts = range(int(rate / limits[1]), min(width, int(rate / limits[0])) + 1)
    likeness = {
        shift: sum(a * b for a, b in zip(window[:width], window[shift : shift + width], strict=True)) / energy
        for shift in shifts
    }
    best = max(likeness, key=lambda shift: likeness[shift])
    return rate / best if likeness[best] > 0.5 else None


def speak(text: str, voice: Voice) -> Audio:
    """Say it: mono, 22,050 Hz. Blocks for some milliseconds a sentence.

    Raises:
        SpeechUnavailableError: The package is not installed, or its library does not load.

    """
    with _LOCK:
        return _library().speak(text, voice)


_LOCK = threading.Lock()
_LOADED: list[_Library] = []

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def _library() -> _Library:
    if not _LOADED:
        _LOADED.append(_Library())
    return _LOADED[0]


class _Library:
    def __init__(self) -> None:
        try:
            loader: Any = importlib.import_module("espeakng_loader")
            self._espeak = ctypes.CDLL(loader.get_library_path())
            data = Path(loader.get_data_path())
        except (ImportError, OSError, RuntimeError) as error:
            msg = "the sandbox has no voice: install the extra `sandbox` (package espeakng-loader)"
            raise SpeechUnavailableError(msg) from error
        self._rate = int(self._espeak.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, str(data).encode(), 0))
        if self._rate <= 0:
            msg = f"espeak-ng does not find its data in {data.name}"
            raise SpeechUnavailableError(msg)
        self._heard = bytearray()
        self._callback: Callable[..., int] = _Callback(self._take)  # kept: the library calls it later
        self._espeak.espeak_SetSynthCallback(self._callback)

    def _take(self, samples: Any, count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._heard += ctypes.string_at(samples, count * 2)
        return 0

    def speak(self, text: str, voice: Voice) -> Audio:
        """Say it."""
        self._heard.clear()
        language = _language(text)
        if self._espeak.espeak_SetVoiceByName(f"{language}+{voice.variant}".encode()) != 0:
            self._espeak.espeak_SetVoiceByName(language.encode())
        for parameter, value in ((_RATE, voice.rate), (_PITCH, voice.pitch), (_RANGE, 55)):
            self._espeak.espeak_SetParameter(parameter, value, 0)
        said = text.replace("\0", " ").encode("utf-8", "replace")
        self._espeak.espeak_Synth(said, len(said) + 1, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None)
        self._espeak.espeak_Synchronize()
        return Audio(bytes(self._heard), self._rate)


def _language(text: str) -> str:
    for letter in text:
        if letter.isalpha() and not letter.isascii():
            script = unicodedata.name(letter, "").split(" ")[0].split("-")[0]
            if script in _LANGUAGES:
                return _LANGUAGES[script]
    return "en"
