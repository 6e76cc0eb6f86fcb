"""The layers of a model and how they are connected, as W&B's graph file says it."""

from __future__ import annotations

import math
from typing import Any


def nodes_and_edges(model: Any) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """The nodes (`name`, `class_name`, `output_shape`, `num_parameters`) and the edges (from, to), inputs first.

    Only connections inside this model count: a layer may be shared with others. A model without a known graph (a
    subclass) has its layers as nodes and no edges.
    """
    graph = getattr(model, "_functional", None) or model
    layers = list(getattr(graph, "layers", None) or [])
    names = {layer.name for layer in layers}
    own = {id(node) for nodes in (getattr(graph, "_nodes_by_depth", None) or {}).values() for node in nodes}
    edges = []
    for layer in layers:
        for node in getattr(layer, "_inbound_nodes", None) or []:
            if own and id(node) not in own:
                continue
            for parent in node.parent_nodes:
                edge = (parent.operation.name, layer.name)
                if edge[0] in names and edge not in edges:
                    edges.append(edge)
    return [_node(layer) for layer in layers], edges


def _node(layer: Any) -> dict[str, Any]:
    return {
        "name": layer.name,
        "class_name": type(layer).__name__,
        "output_shape": _shape(layer),
        "num_parameters": sum(math.prod(weight.shape) for weight in layer.weights),
    }


def _shape(layer: Any) -> list[Any]:
    try:
        output = layer.output
    except (AttributeError, ValueError):  # never called, or in several places
        return ["multiple"]
    shape = getattr(output, "shape", None)
    if shape is None:
        return ["multiple"]
    dimensions = [None if size is None else int(size) for size in shape]
    return [dimensions] if type(layer).__name__ == "InputLayer" else dimensions
