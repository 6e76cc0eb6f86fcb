#!/bin/sh
# Everything that `make test` does: build, lint, Rust tests, Python tests. What the runners say last is said last here.
# One step failing does not keep the others from running: the end tells all.
set -u
cd "$(dirname "$0")/.." || exit 1
say=tests/say.sh
python=${PYTHON:-python3}
out=$(mktemp -d "${TMPDIR:-/tmp}/wandbd-test.XXXXXX") || exit 1
trap 'rm -rf "$out"' EXIT
failed=""

step() { # step NAME COMMAND...: remembers what failed
    name=$1
    shift
    "$say" "$name" "$@" || failed="$failed; $name"
}

# The environment for Python is installed while cargo compiles.
tests/venv.sh .venv-test tests/requirements.txt >"$out/venv" 2>&1 &
venv=$!
step "building the daemon and the extension" cargo build -p wandbd -p wandbd-python
wait "$venv" || {
    cat "$out/venv"
    echo "the Python environment could not be installed"
    exit 1
}
bin=$PWD/.venv-test/bin
cp -f target/debug/lib_core.so clients/python/python/wandbd/_core.abi3.so || failed="$failed; no extension"

step "cargo fmt" cargo fmt --all --check
step "cargo clippy" cargo clippy --workspace --all-targets -- -D warnings
step "ruff check, package" "$bin/ruff" check clients/python
step "ruff check, tests" "$bin/ruff" check tests
step "ruff format, package" "$bin/ruff" format --check clients/python
step "ruff format, tests" "$bin/ruff" format --check tests
step "mypy, package" env MYPYPATH=clients/python/python "$bin/mypy" --config-file clients/python/pyproject.toml -p wandbd
step "mypy, tests" "$bin/mypy" --config-file tests/pyproject.toml tests/e2e tests/bench
step "mypy, conformance" "$bin/mypy" --config-file tests/pyproject.toml tests/conformance

run() { # run FILE COMMAND...: shows the output and keeps it
    file=$1
    shift
    { "$@" 2>&1; echo $? >"$out/code"; } | tee "$file"
    return "$(cat "$out/code")"
}

echo "== Rust tests"
if cargo nextest --version >/dev/null 2>&1; then
    step "compiling the Rust tests" cargo nextest run --workspace --no-run
    run "$out/rust" cargo nextest run --workspace --no-fail-fast --status-level fail --final-status-level fail || failed="$failed; Rust tests"
    rust=$(grep -E '^ *Summary ' "$out/rust" | tail -n 1)
else
    run "$out/rust" cargo test --workspace --no-fail-fast || failed="$failed; Rust tests"
    rust=$(grep '^test result:' "$out/rust" | awk '{p+=$4; f+=$6; i+=$8} END {printf "Summary: %d passed; %d failed; %d ignored", p, f, i}')
fi

echo "== Python tests of the package"
if [ -d clients/python/tests ]; then
    (cd clients/python && run "$out/package" "$bin/python" -m pytest -q tests) || failed="$failed; package tests"
fi
echo "== End-to-end tests"
run "$out/e2e" "$bin/python" -m pytest -c tests/pyproject.toml --rootdir . --durations=10 tests/e2e || failed="$failed; end-to-end tests"
echo "== Conformance: the same scripts through wandb and wandbd"
run "$out/conformance" "$bin/python" -m pytest -c tests/pyproject.toml --rootdir . -q --timeout=900 tests/conformance || failed="$failed; conformance tests"

echo
[ -z "$failed" ] || echo "FAILED${failed}"
echo "Rust tests:       ${rust:-no closing line}"
[ ! -f "$out/package" ] || echo "Package tests:    $(tail -n 1 "$out/package")"
echo "End-to-end tests: $(tail -n 1 "$out/e2e")"
echo "Conformance:      $(grep 'scripts leave the same runs' "$out/conformance"); $(tail -n 1 "$out/conformance")"
[ -z "$failed" ]
