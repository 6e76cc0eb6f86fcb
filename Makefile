# What a person types. `make` alone lists it.

SOURCES := $(shell find Cargo.toml Cargo.lock crates clients/rust clients/python proto -type f \
	-not -path '*/tests/*' -not -path '*/examples/*' -not -path '*/__pycache__/*' -not -path '*/wandbd/bin/*' -not -name '*.so' 2>/dev/null)
WHEEL := target/wheel.stamp

.PHONY: help demo stop test lint wheel bench soak clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo: $(WHEEL) ## train on handwritten digits and see it in the page of the embedded backend
	@tests/say.sh "installing keras, jax and scikit-learn" tests/venv.sh .venv tests/requirements-demo.txt
	@.venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --force-reinstall dist/*.whl
	@.venv/bin/python tests/demo.py run

stop: ## end what `make demo` has left running
	@if [ -x .venv/bin/python ]; then .venv/bin/python tests/demo.py stop; else echo "nothing to stop"; fi

test: ## build, lint, and all tests (Rust, Python, end to end)
	@tests/run.sh

lint: ## formatting, clippy, ruff, mypy
	@tests/say.sh "installing the tools" tests/venv.sh .venv-test tests/requirements.txt
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	.venv-test/bin/ruff check clients/python
	.venv-test/bin/ruff format --check clients/python
	.venv-test/bin/ruff check tests
	.venv-test/bin/ruff format --check tests
	MYPYPATH=clients/python/python .venv-test/bin/mypy --config-file clients/python/pyproject.toml -p wandbd
	.venv-test/bin/mypy --config-file tests/pyproject.toml tests/e2e tests/bench
	.venv-test/bin/mypy --config-file tests/pyproject.toml tests/conformance

wheel: ## one wheel in dist/: the package, its extension, the daemon
	@tests/wheel.sh
	@touch $(WHEEL)

$(WHEEL): $(SOURCES)
	@tests/wheel.sh
	@touch $(WHEEL)

bench: $(WHEEL) ## wandbd and wandb 0.31 side by side on one backend; prints a table
	@tests/say.sh "installing wandb" tests/venv.sh .bench/venv tests/requirements-bench.txt
	@.bench/venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --force-reinstall dist/*.whl
	@WANDBD_E2E_PACKAGE=/nowhere WANDBD_E2E_BIN=$$(.bench/venv/bin/python -c 'import wandbd, pathlib; print(pathlib.Path(wandbd.__file__).parent / "bin" / "wandbd")') \
		.bench/venv/bin/python tests/bench/bench.py $(BENCH)

soak: ## the random tests with 1,000 seeds (hours); SEEDS=n for another number
	@tests/say.sh "installing the tools" tests/venv.sh .venv-test tests/requirements.txt
	cargo build -p wandbd -p wandbd-python
	cp -f target/debug/lib_core.so clients/python/python/wandbd/_core.abi3.so
	WANDBD_SEEDS=$(or $(SEEDS),1000) .venv-test/bin/python -m pytest -c tests/pyproject.toml --rootdir . --timeout=0 tests/e2e/test_durability.py

clean: stop ## remove what was built, installed and demonstrated
	rm -rf target dist .venv .venv-test .demo .bench
