"""Images drawn by rule from a prompt and a seed, in place of a diffusion model's."""

from sandbox.comfyui.fake_images.render import ImageParameters, draw_image

__all__ = ["ImageParameters", "draw_image"]
