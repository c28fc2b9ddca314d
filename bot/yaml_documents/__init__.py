"""YAML files of the bot's owner (configuration, characters): read with line numbers and validated against a model."""

from bot.yaml_documents.document import KeyPath, YamlDocument, dotted_key
from bot.yaml_documents.model_validation import known_keys, nearest_key, validate_document
from bot.yaml_documents.reader import CONSTRUCTION_ERRORS, parse_yaml, read_yaml

__all__ = [
    "CONSTRUCTION_ERRORS",
    "KeyPath",
    "YamlDocument",
    "dotted_key",
    "known_keys",
    "nearest_key",
    "parse_yaml",
    "read_yaml",
    "validate_document",
]
