//! Tests of the whole workspace; see `tests/spec` and `tests/e2e`.
