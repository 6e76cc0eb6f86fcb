"""wandbd: log training runs to Weights & Biases through a local daemon that never stands in the way.

    import wandbd as wandb

    with wandb.init(project="digits", config={"lr": 1e-3}) as run:
        run.log({"loss": 0.5})

The names, arguments and defaults are W&B's. What `log` takes is on disk within about 100 ms and reaches the server
once and in order, whatever dies meanwhile. A name of W&B that is not built yet raises `AttributeError` and says so.

Importing this module does nothing and costs a millisecond: its parts are loaded at their first use.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true; importing `typing` would cost more than all of this module
if TYPE_CHECKING:
    from wandbd import data_types as data_types
    from wandbd import errors as errors
    from wandbd import helper as helper
    from wandbd import plot as plot
    from wandbd import tensorboard as tensorboard
    from wandbd._alert import AlertLevel as AlertLevel
    from wandbd._artifact import Artifact as Artifact
    from wandbd._artifact_facts import ArtifactTTL as ArtifactTTL
    from wandbd._config import Config as Config
    from wandbd._core import __version__ as __version__
    from wandbd._errors import CommError as CommError
    from wandbd._errors import Error as Error
    from wandbd._errors import UsageError as UsageError
    from wandbd._files import restore_file as restore
    from wandbd._finish import finish_current as finish
    from wandbd._finish import finish_current as join
    from wandbd._init import init as init
    from wandbd._login import login as login
    from wandbd._preinit import alert as alert
    from wandbd._preinit import define_metric as define_metric
    from wandbd._preinit import link_model as link_model
    from wandbd._preinit import log as log
    from wandbd._preinit import log_artifact as log_artifact
    from wandbd._preinit import log_code as log_code
    from wandbd._preinit import log_model as log_model
    from wandbd._preinit import mark_preempting as mark_preempting
    from wandbd._preinit import pin_config_keys as pin_config_keys
    from wandbd._preinit import save as save
    from wandbd._preinit import use_artifact as use_artifact
    from wandbd._preinit import use_model as use_model
    from wandbd._require import require as require
    from wandbd._run import Run as Run
    from wandbd._settings import Settings as Settings
    from wandbd._setup import setup as setup
    from wandbd._setup import teardown as teardown
    from wandbd._summary import Summary as Summary
    from wandbd._term import termerror as termerror
    from wandbd._term import termlog as termlog
    from wandbd._term import termwarn as termwarn
    from wandbd.data_types import Audio as Audio
    from wandbd.data_types import Classes as Classes
    from wandbd.data_types import Graph as Graph
    from wandbd.data_types import Histogram as Histogram
    from wandbd.data_types import Html as Html
    from wandbd.data_types import Image as Image
    from wandbd.data_types import JoinedTable as JoinedTable
    from wandbd.data_types import Molecule as Molecule
    from wandbd.data_types import Object3D as Object3D
    from wandbd.data_types import Plotly as Plotly
    from wandbd.data_types import Table as Table
    from wandbd.data_types import Video as Video
    from wandbd.data_types import box3d as box3d
    from wandbd.plot import plot_table as plot_table
    from wandbd.plot import visualize as visualize

    run: Run | None
    config: Config
    summary: Summary

__all__ = [
    "AlertLevel",
    "Artifact",
    "ArtifactTTL",
    "Audio",
    "Classes",
    "CommError",
    "Config",
    "Error",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "JoinedTable",
    "Molecule",
    "Object3D",
    "Plotly",
    "Run",
    "Settings",
    "Summary",
    "Table",
    "UsageError",
    "Video",
    "__version__",
    "alert",
    "box3d",
    "config",
    "data_types",
    "define_metric",
    "errors",
    "finish",
    "helper",
    "init",
    "join",
    "link_model",
    "log",
    "log_artifact",
    "log_code",
    "log_model",
    "login",
    "mark_preempting",
    "pin_config_keys",
    "plot",
    "plot_table",
    "require",
    "restore",
    "run",
    "save",
    "setup",
    "summary",
    "teardown",
    "tensorboard",
    "termerror",
    "termlog",
    "termwarn",
    "use_artifact",
    "use_model",
    "visualize",
]

# Where a name lives, and what it is called there.
_HOMES = {
    "AlertLevel": ("_alert", "AlertLevel"),
    "Artifact": ("_artifact", "Artifact"),
    "ArtifactTTL": ("_artifact_facts", "ArtifactTTL"),
    "Audio": ("data_types._audio", "Audio"),
    "Classes": ("data_types._classes", "Classes"),
    "CommError": ("_errors", "CommError"),
    "Config": ("_config", "Config"),
    "Error": ("_errors", "Error"),
    "Graph": ("data_types._graph", "Graph"),
    "Histogram": ("data_types._histogram", "Histogram"),
    "Html": ("data_types._html", "Html"),
    "Image": ("data_types._image", "Image"),
    "JoinedTable": ("data_types._joined", "JoinedTable"),
    "Molecule": ("data_types._molecule", "Molecule"),
    "Object3D": ("data_types._object3d", "Object3D"),
    "Plotly": ("data_types._plotly", "Plotly"),
    "Run": ("_run", "Run"),
    "Settings": ("_settings", "Settings"),
    "Summary": ("_summary", "Summary"),
    "Table": ("data_types._table", "Table"),
    "UsageError": ("_errors", "UsageError"),
    "Video": ("data_types._video", "Video"),
    "__version__": ("_core", "__version__"),
    "box3d": ("data_types._object3d", "box3d"),
    "finish": ("_finish", "finish_current"),
    "init": ("_init", "init"),
    "join": ("_finish", "finish_current"),
    "login": ("_login", "login"),
    "plot_table": ("plot", "plot_table"),
    "require": ("_require", "require"),
    "restore": ("_files", "restore_file"),
    "setup": ("_setup", "setup"),
    "teardown": ("_setup", "teardown"),
    "termerror": ("_term", "termerror"),
    "termlog": ("_term", "termlog"),
    "termwarn": ("_term", "termwarn"),
    "visualize": ("plot", "visualize"),
}
_OF_THE_RUN = frozenset(
    [
        "alert",
        "config",
        "define_metric",
        "link_model",
        "log",
        "log_artifact",
        "log_code",
        "log_model",
        "mark_preempting",
        "pin_config_keys",
        "run",
        "save",
        "summary",
        "use_artifact",
        "use_model",
    ]
)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load a part at its first use; a name of the current run means what it means now."""
        from importlib import import_module

        if name in _OF_THE_RUN:
            return import_module("wandbd._preinit").lookup(name)
        if name in _HOMES:
            module, inside = _HOMES[name]
            value = getattr(import_module(f"wandbd.{module}"), inside)
            globals()[name] = value
            return value
        if name in ("data_types", "errors", "helper", "integration", "plot", "tensorboard"):
            return import_module(f"wandbd.{name}")
        names = import_module("wandbd._names")
        raise names.missing("module 'wandbd'", name, names.MODULE)

    def __dir__() -> list[str]:
        return sorted(__all__)
