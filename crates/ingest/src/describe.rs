//! A run in words for people and clients.

use wandbd_proto::v1;
use wandbd_run::Opened;

use crate::run_log::RunLog;

impl RunLog {
    /// The run for people and clients, without config and summary. Never waits for the disk.
    pub fn describe(&self) -> v1::Run {
        let open = self.opened().run.as_ref();
        let delivery = self.delivery().borrow().clone();
        let unopened = Opened::default();
        let opened = delivery.opened.as_deref().unwrap_or(&unopened);
        let own = |field: fn(&v1::OpenRun) -> &String| open.map_or("", |open| field(open));
        let known = |server: &str, own: &str| match server {
            "" => own.to_owned(),
            server => server.to_owned(),
        };
        let seen = self.see();
        let changed = &seen.updates;
        let latest = |changed: &Option<String>, server: &str, own: &str| {
            changed.clone().unwrap_or_else(|| known(server, own))
        };
        v1::Run {
            run_id: self.run_id().to_owned(),
            entity: known(&opened.entity, own(|open| &open.entity)),
            project: known(&opened.project, own(|open| &open.project)),
            display_name: latest(
                &changed.display_name,
                &opened.display_name,
                own(|open| &open.display_name),
            ),
            url: opened.url.clone(),
            state: delivery.state.into(),
            cause: known(&seen.trouble, &delivery.cause),
            rows: seen.rows,
            rows_delivered: delivery.rows_delivered,
            bytes_pending: seen.journal.durable().0.saturating_sub(delivery.position),
            rows_dropped: seen.rows_dropped,
            lines_quarantined: delivery.lines_quarantined,
            journal: self.path().display().to_string(),
            next_step: seen.next_step,
            start_time: open.map_or(0.0, |open| open.start_time),
            exit_code: seen.exit_code,
            session: self.opened().session.clone(),
            resumed: opened.resumed,
            opened: delivery.opened.is_some() && (delivery.settled || seen.ended),
            error: delivery.error.clone().unwrap_or_default(),
            starting_step: opened.step_base,
            tag: self.tags(changed, opened),
            notes: latest(&changed.notes, &opened.notes, own(|open| &open.notes)),
            group: latest(&changed.group, &opened.group, own(|open| &open.group)),
            job_type: latest(
                &changed.job_type,
                &opened.job_type,
                own(|open| &open.job_type),
            ),
            sweep_id: known(&opened.sweep_id, own(|open| &open.sweep_id)),
            starting_runtime: opened.runtime_base,
            artifacts_waiting: delivery.artifacts_waiting,
            artifacts_superseded: delivery.artifacts_superseded,
            artifact_failed: delivery.artifacts_failed.clone(),
            ..v1::Run::default()
        }
    }

    /// The same with config and summary, which wait for whoever writes to the run's disk. Blocking.
    pub(crate) fn describe_whole(&self) -> v1::Run {
        let (config_json, summary_json) = {
            let inner = self.lock();
            let rows = &inner.memory.rows;
            (rows.config_json(), rows.summary_json())
        };
        v1::Run {
            config_json,
            summary_json,
            ..self.describe()
        }
    }

    fn tags(&self, changed: &v1::RunUpdate, opened: &Opened) -> Vec<String> {
        if let Some(tags) = &changed.tags {
            return tags.tag.clone();
        }
        if opened.tags.is_empty() {
            return self
                .opened()
                .run
                .as_ref()
                .map_or_else(Vec::new, |open| open.tag.clone());
        }
        opened.tags.clone()
    }
}
