"""Versions of artifacts as the server has them: manifest, digest, names, lineage and links, without what differs in each run."""

import json
import re
import urllib.request
from typing import Any

from harness import Backend

Tree = dict[str, Any]

QUERY = """
query Version($entity: String!, $project: String!, $name: String!) {
  project(entityName: $entity, name: $project) {
    artifact(name: $name) {
      digest size fileCount state description metadata ttlDurationSeconds ttlIsInherited historyStep
      tags { name }
      artifactType { name }
      currentManifest { file { directUrl } }
      createdBy { ... on Run { name } }
      usedBy { edges { node { name } } }
      artifactMemberships { edges { node {
        versionIndex aliases { alias } artifactCollection { name project { name } } } } }
    }
  }
}
"""
PORT = re.compile(r"(?<=://127\.0\.0\.1):\d+")
OF_VERSION = re.compile(r"wandb-artifact://[0-9a-f]+")
UNSAID: Tree = {"skip_cache": False, "size": 0, "extra": {}}
"""What an entry of a manifest may leave out."""


def facts(backend: Backend, entity: str, project: str, name: str) -> Tree:
    """Return all of one version, by its collection and number."""
    found = _asked(backend, {"entity": entity, "project": project, "name": name})["project"]["artifact"]
    return {
        **{key: found[key] for key in ("digest", "size", "fileCount", "ttlDurationSeconds", "ttlIsInherited", "historyStep")},
        "manifest": _manifest(json.loads(backend.download(found["currentManifest"]["file"]["directUrl"]))),
        "created by": (found["createdBy"] or {}).get("name"),
        "used by": sorted({edge["node"]["name"] for edge in found["usedBy"]["edges"]} - {"fetcher"}),  # it is no script
        "links": _links(found["artifactMemberships"]["edges"], name.partition(":")[0]),
    }


def _asked(backend: Backend, variables: Tree) -> Tree:
    body = json.dumps({"query": QUERY, "variables": variables}).encode()
    headers = backend.authorization() | {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{backend.url}/graphql", body, headers), timeout=30) as answer:
        read = json.loads(answer.read())
    assert not read.get("errors"), read["errors"]
    data: Tree = read["data"]
    return data


def _manifest(manifest: Tree) -> Tree:
    return {**manifest, "contents": {path: _entry(entry) for path, entry in manifest["contents"].items()}}


def _entry(entry: Tree) -> Tree:
    """Return an entry with the ids and ports replaced by words."""
    entry = UNSAID | entry
    entry.pop("local_path", None)  # of the machine that has uploaded it
    if "birthArtifactID" in entry:
        entry["birthArtifactID"] = "<id>"
    if "ref" in entry:
        entry["ref"] = OF_VERSION.sub("wandb-artifact://<id>", PORT.sub(":<port>", entry["ref"]))
    return entry


def _links(edges: list[Tree], own: str) -> dict[str, Any]:
    """Return the other collections that the version is in, with its number and aliases there."""
    places = {}
    for edge in edges:
        node = edge["node"]
        collection = node["artifactCollection"]
        if collection["name"] != own:
            aliases = sorted(alias["alias"] for alias in node["aliases"])
            places[f"{collection['project']['name']}/{collection['name']}"] = [node["versionIndex"], aliases]
    return places
