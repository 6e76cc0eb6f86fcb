"""Keys with dots, slashes, blanks, letters of other languages, and odd names."""
# points: 3 4 5

from conformance import wandb

run = wandb.init(id="c35", name="keys", config={"a.b": 1, "c/d": 2, "e f": 3, "dash-ed": 4, "": 5, "deep": {"x.y": {"z": 6}}})
run.log({"d.o.t": 1, "a/b/c": 2, "with blank": 3, "größe": 4, "键": 5, 'quo"te': 6, "back\\slash": 7})
run.log({"deep": {"d.o.t": {"x": 1}}, "new\nline": 2, "_underscore": 3, "1digit": 4, "x" * 200: 5})
run.log({"deep": {"d.o.t": {"x": 2}}, "a": {"b": 1}, "a.b": 2})
run.summary["s.u.m"] = 1
run.summary["deep"] = {"own.dot": 2}
run.finish()
