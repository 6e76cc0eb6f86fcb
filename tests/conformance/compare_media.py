"""Media of a run in a form that can be compared: pictures by their pixels, not by how they were compressed.

PNG, JPEG and GIF files of the two clients differ in their bytes, and so in their digests, in the names made of these, and in the
JSON that tells of them. Each picture becomes a word made of what it shows, everywhere: in names, rows, tables and artifacts. GIF and
JPEG lose something at compression: of them only the measures are compared. Archives of arrays are compared by their arrays. Of
artifacts, JSON files are compared as they are, key by key.
"""

import base64
import hashlib
import io
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageSequence

Tree = dict[str, Any]

LOSSLESS = (".png", ".bmp")
LOSSY = (".jpg", ".jpeg")
FILMS = (".gif",)
ARRAYS = (".npz",)
TABLES = ("run_table", "wandb-run-incremental-table")
CLIENT_ID = re.compile(r"(?<![0-9a-z])[0-9a-z]{128}(?![0-9a-z])")
CHANCE = (
    (CLIENT_ID, "<client id>"),
    (re.compile(r"\b(None|\d+)-\d{13}\."), r"\1-<ms>."),
    (re.compile(r"\bt_[0-9a-z_]{8}\.table\."), "t_<chance>.table."),
)
"""What differs between any two runs."""


class Pictures:
    """The words for all that was seen so far."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._words: dict[str, str] = {}

    def see(self, name: str, content: bytes) -> str | None:
        """Return the word for a file; None for one that is compared byte by byte."""
        word = _word(name, content)
        if word is not None:
            md5 = hashlib.md5(content)
            for digest in (hashlib.sha256(content).hexdigest(), md5.hexdigest()):
                self._words[digest] = word
                self._words[digest[:20]] = word
            self._words[base64.b64encode(md5.digest()).decode()] = word
            if name.endswith(ARRAYS):
                self._words[name.rsplit("/", 1)[-1].rsplit(".", 1)[0]] = word
        return word

    def see_object(self, content: bytes) -> bool:
        """Look at the JSON of an object in an artifact: if it tells of pictures, or of chance, its own digest is another, too."""
        text = content.decode()
        if self.text(text) == text:
            return False
        md5 = hashlib.md5(content).digest()
        self._words[base64.b64encode(md5).decode()] = "<object of other bytes>"
        return True

    def text(self, text: str) -> str:
        """Return a text with digests replaced by words, and what is chosen by chance as well."""
        for digest in sorted(self._words, key=len, reverse=True):
            if digest in text:
                text = text.replace(digest, self._words[digest])
        for pattern, word in CHANCE:
            text = pattern.sub(word, text)
        return text

    def tree(self, value: Any) -> Any:
        """Return the same for a tree; the size of what is a word is one, too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.tree(item) for item in value]
        if isinstance(value, dict):
            known = any(isinstance(value.get(name), str) and value[name] in self._words for name in ("sha256", "digest"))
            return {self.text(key): "<size>" if known and key == "size" else self.tree(item) for key, item in value.items()}
        return value


def _word(name: str, content: bytes) -> str | None:
    if name.endswith(ARRAYS):
        with np.load(io.BytesIO(content)) as archive:
            return " ".join(f"<array {key} {archive[key].dtype} {archive[key].tolist()}>" for key in sorted(archive))
    if not name.lower().endswith(LOSSLESS + LOSSY + FILMS):
        return None
    try:
        picture = Image.open(io.BytesIO(content))
        width, height = picture.size
        if name.lower().endswith(LOSSY):
            return f"<photo {picture.mode} {width}x{height}>"
        if name.lower().endswith(FILMS):
            times = [frame.info.get("duration") for frame in ImageSequence.Iterator(picture)]
            return f"<film {width}x{height} loop {picture.info.get('loop')} {times}>"
        pixels = hashlib.sha256(picture.tobytes()).hexdigest()[:12]
        return f"<picture {picture.mode} {width}x{height} {pixels}>"
    except OSError:
        return None


def settle(found: Tree, whole: Tree, download: Callable[[str], bytes]) -> Tree:
    """Return a run as `record.run` found it, with words for its pictures; `whole` is what the server says of it."""
    pictures = Pictures()
    for file in whole["files"]:
        if file["name"].startswith("media/"):
            content = download(file["url"])
            word = pictures.see(file["name"], content)
            found["files"][file["name"]] = word or _content(file["name"], content)
    for kind, items in (("artifacts", whole["artifacts"]), ("used artifacts", whole["usedArtifacts"])):
        for item in items:
            entry = found[kind][f"{item['name']}:{item['version']}"]
            if "files" in entry:
                _artifact(entry, item, pictures, download)
    settled: Tree = pictures.tree(found)
    return settled


def _artifact(entry: Tree, item: Tree, pictures: Pictures, download: Callable[[str], bytes]) -> None:
    """Put the content of JSON files and pictures in the place of their digests."""
    contents = {}
    for file in item["files"]:
        if file.get("url") and file["name"].lower().endswith((".json", *LOSSLESS, *LOSSY, *FILMS, *ARRAYS)):
            url = file["url"]
            if url.startswith(("/", "http://", "https://")):
                contents[file["name"]] = download(url)
    words = {name: pictures.see(name, content) for name, content in contents.items()}
    other = any(word or pictures.text(name) != name for name, word in words.items())
    for name, content in contents.items():
        entry["files"][name] = words[name] or _content(name, content)
        if name.endswith(".json"):
            other = pictures.see_object(content) or other
    if other:
        for name in ("digest", "size"):
            if name in entry:
                entry[name] = "<of other bytes>"


def _content(name: str, content: bytes) -> Any:
    if name.endswith(".json"):
        return json.loads(content)
    try:
        return content.decode()
    except UnicodeDecodeError:
        return hashlib.sha256(content).hexdigest()
