"""From a Discord message to text that a voice can speak. All functions are pure: text and options in, text out."""

from __future__ import annotations

from bot.media.speech.options import SpeechOptions
from bot.media.speech.speakable import speakable
from bot.media.speech.splitting import Shortened, shorten, split_for_speech

__all__ = ["Shortened", "SpeechOptions", "shorten", "speakable", "split_for_speech"]
