//! Alerts: each is told once, in order.

use std::sync::Arc;

use tracing::warn;
use wandbd_record::wandb::AlertRecord;
use wandbd_run::Opened;

use crate::courier::{Courier, Rejection, Stopped};
use crate::error::chain;
use crate::progress::Channel;

/// What came of an alert.
#[derive(Debug)]
pub(crate) struct Alerted {
    /// Of its record.
    pub(crate) position: u64,
    /// The server took it.
    pub(crate) sent: bool,
}

/// Tells it until the server has answered; one that it does not want is given up.
pub(crate) async fn alert(
    courier: Arc<Courier>,
    opened: Arc<Opened>,
    position: u64,
    alert: AlertRecord,
) -> Result<Alerted, Stopped> {
    let answer = courier
        .insist(Channel::Alerts, Rejection::Drop, || {
            courier.destination.alert(&opened, &alert)
        })
        .await?;
    if let Err(error) = &answer {
        warn!(run = %courier.name, alert = alert.title, error = %chain(error), "alert given up");
    }
    Ok(Alerted {
        position,
        sent: answer.is_ok(),
    })
}
