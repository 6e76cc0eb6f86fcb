#!/bin/sh
# One wheel in dist/: the Python package with its extension and the daemon in it.
set -eu
cd "$(dirname "$0")/.."
say=tests/say.sh
"$say" "installing maturin" tests/venv.sh target/venv-maturin tests/requirements-wheel.txt
"$say" "building the daemon for the wheel (minutes, the first time)" cargo build --profile dist -p wandbd
mkdir -p clients/python/python/wandbd/bin
# Under a new name first: a daemon that runs from there keeps its file.
cp target/dist/wandbd clients/python/python/wandbd/bin/wandbd.new
chmod 755 clients/python/python/wandbd/bin/wandbd.new
mv -f clients/python/python/wandbd/bin/wandbd.new clients/python/python/wandbd/bin/wandbd
find clients/python/python -name __pycache__ -type d -exec rm -rf {} +
rm -rf dist
"$say" "building the wheel" target/venv-maturin/bin/maturin build --profile dist --manifest-path clients/python/Cargo.toml --out dist
ls -l dist/*.whl
