"""`Graph`: nodes and edges, of a model for example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wandbd.data_types._files import Content
from wandbd.data_types._media import Media, Sender, WBValue, compact

_ATTRIBUTES = ("id", "name", "class_name", "size", "parameters", "output_shape", "is_output", "num_parameters")


class Node(WBValue):
    """A node. What it is made with can be read and changed as attributes."""

    def __init__(
        self,
        id: Any = None,
        name: str | None = None,
        class_name: str | None = None,
        size: Any = None,
        parameters: Any = None,
        output_shape: Any = None,
        is_output: bool | None = None,
        num_parameters: Any = None,
        node: Node | None = None,
    ) -> None:
        """With these attributes; those of `node` are taken over but for the id."""
        super().__init__()
        self.in_edges: dict[Any, Any] = {}
        self.out_edges: dict[Any, Any] = {}
        self.obj: Any = node.obj if node is not None else None
        self._attributes: dict[str, Any] = {"name": None}
        if node is not None:
            self._attributes.update({key: value for key, value in node._attributes.items() if key != "id"})
        given = (id, name, class_name, size, parameters, output_shape, is_output, num_parameters)
        for key, value in zip(_ATTRIBUTES, given, strict=True):
            if value is not None:
                setattr(self, key, value)

    def __getattr__(self, key: str) -> Any:
        """An attribute; None if it was not given."""
        if key.startswith("_") or key in ("obj", "in_edges", "out_edges"):
            raise AttributeError(key)
        return self._attributes.get(key, [] if key in ("functions", "parameters") else None)

    def __setattr__(self, key: str, value: Any) -> None:
        """Change an attribute."""
        if key.startswith("_") or key in ("obj", "in_edges", "out_edges"):
            object.__setattr__(self, key, value)
        else:
            self._attributes[key] = tuple(value) if key == "size" else value

    def to_json(self, run_or_artifact: Any = None) -> dict[str, Any]:
        """The attributes."""
        return self._attributes

    def __repr__(self) -> str:
        """The attributes."""
        return repr(self._attributes)

    @classmethod
    def from_keras(cls, layer: Any) -> Node:
        """The node of a layer."""
        node = cls(id=layer.name, name=layer.name, class_name=type(layer).__name__)
        node.output_shape = getattr(layer, "output_shape", ["multiple"])
        node.num_parameters = layer.count_params()
        return node


class Edge(WBValue):
    """From a node to another."""

    def __init__(self, from_node: Node, to_node: Node) -> None:
        """Between these."""
        super().__init__()
        self.from_node = from_node
        self.to_node = to_node
        self.name: str | None = None

    def to_json(self, run_or_artifact: Any = None) -> Any:
        """The ids of both."""
        return [self.from_node.id, self.to_node.id]


class Graph(Media):
    """Nodes and edges."""

    _log_type = "graph-file"
    _dir = "graph"

    def __init__(self, format: str = "keras") -> None:
        """An empty one."""
        super().__init__()
        self.format = format
        self.nodes: list[Node] = []
        self.nodes_by_id: dict[Any, Node] = {}
        self.edges: list[Edge] = []
        self.loaded = False
        self.criterion: Any = None
        self.criterion_passed = False
        self.root: Node | None = None

    def __getitem__(self, nid: Any) -> Node:
        """The node with this id."""
        return self.nodes_by_id[nid]

    def add_node(self, node: Node | None = None, **node_kwargs: Any) -> Node:
        """Add a node, or make one of its attributes.

        Raises:
            ValueError: Both are given.
        """
        if node is None:
            node = Node(**node_kwargs)
        elif node_kwargs:
            raise ValueError(f"Only pass one of either node ({node}) or other keyword arguments ({node_kwargs})")
        self.nodes.append(node)
        self.nodes_by_id[node.id] = node
        return node

    def add_edge(self, from_node: Node, to_node: Node) -> Edge:
        """Add an edge."""
        edge = Edge(from_node, to_node)
        self.edges.append(edge)
        return edge

    @classmethod
    def from_keras(cls, model: Any) -> Graph:
        """The layers of a model, and what flows from one to the other."""
        graph = cls()
        for layer in model.layers:
            node = Node.from_keras(layer)
            for before in _inbound(layer):
                if before.name not in graph.nodes_by_id:
                    graph.add_node(Node.from_keras(before))
                graph.add_edge(graph.nodes_by_id[before.name], node)
            if node.id not in graph.nodes_by_id:
                graph.add_node(node)
        return graph

    def _content(self, id: str, to: Sender) -> dict[str, Any]:
        data = {
            "format": self.format,
            "nodes": [node.to_json() for node in self.nodes],
            "edges": [edge.to_json() for edge in self.edges],
        }
        return {"dir": self._dir, "extension": ".graph.json", **Content(compact(data)).fields(id)}

    @classmethod
    def from_json(cls, json_obj: Mapping[str, Any], source_artifact: Any) -> Graph:
        """Artifacts hold none."""
        raise NotImplementedError


def _inbound(layer: Any) -> list[Any]:
    found: list[Any] = []
    for node in getattr(layer, "_inbound_nodes", ()):
        layers = getattr(node, "inbound_layers", None)  # Keras 2
        if layers is None:  # Keras 3
            layers = [before.operation for before in getattr(node, "parent_nodes", ())]
        found.extend(layers if isinstance(layers, (list, tuple)) else [layers])
    return found
