"""Patterns of node class names and input names, by which a graph is analysed without a server.

A graph in API format says nothing about the types of its inputs, and workflows must be analysed while ComfyUI is down,
so the names that node authors chose are the only evidence. All patterns were learned from public API-format files.

Patterns of inputs (`*_NAME`, `*_LINK`) are matched against the name in lower case; patterns of classes (`*_CLASS`,
`*_LOADER`) ignore case.
"""

from __future__ import annotations

import re

# -- conditioning: positive or negative

POSITIVE_NAME = re.compile(r"(?:^|_)(?:pos|positive)(?:_|$)")
NEGATIVE_NAME = re.compile(r"(?:^|_)(?:neg|negative)(?:_|$)")
CONDITIONING_NAME = re.compile(r"cond(?!ition$|.*image)|guider|(?:text|prompt|hyvid|t5|llm|gemma)_?embeds?$")
"""Inputs that take conditioning (an encoded prompt) and name neither polarity; their prompt is the positive one."""

# -- inputs that hold text

TEXT_NAMES = (
    "prompt", "text", "user_prompt", "text_prompt", "positive_text", "prompt_text", "global_prompt", "tags", "caption",
    "speech", "multi_line_prompt", "multiline_text", "wildcard_text", "value", "string", "content", "str", "txt",
    "input_text", "input_string", "text_input", "prompt_positive", "opt_text", "anything", "any", "input", "source",
    "output", "*",
)  # fmt: skip
"""Names of text inputs, the most likely first: at a node with several of them the first of this list is the prompt."""

FREE_TEXT_NAME = re.compile(r"prompt|(?:^|_)text|text$|tags$|caption$|speech$|^lines?$")
"""Names that make a text count at a node that no conditioning input led to (TTS and API nodes)."""
ENCODER_TEXTS = frozenset(
    {"text_g", "text_l", "clip_l", "clip_g", "t5xxl", "llama", "qwen25_7b", "byt5", "bert", "mt5xl", "t5"}
)
"""Inputs of encoder nodes with several text encoders (SDXL, Flux, ...); all of them hold the same prompt."""
WILDCARD_PAIR = ("wildcard_text", "populated_text")
"""Impact Pack's wildcard node has its template and the last result as inputs and uses either, depending on its mode."""
NUMBERED_TEXT_NAME = re.compile(
    r"^(?:\w+\.)?(?:texts?|strings?|str|prompts?|inputs?|any|values?|line|part|arg|s|text_?input|conditioning)"
    r"[_ ]?(?:[a-h]|\d{1,2})$|^[a-d]$"
)
"""Inputs of nodes that join several texts: `text_a`, `string1`, `any_02`, `strings.string0`."""

ADDED_TEXT_NAME = re.compile(r"prefix|suffix|prepend|append|before|after|separator|delimiter|trigger|style")
NOT_A_PROMPT_NAME = re.compile(
    r"file|path|folder|dir$|url|model|ckpt|lora|vae|voice|speaker|lang|quality|format|codec|device|dtype|method|mode|type"
    r"|system|instruct|delimiter|separator|lyrics|sampler|scheduler|font|colou?r|regex|replace|find|name|title|label"
    r"|preset|style|key|token|sigma|expression|base64|upload|seed|size|ratio|resolution|extension|result|transcript"
    r"|ref(?:erence)?_text|sample_text|prefix|suffix|metadata|timeline|lengths?$|time_units|task|option|note|debug"
    r"|control_after_generate|audioui|preview|description|emotion|log_|id$|context|enhancer|schedule"
)
"""Inputs whose text is a setting (a file, a mode, a format) and never a prompt."""

NOT_TEXT_LINK = re.compile(
    r"^(?:clip|model|models|vae|images?|pixels|mask|masks|latents?|latent_image|samples|control_?net|style_model|gligen|noise"
    r"|sampler|sigmas|audio|video|frames|upscale_model|ipadapter|seed|noise_seed|width|height|steps|cfg|batch_size|length"
    r"|strength|clip_vision\w*|image\w*|\w+_image|\w*mask|\w*_model|optional_vae|width_\w+|fps|frame_rate|lora\w*|insightface)$"
)
"""Inputs of other types (models, pictures, numbers, ...): no text is looked for behind their links."""

JOIN_CLASS = re.compile(r"concat|join|combine|merge|append|stringfunction|text_?add|prompt_?composer", re.IGNORECASE)
DISPLAY_CLASS = re.compile(r"show|display|preview", re.IGNORECASE)
COMPUTED_TEXT_CLASS = re.compile(
    r"tagger|caption|florence|blip|interrogat|llava|moondream|im(?:g|age)_?(?:2|to)_?(?:prompt|text)|imagequestion|describe|vqa"
    r"|cogvlm|minicpm|qwen\d?[\d.]*_?-?vl|internvl|paligemma|pixtral|molmo|ocr\b|whisper|transcri|speech_?to_?text|audio_?to_?text"
    r"|qwenimage2prompt",
    re.IGNORECASE,
)
"""Captioners, taggers, transcribers: their text is computed from a picture or sound, so there is no literal."""
LANGUAGE_MODEL_CLASS = re.compile(r"ollama|gemini|openai|gpt|claude|llm|chat|groq|grok|llama|deepseek", re.IGNORECASE)
ENCODER_CLASS = re.compile(r"encode", re.IGNORECASE)
NO_PROMPT_CLASS = re.compile(
    r"segment|grounding|dino|clipseg|\bsam|sam[23]|detect|overlay|draw|watermark|telegram|sender|save|lora|download|loader"
    r"|regex|math|expression|crop|resize|note\b",
    re.IGNORECASE,
)
"""Classes whose text finds, overlays, names or sends something: no prompt, unless a conditioning input led to it."""
ZEROING_CLASSES = frozenset({"ConditioningZeroOut"})
"""Classes whose output does not depend on the text of their input."""

SPEECH_CLASS = re.compile(
    r"tts|speech|chatterbox|vibevoice|f5|indextts|kokoro|xtts|bark|cosyvoice|dia\b|higgs|voice|fish|spark|orpheus|say",
    re.IGNORECASE,
)
TRANSCRIPT_NAME = re.compile(
    r"^(?:ref(?:erence)?_?(?:text|transcript)|sample_text|prompt_text|reference_transcript|transcript(?:ion)?"
    r"|voice_transcript|audio_text|ref_audio_text|prompt_transcript)$"
)

# -- inputs that hold numbers

SEED_NAME = re.compile(r"^(?:\w+_)?seed$")
NUMBER_NAMES = ("value", "int", "integer", "number", "int_value", "float", "a", "input", "default_value", "num", "x")
LATENT_NAME = re.compile(r"latent|^samples$|^image_embeds$|^embeds$")
SECONDARY_CLASS = re.compile(r"detailer|upscale|refine|faceswap", re.IGNORECASE)
"""Tools with a sampler of their own that work on a finished picture; a person's steps and guidance are not for them."""

# -- inputs that load files

IMAGE_LOADER = re.compile(
    r"^(?:(?!.*(?:mask|base64|b64|latent|dataset|batch|folder|dir)).*load_?\s?image.*|.*ExternalImage)$", re.IGNORECASE
)
AUDIO_LOADER = re.compile(r"^(?:.*load_?\s?audio.*|.*ExternalAudio)$", re.IGNORECASE)
BASE64_LOADER = re.compile(r".*load.*(?:base64|b64).*|.*(?:base64|b64).*(?:to_?image|load).*", re.IGNORECASE)
BASE64_MASK_LOADER = re.compile(r"(?=.*mask).*load.*(?:base64|b64).*", re.IGNORECASE)
MASK_LOADER = re.compile(r"(?!.*(?:base64|b64)).*load_?\s?(?:image_?)?\s?(?:as_?)?mask.*", re.IGNORECASE)
FILM_LOADER = re.compile(
    r"(?!.*(?:model|lora|vae|encoder|clip|text)).*(?:load_?\s?videos?|video_?load).*|.*ExternalVideo$", re.IGNORECASE
)
BASE64_LOADER_INPUTS = ("image", "base64_data", "base64", "mask", "data", "image_base64", "base64_string", "b64")
FILM_LOADER_INPUTS = ("video", "file", "video_file", "video_path", "path")
IMAGE_LOADER_INPUTS = ("image", "image_path", "url", "file", "path")
AUDIO_LOADER_INPUTS = ("audio", "audio_file", "file", "path")

# -- output nodes

OUTPUT_CLASS = re.compile(
    r"^save|^preview|save$|saver|videocombine|image ?save|save[_ ]?image|websocket"
    r"|^show ?text|showanything|display ?any|maskpreview|sendimage|export",
    re.IGNORECASE,
)
LEFTOVER_CLASS = re.compile(
    r"encode|decode|load|sampl|latent|condition|primitive|note|reroute|string|text|mask|preprocess|guid|scale|lora|control"
    r"|^create|batch|crop|switch|math",
    re.IGNORECASE,
)
"""Classes that save nothing: a branch that ends at one of them is a leftover from editing."""
TEXT_OUTPUT_CLASS = re.compile(r"show|display|preview ?any|text|debug|string|previewas", re.IGNORECASE)
"""Output nodes that show text; a text that reaches only them is not the prompt."""
AUDIO_OUTPUT_CLASS = re.compile(r"audio|speech|voice|sound", re.IGNORECASE)
