"""Voices: what a character says of a text, with which sample of its voice, where it speaks by itself."""
