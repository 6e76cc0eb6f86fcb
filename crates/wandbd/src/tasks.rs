//! Every task of the daemon: its name, how it is stopped, how long its end is waited for.
//!
//! | task | lives | ends when | an error means | at stop |
//! |---|---|---|---|---|
//! | signals | daemon | SIGTERM, SIGINT, `stop`, idle | - | - |
//! | ingest server, one session a stream | daemon | stop | stop daemon | streams end after their ack |
//! | minder | run | exit written, stop | tried again | - |
//! | sampler (OS thread per device) | daemon | stop | device marked silent | - |
//! | stats | daemon | sampler ends | sample lost, counted | - |
//! | journal committer | daemon | told to | run moves to a new file | commits, then ends |
//! | delivery | run | cursor at exit | by kind | one request, cursor saved |
//! | embedded server | daemon | stop | stop daemon | requests end |
//! | keeper | daemon | stop | logged | - |
//!
//! The stop follows the data: ingest, sampler, journal, deliveries. What is left goes on at the next start.

use std::time::Duration;

use tokio::task::JoinHandle;

/// How long the end of one kind of task is waited for. All together stay below five seconds.
pub(crate) const LIMIT: Duration = Duration::from_millis(1200);

/// Waits for a task that was told to end; gives it up after the limit.
pub(crate) async fn ended(name: &'static str, mut task: JoinHandle<()>) {
    match tokio::time::timeout(LIMIT, &mut task).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(task = name, %error, "task ended badly"),
        Err(_) => {
            tracing::warn!(task = name, "given up; it goes on at the next start");
            task.abort();
        }
    }
}
