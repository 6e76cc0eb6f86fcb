//! What all sessions of a process share: the sender's thread, and one connection and one budget per daemon.

use std::{
    future::Future,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use tokio::{
    net::UnixStream,
    runtime::{Builder, Handle},
};
use tonic::transport::Channel;

use crate::{
    Settings,
    budget::Budget,
    connect::{self, Place},
    core::Core,
    error::ConnectError,
    fork::{self, PerProcess},
    messages,
    scratch::Scratch,
    start::Starter,
};

static HUB: PerProcess<Mutex<Hub>> = PerProcess::empty();

#[derive(Default)]
struct Hub {
    runtime: Option<Handle>,
    links: Vec<Arc<Link>>,
    cores: Vec<Weak<Core>>,
}

fn hub() -> MutexGuard<'static, Hub> {
    HUB.get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Runs a task on the sender's thread; false when that thread cannot be had.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> bool {
    let mut hub = hub();
    if hub.runtime.is_none() {
        match start_thread() {
            Ok(handle) => hub.runtime = Some(handle),
            Err(error) => {
                messages::say(
                    "thread",
                    format!("cannot start the sending thread: {error}"),
                );
                return false;
            }
        }
    }
    if let Some(runtime) = &hub.runtime {
        drop(runtime.spawn(task));
    }
    hub.runtime.is_some()
}

fn start_thread() -> std::io::Result<Handle> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()?;
    let handle = runtime.handle().clone();
    // Before anyone can fork: the probe is registered with this runtime only.
    let held = {
        let _inside = handle.enter();
        fork::hold_runtime(&UnixStream::pair()?)
    };
    thread::Builder::new()
        .name("wandbd-sender".to_owned())
        .spawn(move || {
            runtime.block_on(std::future::pending::<()>());
            drop(held);
        })?;
    Ok(handle)
}

/// Notes a session of this process, for [`cores_of`].
pub(crate) fn enroll(core: &Arc<Core>) {
    let mut hub = hub();
    hub.cores.retain(|known| known.strong_count() > 0);
    hub.cores.push(Arc::downgrade(core));
}

/// What this process has of the run whose owner has this session.
pub(crate) fn cores_of(owner: &str) -> Vec<Arc<Core>> {
    let hub = hub();
    let cores = hub.cores.iter().filter_map(Weak::upgrade);
    cores.filter(|core| core.owner_session() == owner).collect()
}

/// The way to one daemon.
pub(crate) struct Link {
    pub(crate) settings: Settings,
    pub(crate) budget: Arc<Budget>,
    pub(crate) scratch: Scratch,
    sessions: AtomicUsize,
    channel: Mutex<(u64, Option<Channel>)>,
    starter: tokio::sync::Mutex<Starter>,
}

/// The link for these settings: one per socket.
pub(crate) fn link(settings: &Settings) -> Arc<Link> {
    let mut hub = hub();
    let known = hub
        .links
        .iter()
        .find(|link| link.settings.socket == settings.socket);
    if let Some(link) = known {
        return Arc::clone(link);
    }
    let link = Arc::new(Link {
        settings: settings.clone(),
        budget: Arc::new(Budget::new(settings.buffer_bytes)),
        scratch: Scratch::default(),
        sessions: AtomicUsize::new(0),
        channel: Mutex::new((0, None)),
        starter: tokio::sync::Mutex::new(Starter::default()),
    });
    hub.links.push(Arc::clone(&link));
    link
}

impl Link {
    pub(crate) fn socket(&self) -> &Path {
        &self.settings.socket
    }

    /// One more session uses the connection.
    pub(crate) fn enter(&self) {
        self.sessions.fetch_add(1, Ordering::Relaxed);
    }

    /// One less; the last one closes it.
    pub(crate) fn leave(&self) {
        if self.sessions.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.slot().1 = None;
        }
    }

    /// A session that never came to anything.
    pub(crate) fn leave_quietly(&self) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
    }

    fn slot(&self) -> MutexGuard<'_, (u64, Option<Channel>)> {
        self.channel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection that is there, with its number.
    pub(crate) fn current(&self) -> (u64, Option<Channel>) {
        self.slot().clone()
    }

    /// The connection of that number is of no use any more.
    pub(crate) fn broken(&self, number: u64) {
        let mut slot = self.slot();
        if slot.0 == number {
            slot.1 = None;
        }
    }

    /// The connection, made if there is none; a missing daemon is started if that is allowed. `hurry`: whatever the back-off says.
    pub(crate) async fn channel(&self, hurry: bool) -> Result<(u64, Channel), ConnectError> {
        let mut starter = self.starter.lock().await;
        if let (number, Some(channel)) = self.current() {
            return Ok((number, channel));
        }
        let place = Place::of(&self.settings);
        let mut result = connect::open(place).await;
        if matches!(result, Err(ConnectError::NoDaemon { .. }))
            && starter.try_start(&self.settings, hurry).await
        {
            result = connect::open(place).await;
        }
        let channel = result?;
        let mut slot = self.slot();
        slot.0 += 1;
        slot.1 = Some(channel.clone());
        Ok((slot.0, channel))
    }
}
