//! One sampler for the whole machine: devices are read on a beat, and every target (a run's process) gets its own
//! [`Sample`] with W&B's key names, without the `system.` prefix.
//!
//! ```text
//! targets (watch) ──▶ Sampler task ──ask──▶ one OS thread per Device
//!                        │  ▲                       │
//!                        │  └──────── Readings ─────┘
//!                        └──▶ Sample (mpsc, bounded)
//! ```
//!
//! This crate yields plain values. It knows neither a run, nor a journal, nor a message format, and reads no clock of
//! its own: wall time comes from the caller's [`Clock`].
//!
//! # The beat
//! All targets share one grid whose step is the smallest interval. A new target is sampled at once, then on the grid; its
//! first gap is its interval give or take half a step, the later ones average to the interval. However many targets are
//! due on a tick, each device is asked once. Without targets there is no timer and nothing wakes up.
//!
//! # Limits
//! | what | limit | beyond it |
//! |---|---|---|
//! | interval of a target | at least [`MIN_INTERVAL`] (0.1 s) | a smaller one is raised |
//! | answer of a device | [`DEVICE_LIMIT`] (2 s) | silent: logged once, its late answer dropped, asked again after it |
//! | queue of samples | what the caller's channel holds | dropped and counted ([`Sampler::dropped`]) |
//! | processes of a tree | 512 | the rest is not counted |
//! | block devices of a path | 16 | the rest is not reported |
//! | cgroup limits, backing devices | read again every 60 s | |
//!
//! # What happens at failure
//! A value that cannot be read is absent, never zero. A device that fails is logged once until it works again; one that
//! panics is left out for good. A hung driver costs the others one wait of two seconds and then nothing. Threads are
//! never joined: they end when the sampler is gone, or stay in the driver call that holds them.
//!
//! # Adding an accelerator
//! A file `<vendor>.rs` with its rows of [`Metric`], a `probe` and an implementation of [`Device`], and one line in
//! [`devices`].

#[cfg(target_os = "linux")]
mod cgroup;
mod device;
mod disk;
mod error;
mod grid;
mod keys;
mod machine;
mod metric;
#[cfg(target_os = "linux")]
mod network;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod procfs;
mod sampler;
mod target;
mod totals;
#[cfg(target_os = "linux")]
mod tree;
mod worker;

pub use device::{Device, devices};
pub use error::DeviceError;
pub use machine::{Cpu, Disk, Machine, Memory, machine};
pub use metric::{Kind, Metric, Number, Reading, Readings, Unit};
pub use sampler::{Clock, Sampler};
pub use target::{MIN_INTERVAL, Sample, Target};
pub use worker::DEVICE_LIMIT;
