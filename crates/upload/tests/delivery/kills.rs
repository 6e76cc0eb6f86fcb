//! However it fails and is killed: each line once, in order, complete last.

use proptest::prelude::*;
use wandbd_record::wandb::Record;

use crate::bench::{Bench, expected};
use crate::feed::{MemoryFeed, artifact, config, exit, output, row, run, stats, summary};
use crate::server::{Fault, MemoryServer};

fn records() -> impl Strategy<Value = Vec<Record>> {
    let kinds = prop::collection::vec((0..10u8, 1..60usize), 0..60);
    kinds.prop_map(|kinds| {
        let mut records = vec![run()];
        let mut step = 0;
        let mut artifacts = 0;
        for (kind, size) in kinds {
            records.push(match kind {
                0 => stats(step),
                1 => summary(step),
                2 => config(step),
                3 => output("progress\r"),
                4 => output("line\n"),
                5 => {
                    artifacts += 1;
                    artifact(&format!("a{artifacts}"))
                }
                _ => {
                    step += 1;
                    row(step, &"x".repeat(size))
                }
            });
        }
        records.push(exit(0));
        records
    })
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        6 => Just(Fault::None),
        1 => Just(Fault::Unreachable),
        1 => Just(Fault::Down),
        1 => Just(Fault::Busy),
        1 => Just(Fault::Unauthorized),
        1 => Just(Fault::Forbidden),
        3 => Just(Fault::AnswerLost),
    ];
    prop::collection::vec(fault, 0..40)
}

/// A runtime of its own for each uploader: dropping it ends what a killed one left behind, as the end of a process does.
fn paused() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fails_and_whenever_it_is_killed_every_line_arrives_once_in_order(
        records in records(),
        faults in faults(),
        hangs in prop::collection::vec(prop_oneof![4 => Just(Fault::None), 1 => Just(Fault::Hang)], 0..6),
        kills in prop::collection::vec(1..60usize, 0..8),
    ) {
        let bench = Bench::new(MemoryServer::new(faults), MemoryFeed::finished(&records));

        bench.server.look().post_faults = hangs.into();

        for polls in &kills {
            paused().block_on(bench.kill_after(*polls));
        }
        paused().block_on(bench.deliver());

        let (batch, lines) = expected(&records);
        let server = bench.server.look();
        prop_assert_eq!(&server.violations, &Vec::<String>::new());
        prop_assert_eq!(&server.history, &batch.history);
        prop_assert_eq!(&server.events, &batch.events);
        prop_assert_eq!(&server.console, &batch.console);
        prop_assert_eq!(&server.config, &Some(lines.config_json()));
        let artifacts: Vec<String> = batch.artifacts.iter().map(|a| a.client_id.clone()).collect();
        prop_assert_eq!(&server.artifacts, &artifacts);
        prop_assert_eq!(server.complete, Some(0));
    }
}
