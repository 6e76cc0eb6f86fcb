//! Children that log to their parent's run while the parent logs: nothing hangs, nothing is lost, nothing comes twice.
//!
//! No test harness: its threads must not be there when the process forks. The daemon is a process of its own (this program again), so
//! that children do not inherit its sockets.

#![allow(
    missing_docs,
    unsafe_code,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test; fork is unsafe"
)]

mod server;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use server::{Daemon, Place, number};
use wandbd_client::{Outcome, Session, Wait, Waiting, proto as v1};

const NAME: &str = "a_hundred_forked_children_lose_nothing_and_double_nothing";
const FORKS: u32 = 100;
const CHILD_ROWS: u32 = 50;
const GRANDCHILD_ROWS: u32 = 7;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    match args.iter().position(|arg| arg == "--serve") {
        Some(place) => return serve(Path::new(args.get(place + 1).unwrap())),
        None if has("--list") => {
            if !has("--ignored") {
                println!("{NAME}: test");
            }
            return;
        }
        None => {}
    }
    fork_a_hundred_times();
    println!("test {NAME} ... ok");
}

/// The daemon's side: until its standard input ends, then one line per session.
fn serve(dir: &Path) {
    let daemon = Daemon::default();
    daemon.set(|world| world.stop = true);
    let _listening = daemon.listen(&dir.join("v1.sock"));
    println!("ready");
    std::io::stdout().flush().unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    for (session, seen) in &daemon.world.lock().unwrap().sessions {
        let in_order = seen.rows().windows(2).all(|pair| match pair {
            [one, two] => value(one) < value(two),
            _ => true,
        });
        println!(
            "{session} {} {} {} {}",
            seen.rows().len(),
            seen.holes,
            in_order,
            seen.has_exit()
        );
    }
}

fn value(row: &v1::Row) -> f64 {
    match row.field.first().and_then(|field| field.value.clone()) {
        Some(v1::field::Value::Number(number)) => number,
        _ => f64::NAN,
    }
}

fn fork_a_hundred_times() {
    let place = Place::new();
    let dir = place.socket().parent().unwrap().to_owned();
    let mut daemon = Command::new(std::env::current_exe().unwrap())
        .arg("--serve")
        .arg(&dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");

    // SAFETY: the handler only counts.
    unsafe { libc::signal(libc::SIGINT, count as *const () as libc::sighandler_t) };
    wandbd_client::interrupt_on_stop(true);
    let session = Arc::new(Session::open(
        place.settings(),
        "test/1",
        v1::OpenRun::default(),
    ));
    let stop = Arc::new(AtomicBool::new(false));
    let rows = Arc::new(AtomicU32::new(0));
    let logger = {
        let (session, stop, rows) = (Arc::clone(&session), Arc::clone(&stop), Arc::clone(&rows));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let row = rows.fetch_add(1, Ordering::Relaxed);
                session.log(None, None, &number("n", f64::from(row)));
                if row % 16 == 0 {
                    std::thread::sleep(Duration::from_micros(500));
                }
            }
        })
    };
    for round in 0..FORKS {
        // The moment of the fork wanders through the sender's cycle.
        std::thread::sleep(Duration::from_micros(u64::from(round) * 211 % 23_000));
        let child = fork(|| child(&session));
        wait_for(child);
    }
    stop.store(true, Ordering::Relaxed);
    logger.join().unwrap();
    let end = session.finish(0, Wait::Ack, &mut |_: Waiting| false);
    assert_eq!(end.outcome, Outcome::Acked);
    assert_eq!(INTERRUPTS.load(Ordering::SeqCst), 1, "the owner, once");
    drop(daemon.stdin.take());
    let counted: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(daemon.wait().unwrap().success());
    check(
        &counted,
        session.owner_session(),
        rows.load(Ordering::Relaxed),
    );
}

fn check(counted: &[String], owner: &str, owner_rows: u32) {
    let expect = |session: &str, rows: u32, exit: bool| format!("{session} {rows} 0 true {exit}");
    let mut children = 0;
    let mut grandchildren = 0;
    for line in counted {
        let session = line.split(' ').next().unwrap();
        if session == owner {
            assert_eq!(*line, expect(session, owner_rows, true));
        } else if *line == expect(session, CHILD_ROWS, false) {
            children += 1;
        } else {
            assert_eq!(*line, expect(session, GRANDCHILD_ROWS, false));
            grandchildren += 1;
        }
    }
    assert_eq!((children, grandchildren), (FORKS, FORKS));
}

static INTERRUPTS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_: libc::c_int) {
    INTERRUPTS.fetch_add(1, Ordering::SeqCst);
}

/// Logs as an attached process, asks the daemon something, and forks once itself.
fn child(session: &Session) {
    assert_eq!(wandbd_client::fork::generation(), 1);
    assert_no_inherited_connection();
    INTERRUPTS.store(0, Ordering::SeqCst);
    let request = v1::LoginRequest::default();
    let limit = Duration::from_secs(20);
    wandbd_client::login(session.settings(), request, limit, &mut server::never).unwrap();
    log_and_leave(session, CHILD_ROWS);
    assert!(session.is_stopped(), "told to a child, too");
    assert_eq!(INTERRUPTS.load(Ordering::SeqCst), 0, "and that is all");
    wait_for(fork(|| {
        assert_eq!(wandbd_client::fork::generation(), 2);
        log_and_leave(session, GRANDCHILD_ROWS);
    }));
}

fn log_and_leave(session: &Session, rows: u32) {
    for row in 0..rows {
        session.log(None, None, &number("n", f64::from(row)));
    }
    assert!(!session.is_owner());
    let end = session.finish(0, Wait::Ack, &mut |_: Waiting| false);
    assert_eq!(end.outcome, Outcome::Acked);
}

/// What the sender held is closed: no poller and no connection is left. Only tokio's own pair of sockets for signals, which is made
/// once per process and waited for through a copy, may be there.
fn assert_no_inherited_connection() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let inherited: Vec<String> = (3..256)
        .filter_map(|fd| std::fs::read_link(format!("/proc/self/fd/{fd}")).ok())
        .map(|to| to.to_string_lossy().into_owned())
        .collect();
    let count = |kind: &str| inherited.iter().filter(|to| to.starts_with(kind)).count();
    assert_eq!(count("anon_inode:[event"), 0, "{inherited:?}");
    assert!(count("socket:") <= 2, "{inherited:?}");
}

/// Runs `body` in a child process; any panic becomes exit code 1.
fn fork(body: impl FnOnce()) -> i32 {
    // SAFETY: the child only uses what the client promises to work after a fork, and leaves by `_exit`.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
        // SAFETY: always allowed.
        unsafe { libc::_exit(i32::from(result.is_err())) };
    }
    pid
}

fn wait_for(pid: i32) {
    let begin = Instant::now();
    let mut status = 0;
    // SAFETY: `pid` is our child.
    while unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) } == 0 {
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "child {pid} hangs"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(status, 0, "child {pid} failed");
}
