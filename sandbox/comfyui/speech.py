"""Speech by espeak-ng, through ctypes, with the library of the wheel `espeakng-loader`.

The library exists once per process and has one voice at a time, so one lock protects all calls.
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
"""Hertz; recordings from this pitch on get one of the female variants."""
_LANGUAGES = {
    "CJK": "cmn", "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "CYRILLIC": "ru", "GREEK": "el", "ARABIC": "ar",
    "HEBREW": "he", "DEVANAGARI": "hi",
}  # fmt: skip
"""First word of a letter's Unicode name -> espeak-ng's voice; English for all others."""


class SpeechUnavailableError(Exception):
    """espeak-ng is not installed; the message says how to install it."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of espeak-ng."""

    variant: str
    pitch: int
    """0 to 100; 50 is the variant's own pitch."""
    rate: int
    """Words per minute."""


def choose_voice(reference: Audio | str | None, seed: int = 0) -> Voice:
    """A voice for a recording or a name; the same one for the same recording or name.

    The pitch is that of the recording. Everything else is chosen by a hash of its bytes. The seed changes the rate a
    little, so that two seeds sound different.
    """
    reference_bytes = reference.pcm if isinstance(reference, Audio) else (reference or "nobody").encode()
    digest = hashlib.sha256(reference_bytes).digest()
    rate = 150 + digest[2] % 25 + seed % 7
    hertz = fundamental_frequency(reference) if isinstance(reference, Audio) else None
    if hertz is None:
        return Voice(_VARIANTS[digest[0] % len(_VARIANTS)], 15 + digest[1] % 71, rate)
    high = hertz >= _HIGH_FROM
    variants = [each for each in _VARIANTS if each.startswith("f" if high else "m")]
    pitch = 50 + (hertz - (175 if high else 98)) * (0.8 if high else 1.1) + digest[1] % 9 - 4
    return Voice(variants[digest[0] % len(variants)], round(min(90, max(10, pitch))), rate)


def fundamental_frequency(audio: Audio, *, low: float = 70, high: float = 400) -> float | None:
    """The pitch of a voice in hertz: the median over 40 short windows; None if there is no voice."""
    samples = array.array("h", audio.pcm[: len(audio.pcm) // 2 * 2])[:: audio.channels]
    step = max(1, audio.sample_rate // 4000)
    rate = audio.sample_rate / step
    averaged = [sum(samples[index : index + step]) / step for index in range(0, len(samples) - step, step)]
    width = int(rate * 0.06)
    found = [
        hertz
        for start in range(0, len(averaged) - 2 * width, max(1, len(averaged) // 40))
        if (hertz := _window_pitch(averaged[start : start + 2 * width], width, rate, (low, high))) is not None
    ]
    return sorted(found)[len(found) // 2] if found else None


def _window_pitch(window: Sequence[float], width: int, rate: float, limits: tuple[float, float]) -> float | None:
    """The pitch of one window by autocorrelation; None for silence and noise."""
    energy = sum(each * each for each in window[:width])
    if energy / width < 200**2:
        return None
    shifts = range(int(rate / limits[1]), min(width, int(rate / limits[0])) + 1)
    similarity = {
        shift: sum(a * b for a, b in zip(window[:width], window[shift : shift + width], strict=True)) / energy
        for shift in shifts
    }
    best = max(similarity, key=lambda shift: similarity[shift])
    return rate / best if similarity[best] > 0.5 else None


def speak(text: str, voice: Voice) -> Audio:
    """Speak a text: mono, 22,050 Hz. Blocks for some milliseconds per sentence.

    Raises:
        SpeechUnavailableError: The package is not installed, or its library cannot be loaded.

    """
    with _LOCK:
        return _library().speak(text, voice)


_LOCK = threading.Lock()
_LIBRARY: list[_Library] = []

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def _library() -> _Library:
    if not _LIBRARY:
        _LIBRARY.append(_Library())
    return _LIBRARY[0]


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
        self._samples = bytearray()
        self._callback: Callable[..., int] = _Callback(self._take)  # kept: the library calls it later
        self._espeak.espeak_SetSynthCallback(self._callback)

    def _take(self, samples: Any, count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._samples += ctypes.string_at(samples, count * 2)
        return 0

    def speak(self, text: str, voice: Voice) -> Audio:
        """Speak a text with a voice."""
        self._samples.clear()
        language = _language(text)
        if self._espeak.espeak_SetVoiceByName(f"{language}+{voice.variant}".encode()) != 0:
            self._espeak.espeak_SetVoiceByName(language.encode())
        for parameter, value in ((_RATE, voice.rate), (_PITCH, voice.pitch), (_RANGE, 55)):
            self._espeak.espeak_SetParameter(parameter, value, 0)
        encoded = text.replace("\0", " ").encode("utf-8", "replace")
        self._espeak.espeak_Synth(encoded, len(encoded) + 1, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None)
        self._espeak.espeak_Synchronize()
        return Audio(bytes(self._samples), self._rate)


def _language(text: str) -> str:
    for letter in text:
        if letter.isalpha() and not letter.isascii():
            script = unicodedata.name(letter, "").split(" ")[0].split("-")[0]
            if script in _LANGUAGES:
                return _LANGUAGES[script]
    return "en"
