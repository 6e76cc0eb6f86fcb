//! A run in words for people and clients.

use wandbd_proto::v1;

use crate::run_log::RunLog;

impl RunLog {
    /// The run for people and clients; with config and summary if `whole`.
    pub fn describe(&self, whole: bool) -> v1::Run {
        let inner = self.lock();
        let rows = &inner.memory.rows;
        let open = self.opened().run.as_ref();
        let delivery = self.delivery().borrow().clone();
        let known = |server: &str, own: Option<&String>| match own {
            Some(own) if server.is_empty() => own.clone(),
            _ => server.to_owned(),
        };
        v1::Run {
            run_id: self.run_id().to_owned(),
            entity: known(&delivery.entity, open.map(|open| &open.entity)),
            project: known(&delivery.project, open.map(|open| &open.project)),
            display_name: known(&delivery.display_name, open.map(|open| &open.display_name)),
            url: delivery.url.clone(),
            state: delivery.state.into(),
            cause: if inner.trouble.is_empty() {
                delivery.cause.clone()
            } else {
                inner.trouble.clone()
            },
            rows: rows.rows(),
            rows_delivered: delivery.rows_delivered,
            bytes_pending: inner.journal.durable().0.saturating_sub(delivery.position),
            rows_dropped: rows.dropped_rows(),
            lines_quarantined: delivery.lines_quarantined,
            journal: self.path().display().to_string(),
            next_step: rows.next_step(),
            start_time: open.map_or(0.0, |open| open.start_time),
            exit_code: rows.ended(),
            config_json: if whole {
                rows.config_json()
            } else {
                String::new()
            },
            summary_json: if whole {
                rows.summary_json()
            } else {
                String::new()
            },
            session: self.opened().session.clone(),
            resumed: delivery.resumed,
            ..v1::Run::default()
        }
    }
}
