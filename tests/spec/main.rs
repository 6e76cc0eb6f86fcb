//! Promises about the workspace itself.

mod architecture;
