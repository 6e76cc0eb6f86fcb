"""Tables, pictures and other objects in artifacts: what one client writes, the other reads, and each its own."""

import json

import pytest

from harness import Backend, Home
from harness.trainer import run as train

SCRIPT = """
    import datetime, json, sys
    import numpy as np
    writer, reader, run_id = sys.argv[1:]
    w, r = __import__(writer), __import__(reader)
    pixels = (np.arange(48).reshape(4, 4, 3) * 5).astype("uint8")
    masks = {"m": {"mask_data": np.array([[0, 1, 1, 0]] * 4), "class_labels": {0: "road", 1: "car"}}}
    box = {"position": {"minX": 0, "maxX": 1, "minY": 0, "maxY": 1}, "class_id": 1, "scores": {"s": 0.25}}
    boxes = {"b": {"box_data": [box], "class_labels": {1: "van"}}}

    run = w.init(project="e2e", id=run_id)
    people = w.Table(columns=["name"], data=[["ann"], ["bob"]])
    people.set_pk("name")
    visits = w.Table(columns=["who", "n"], data=[["ann", 1]])
    visits.set_fk("who", people, "name")
    picture = w.Image(pixels, masks=masks, boxes=boxes, caption="c")
    cells = w.Table(
        columns=["n", "text", "when", "picture", "array", "page"],
        data=[
            [1, "x", datetime.datetime(2020, 1, 2, 3, 4, 5), picture, np.ones((2, 2)), w.Html("p")],
            [2.5, None, None, None, np.zeros((2, 2)), None],
        ],
    )
    artifact = w.Artifact("objects-" + run_id, "data")
    artifact.add(cells, "cells")
    artifact.add(visits, "visits")
    artifact.add(w.JoinedTable(cells, visits, "n"), "both")
    artifact.add(w.Image(pixels, caption="alone"), "picture")
    artifact.add(w.Classes([{"id": 0, "name": "q"}]), "classes")
    artifact.add(w.Audio(np.zeros(10), sample_rate=10, caption="still"), "sound")
    run.log_artifact(artifact).wait()
    growing = w.Table(columns=["a"], log_mode="INCREMENTAL")
    for number in (1, 2):
        growing.add_data(number)
        run.log({"growing": growing})
    run.log({"logged": w.Table(columns=["a"], data=[[1], [2], [3]])})
    run.finish()

    run = r.init(project="e2e")
    artifact = run.use_artifact(f"objects-{run_id}:latest")
    cells = artifact.get("cells")
    number, text, when, picture, array, page = cells.data[0]
    said = {
        "columns": cells.columns,
        "plain": [number, text, when.isoformat(), array.tolist(), page.html[-1]],
        "none": [value if not hasattr(value, "tolist") else value.tolist() for value in cells.data[1]],
        "picture": [np.asarray(picture.image).tolist() == pixels.tolist(), picture._caption, sorted(picture._masks)],
        "boxes": picture._boxes["b"]._val,
        "classes": sorted([one["id"], one["name"]] for one in picture._classes._class_set),
        "alone": [int(np.asarray(artifact.get("picture").image).sum()), artifact.get("picture")._caption],
        "key": [artifact.get("visits").data, artifact.get("visits").data[0][0]._table.data],
        "both": [artifact.get("both")._join_key, artifact.get("both")._table2.columns],
        "names": artifact.get("classes")._class_set,
        "sound": artifact.get("sound")._caption,
    }
    growing = run.use_artifact(f"run-{run_id}-incr-growing:latest")
    said["growing"] = [growing.get(path).data for path in growing.manifest.entries]
    said["logged"] = run.use_artifact(f"run-{run_id}-logged:latest").get("logged").data
    run.finish()
    print("said", json.dumps(said))
"""

READ = {
    "columns": ["n", "text", "when", "picture", "array", "page"],
    "plain": [1, "x", "2020-01-02T03:04:05+00:00", [[1.0, 1.0], [1.0, 1.0]], "p"],
    "none": [2.5, None, None, None, [[0.0, 0.0], [0.0, 0.0]], None],
    "picture": [True, "c", ["m"]],
    "boxes": [{"position": {"minX": 0, "maxX": 1, "minY": 0, "maxY": 1}, "class_id": 1, "scores": {"s": 0.25}}],
    "classes": [[0, "road"], [1, "car"]],
    "alone": [5640, "alone"],
    "key": [[["ann", 1]], [["ann"], ["bob"]]],
    "both": ["n", ["who", "n"]],
    "names": [{"id": 0, "name": "q"}],
    "sound": "still",
    "growing": [[[1], [2]], [[1], [2]]],
    "logged": [[1], [2], [3]],
}


@pytest.mark.parametrize(("writer", "reader"), [("wandb", "wandbd"), ("wandbd", "wandb"), ("wandbd", "wandbd")], ids=lambda name: name)
def test_what_one_client_puts_into_artifacts_the_other_reads(writer: str, reader: str, home: Home, backend: Backend, run_id: str) -> None:
    # When one client logs objects in artifacts and tables in rows, and the other asks for them at once
    trainer = train(home, SCRIPT, writer, reader, run_id, limit_s=120)

    # Then it reads what was put in
    assert json.loads(trainer.said("said ")) == READ
    backend.finished(run_id)
