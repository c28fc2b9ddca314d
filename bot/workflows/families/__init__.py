"""Drawing with whichever model ComfyUI has: families of models, recognising them, and rewriting a graph for one.

A workflow whose checkpoint loader names `MODEL_PLACEHOLDER` in place of a file is written for SDXL. `adapted` makes a
workflow of it that uses an installed model of any family in `FAMILIES`, with the loaders, latent, size and sampling of
that family.
"""

from bot.workflows.families.adaptation import adapted, takes_any_model
from bot.workflows.families.choice import DOWNLOAD_ADVICE, InstalledModel, choose_model
from bot.workflows.families.family import FAMILIES, ModelFamily
from bot.workflows.families.installed import ModelFacts, family_by_name, unrecognized_models
from bot.workflows.placeholders import MODEL_PLACEHOLDER

__all__ = [
    "DOWNLOAD_ADVICE",
    "FAMILIES",
    "MODEL_PLACEHOLDER",
    "InstalledModel",
    "ModelFacts",
    "ModelFamily",
    "adapted",
    "choose_model",
    "family_by_name",
    "takes_any_model",
    "unrecognized_models",
]
