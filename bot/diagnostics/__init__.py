"""The checks of `chorus doctor`: Discord, ComfyUI, workflows, the language model, and this machine."""
