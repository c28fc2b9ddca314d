"""Small workflows in the UI format, and the `/object_info` of a server that has their classes."""

from __future__ import annotations

from typing import Any, cast

from bot.workflows.conversion import convert_ui_workflow

Ui = dict[str, Any]


def described(display_name: str | None = None, output: list[Any] | None = None, **sections: Any) -> dict[str, Any]:
    """One class of `/object_info`; sections are `required` and `optional`."""
    return {
        "input": sections,
        "input_order": {name: list(found) for name, found in sections.items()},
        "output": output or [],
        "display_name": display_name,
    }


CODEC: list[Any] = [
    "COMFY_DYNAMICCOMBO_V3",
    {
        "options": [
            {"key": "auto", "inputs": {"required": {}}},
            {
                "key": "h264",
                "inputs": {"required": {"crf": ["FLOAT", {"default": 23.0}]}, "optional": {"mask": ["MASK", {}]}},
            },
        ]
    },
]
OBJECT_INFO: dict[str, Any] = {
    "Loader": described(
        "Load Model", ["MODEL", "CLIP", "VAE"], required={"name": [["a.safetensors", "b.safetensors"], {}]}
    ),
    "Encode": described(
        "Encode Text",
        ["CONDITIONING"],
        required={"text": ["STRING", {"multiline": True, "dynamicPrompts": True}], "clip": ["CLIP"]},
    ),
    "Sampler": described(
        "Sample",
        ["LATENT"],
        required={
            "model": ["MODEL"],
            "seed": ["INT", {"default": 7, "control_after_generate": True}],
            "steps": ["INT", {"default": 20}],
            "sampler": ["COMBO", {"options": ["euler", "heun"]}],
            "positive": ["CONDITIONING"],
        },
        optional={"strength": ["FLOAT", {"default": 1.0}]},
    ),
    "OldSampler": described(None, ["LATENT"], required={"noise_seed": ["INT"], "steps": ["INT", {"default": 4}]}),
    "Blend": described(
        None, ["IMAGE"], required={"amount": ["FLOAT", {"default": 0.5}], "first": ["IMAGE"], "second": ["IMAGE"]}
    ),
    "Masked": described(None, ["IMAGE"], required={"mask": ["MASK"], "image": ["IMAGE"]}),
    "Picture": described(None, ["IMAGE", "MASK"], required={"image": [["x.png"], {"image_upload": True}]}),
    "SaveImage": described(
        "Save Image", required={"images": ["IMAGE"], "filename_prefix": ["STRING", {"default": "ComfyUI"}]}
    ),
    "SaveFilm": described(
        None,
        required={
            "images": ["IMAGE"],
            "format": [
                "COMFY_DYNAMICCOMBO_V3",
                {
                    "options": [
                        {"key": "auto", "inputs": {"required": {"codec": CODEC}}},
                        {"key": "gif", "inputs": {"required": {"loops": ["INT", {"default": 0}]}}},
                    ]
                },
            ],
            "quality": ["INT", {"default": 90}],
        },
    ),
    "Batch": described(
        None,
        ["IMAGE"],
        required={
            "images": [
                "COMFY_AUTOGROW_V3",
                {"template": {"input": {"required": {"image": ["IMAGE"]}}, "prefix": "image"}},
            ],
            "size": ["INT", {"default": 1}],
        },
    ),
    "Texts": described(
        None,
        required={"texts": ["STRING", {"forceInput": True}], "folder": ["STRING", {"default": "out"}]},
    ),
    "Number": described("A Number", ["INT"], required={"value": ["INT", {"default": 0}]}),
    "Rate": described(None, required={"rate": ["FLOAT,INT", {"default": 25.0, "widgetType": "FLOAT"}]}),
    "Editors": described(
        None,
        required={
            "curve": ["CURVE", {"socketless": True}],
            "boxes": ["BOUNDING_BOXES", {"default": [], "socketless": False}],
            "flags": ["BOOLEAN", {"default": False}],
        },
    ),
    "Compare": described(
        None, required={"compare_view": ["IMAGECOMPARE", {"socketless": True}]}, optional={"image_a": ["IMAGE"]}
    ),
    "CustomCombo": described(None, ["STRING", "INT"], required={"choice": ["COMBO", {"options": []}]}),
    "Load3D": described(
        None,
        required={
            "model_file": ["COMBO", {"options": ["none"], "file_upload": True}],
            "image": ["LOAD_3D", {}],
            "width": ["INT", {"default": 1024}],
        },
    ),
    "SaveGLB": described(None, required={"mesh": ["MESH"], "filename_prefix": ["STRING", {"default": "3d"}]}),
}


def node(node_id: Any, node_type: str, values: Any = (), /, **more: Any) -> dict[str, Any]:
    """A node; `inputs` maps names to link ids, `outputs` lists types, `types` maps input names to types."""
    inputs: dict[str, Any] = more.pop("inputs", {})
    types: dict[str, str] = more.pop("types", {})
    return {
        "id": node_id,
        "type": node_type,
        "inputs": [{"name": name, "type": types.get(name, "*"), "link": link} for name, link in inputs.items()],
        "outputs": [{"name": kind, "type": kind} for kind in more.pop("outputs", [])],
        "widgets_values": list(cast("tuple[Any, ...]", values)) if isinstance(values, tuple) else values,
        **more,
    }


def ui(*nodes: dict[str, Any], links: Any = (), definitions: Any = (), **more: Any) -> Ui:
    """A file; links are `(id, origin, slot, target, slot)`."""
    found: Ui = {"last_node_id": 0, "nodes": list(nodes), "links": [[*link, "*"] for link in links], "version": 0.4}
    if definitions:
        found["definitions"] = {"subgraphs": list(definitions)}
    return found | more


def subgraph(
    definition_id: str, *nodes: dict[str, Any], links: Any = (), inputs: Any = (), outputs: Any = ()
) -> dict[str, Any]:
    """A definition; inputs and outputs are `(name, type)`, and their links are found in the table."""
    keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    found: list[dict[str, Any]] = [dict(zip(keys, link, strict=True)) for link in links]

    def sockets(given: Any, node_id: int, side: str) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "type": kind,
                "linkIds": [
                    link["id"] for link in found if link[f"{side}_id"] == node_id and link[f"{side}_slot"] == slot
                ],
            }
            for slot, (name, kind) in enumerate(given)
        ]

    return {
        "id": definition_id,
        "name": definition_id,
        "nodes": list(nodes),
        "links": found,
        "inputs": sockets(inputs, -10, "origin"),
        "outputs": sockets(outputs, -20, "target"),
    }


def inputs_of(workflow: Ui, **options: Any) -> dict[str, dict[str, Any]]:
    """Node id -> inputs, of the converted workflow."""
    graph = convert_ui_workflow(workflow, OBJECT_INFO, **options).graph
    return {node_id: found["inputs"] for node_id, found in graph.items()}
