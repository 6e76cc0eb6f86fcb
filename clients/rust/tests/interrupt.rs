//! A stop asked for on the run's page interrupts the process that opened the run. One test: signals belong to the whole process.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    reason = "a handler is set; a helper of the tests uses unwrap too"
)]

mod server;

use std::sync::atomic::{AtomicU32, Ordering};

use server::{Daemon, Place, eventually, number};
use wandbd_client::{Session, interrupt_on_stop, proto as v1};

static INTERRUPTS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_: libc::c_int) {
    INTERRUPTS.fetch_add(1, Ordering::SeqCst);
}

fn interrupts() -> u32 {
    INTERRUPTS.load(Ordering::SeqCst)
}

fn stop_arrives(session: &Session) {
    session.log(None, None, &number("n", 0.0));
    eventually("the stop arrives", || session.is_stopped());
}

#[test]
fn a_stop_interrupts_the_owner_once_per_run_and_nobody_else() {
    let (place, daemon) = (Place::new(), Daemon::default());
    daemon.set(|world| world.stop = true);
    let _listening = daemon.listen(&place.socket());
    let open = || Session::open(place.settings(), "test/1", v1::OpenRun::default());

    interrupt_on_stop(true);
    // A process that did not ask for SIGINT would die of it: it is left alone.
    stop_arrives(&open());

    // SAFETY: the handler only counts.
    unsafe { libc::signal(libc::SIGINT, count as *const () as libc::sighandler_t) };
    stop_arrives(&Session::attach(place.settings(), "test/1", "owner", "abc"));
    let run = open();
    stop_arrives(&run);
    eventually("one interrupt", || interrupts() == 1);
    stop_arrives(&run);
    assert!(run.flush(std::time::Duration::from_secs(20), &mut server::never));
    assert_eq!(interrupts(), 1);

    stop_arrives(&open());
    eventually("one for the other run", || interrupts() == 2);

    interrupt_on_stop(false);
    let asked = open();
    stop_arrives(&asked);
    assert!(asked.flush(std::time::Duration::from_secs(20), &mut server::never));
    assert_eq!(interrupts(), 2);
}
