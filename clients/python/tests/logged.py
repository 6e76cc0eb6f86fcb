"""A run of the recording core that tables and charts are logged to."""

from __future__ import annotations

import json
import os
from typing import Any

from wandbd._values import convert


class Log:
    """A run of the recording core, and what it was told."""

    def __init__(self, core: Any, **info: Any) -> None:
        self.core = core
        core.info.update(info)
        self.run = core.Run(os.urandom(4).hex(), "abc", {"run_id": "abc"})

    def __call__(self, value: Any, key: str = "key") -> Any:
        template = convert(value, self.run, key, key)
        return (template.value, template.key) if template.key else template.value

    def tables(self) -> list[dict[str, Any]]:
        return [call[0] for call in self.core.named("media") if "table" in call[0]]

    def table(self) -> dict[str, Any]:
        return self.tables()[-1]

    def rows(self) -> Any:
        return self.core.named("table_rows")[-1][2]

    def artifact(self) -> dict[str, Any]:
        return dict(self.core.named("log_artifact")[-1][0])

    def types(self) -> Any:
        return json.loads(self.table()["table"]["column_types_json"])["params"]["type_map"]
