"""`Html`: a page, or a part of one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from wandbd.data_types._files import Content, UserFile
from wandbd.data_types._media import BatchableMedia, Sender

_HEAD = '<base target="_blank"><link rel="stylesheet" type="text/css" href="https://app.wandb.ai/normalize.css" />'


class Html(BatchableMedia):
    """A page."""

    _log_type = "html-file"
    _column_type = "html-file"
    _dir = "html"

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        """Take a page.

        Args:
            data: The text, a file object with it, or the path of a file that ends with `.html`.
            inject: Whether to add W&B's stylesheet.
            data_is_not_path: Whether a text is never a path.

        Raises:
            ValueError: It is none of these.
        """
        super().__init__()
        is_path = (
            not data_is_not_path
            and isinstance(data, (str, os.PathLike))
            and os.path.splitext(data)[1] == ".html"
            and os.path.isfile(data)
        )
        if is_path:
            self._path = os.fspath(data)
            with open(self._path, encoding="utf-8") as file:
                self.html = file.read()
        elif isinstance(data, str):
            self.html = data
        elif hasattr(data, "read"):
            if hasattr(data, "seek"):
                data.seek(0)
            self.html = data.read()
        else:
            raise ValueError("data must be a string or an io object")
        self._source: UserFile | Content
        if inject:
            self.inject_head()
        self._source = UserFile(str(self._path)) if is_path and not inject else Content(self.html)

    def inject_head(self) -> None:
        """Add W&B's stylesheet."""
        if "<head>" in self.html:
            before, after = self.html.split("<head>", 1)
            before += "<head>"
        elif "<html>" in self.html:
            before, after = self.html.split("<html>", 1)
            before, after = before + "<html><head>", "</head>" + after
        else:
            before, after = "", self.html
        self.html = f"{before}{_HEAD}{after}".strip()

    def _content(self, id: str, to: Sender) -> dict[str, Any]:
        return {"dir": self._dir, "extension": ".html", **self._source.fields(id)}

    @classmethod
    def from_json(cls, json_obj: Mapping[str, Any], source_artifact: Any) -> Html:
        """The page that an artifact holds."""
        return cls(source_artifact.get_entry(json_obj["path"]).download(), inject=False)

    @classmethod
    def _list_in_row(cls, items: Sequence[Html], to: Sender) -> dict[str, Any]:
        return {"_type": "html", "count": len(items), "html": [item._in_row(to) for item in items]}
