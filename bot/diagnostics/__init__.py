"""Checks of everything the bot needs: Discord, ComfyUI and workflows, the language model, this machine."""
