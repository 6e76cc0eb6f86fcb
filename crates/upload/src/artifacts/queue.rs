//! Which errand is next, and which is not worth its while any more.

use std::collections::{HashMap, HashSet, VecDeque};

use tokio_util::sync::CancellationToken;
use wandbd_record::v1::artifact::keep::Policy;

use super::Errand;

/// Errands that wait and those under way.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Waiting>,
    under_way: Vec<UnderWay>,
    /// Versions seen of each name.
    seen: HashMap<String, u64>,
    /// Client ids of versions seen, the lost ones included.
    met: HashSet<String>,
    /// No more will be seen.
    complete: bool,
}

#[derive(Debug)]
struct Waiting {
    errand: Errand,
    standing: Standing,
}

#[derive(Debug)]
struct UnderWay {
    key: String,
    client_id: String,
    lane: String,
    standing: Standing,
    superseded: CancellationToken,
}

/// What decides whether a version may be left out.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    /// It may be.
    optional: bool,
    /// Whatever comes behind it, it is kept.
    kept: bool,
    best: bool,
}

impl Queue {
    /// Counts a version that is settled already.
    pub(crate) fn count(&mut self, errand: &Errand) -> u64 {
        if !errand.is_version() {
            return 0;
        }
        self.met.insert(errand.client_id.clone());
        let seen = self.seen.entry(errand.lane.clone()).or_default();
        *seen += 1;
        *seen - 1
    }

    /// A version was lost before it came here.
    pub(crate) fn lost(&mut self, client_id: &str) {
        self.met.insert(client_id.to_owned());
    }

    /// All errands are here: those that wait for a version that never came need not wait any longer.
    pub(crate) fn complete(&mut self) {
        self.complete = true;
    }

    /// Adds an errand behind all others.
    pub(crate) fn push(&mut self, errand: Errand) {
        let nth = self.count(&errand);
        let keep = errand.keep().unwrap_or_default();
        let standing = match keep.policy() {
            Policy::All => Standing::default(),
            Policy::Newest => Standing {
                optional: true,
                kept: false,
                best: keep.best,
            },
            Policy::Every => Standing {
                optional: true,
                kept: nth.is_multiple_of(u64::from(keep.every.max(1))),
                best: keep.best,
            },
        };
        self.waiting.push_back(Waiting { errand, standing });
        for (index, running) in self.under_way.iter().enumerate() {
            if self.is_superseded(running.standing, &running.lane, &running.client_id, 0) {
                self.under_way[index].superseded.cancel();
            }
        }
    }

    /// The next errand that may begin, and what says that it is superseded meanwhile.
    pub(crate) fn next(&mut self, at_once: usize) -> Option<(Errand, CancellationToken)> {
        if self.under_way.len() >= at_once {
            return None;
        }
        let running = self.under_way.iter();
        let mut lanes: HashSet<&str> = running.clone().map(|it| it.lane.as_str()).collect();
        let mut open: HashSet<&str> = running.map(|it| it.client_id.as_str()).collect();
        let mut found = None;
        for (index, waiting) in self.waiting.iter().enumerate() {
            let errand = &waiting.errand;
            let settled = |id: &String| !open.contains(id.as_str());
            let ready = errand.needs.iter().all(settled)
                && errand.subject().is_none_or(|id| self.is_decided(id));
            if lanes.insert(&errand.lane) && ready {
                found = Some(index);
                break;
            }
            if !errand.client_id.is_empty() {
                open.insert(&errand.client_id);
            }
        }
        let Waiting { errand, standing } = self.waiting.remove(found?)?;
        let superseded = CancellationToken::new();
        self.under_way.push(UnderWay {
            key: errand.key.clone(),
            client_id: errand.client_id.clone(),
            lane: errand.lane.clone(),
            standing,
            superseded: superseded.clone(),
        });
        Some((errand, superseded))
    }

    /// A version is settled, or will never come.
    fn is_decided(&self, id: &str) -> bool {
        let waits = |one: &Waiting| one.errand.client_id == id;
        (self.complete || self.met.contains(id)) && !self.waiting.iter().any(waits)
    }

    /// Takes out a waiting version that newer ones behind it make superfluous.
    pub(crate) fn superseded(&mut self) -> Option<Errand> {
        let index = self.waiting.iter().enumerate().position(|(index, one)| {
            let errand = &one.errand;
            self.is_superseded(one.standing, &errand.lane, &errand.client_id, index + 1)
        })?;
        self.waiting.remove(index).map(|one| one.errand)
    }

    /// Newer versions of its name wait from `from` on, and nobody needs this one.
    fn is_superseded(&self, standing: Standing, lane: &str, id: &str, from: usize) -> bool {
        if !standing.optional || standing.kept {
            return false;
        }
        let behind = self.waiting.iter().skip(from);
        let mut newer = behind.filter(|one| one.errand.is_version() && one.errand.lane == lane);
        let there = if standing.best {
            newer.any(|one| one.standing.best)
        } else {
            newer.next().is_some()
        };
        let needed = |one: &Waiting| one.errand.needs.iter().any(|need| need == id);
        there && !self.waiting.iter().any(needed)
    }

    /// An errand is done with.
    pub(crate) fn settled(&mut self, key: &str) {
        self.under_way.retain(|running| running.key != key);
    }

    /// Nothing waits and nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_empty()
    }

    /// Versions that are not there yet.
    pub(crate) fn versions(&self) -> u64 {
        let waiting = self.waiting.iter().filter(|one| one.errand.is_version());
        let running = self
            .under_way
            .iter()
            .filter(|one| !one.client_id.is_empty());
        (waiting.count() + running.count()) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use wandbd_record::v1;
    use wandbd_record::v1::artifact::Keep;
    use wandbd_record::wandb::{ArtifactManifest, ArtifactManifestEntry, ArtifactRecord};

    fn version(name: &str, id: &str, keep: Option<(Policy, u32, bool)>, refs: &[&str]) -> Errand {
        let contents = refs.iter().map(|reference| ArtifactManifestEntry {
            r#ref: format!("wandb-client-artifact://{reference}/t.json"),
            ..ArtifactManifestEntry::default()
        });
        let record = ArtifactRecord {
            name: name.into(),
            client_id: id.into(),
            finalize: true,
            manifest: Some(ArtifactManifest {
                contents: contents.collect(),
                ..ArtifactManifest::default()
            }),
            ..ArtifactRecord::default()
        };
        let said = v1::Artifact {
            keep: keep.map(|(policy, every, best)| Keep {
                policy: policy.into(),
                every,
                best,
            }),
            ..v1::Artifact::default()
        };
        Errand::version(Path::new("/j"), record, said, Vec::new())
    }

    fn link(id: &str) -> Errand {
        Errand::link(
            7,
            v1::Link {
                client_id: id.into(),
                target: "best".into(),
                ..v1::Link::default()
            },
        )
    }

    fn begin(queue: &mut Queue) -> Vec<String> {
        let next = std::iter::from_fn(|| queue.next(128).map(|(errand, _)| errand.key));
        next.collect()
    }

    #[test]
    fn names_go_in_order_and_different_names_go_together() {
        let mut queue = Queue::default();
        for (name, id) in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("a:v0", "a3")] {
            queue.push(version(name, id, None, &[]));
        }

        assert_eq!(begin(&mut queue), ["a1", "b1"]);
        queue.settled("a1");
        assert_eq!(begin(&mut queue), ["a2"]);
        queue.settled("b1");
        assert_eq!(begin(&mut queue), Vec::<String>::new());
        queue.settled("a2");
        assert_eq!(begin(&mut queue), ["a3"]);
        assert!(!queue.is_idle());
        queue.settled("a3");
        assert!(queue.is_idle());
    }

    #[test]
    fn what_names_another_version_waits_until_that_is_settled() {
        let mut queue = Queue::default();
        queue.push(version("a", "a1", None, &[]));
        queue.push(version("b", "b1", None, &["a1", "unknown"]));
        queue.push(link("b1"));

        assert_eq!(begin(&mut queue), ["a1"]);
        queue.settled("a1");
        assert_eq!(begin(&mut queue), ["b1"]);
        queue.settled("b1");
        assert_eq!(begin(&mut queue), ["link@7"]);
    }

    #[test]
    fn a_link_waits_for_its_version_to_come_at_all_unless_nothing_more_comes() {
        let mut queue = Queue::default();
        queue.push(link("a1"));
        assert_eq!(begin(&mut queue), Vec::<String>::new());
        queue.push(version("a", "a1", None, &[]));
        assert_eq!(begin(&mut queue), ["a1"]);
        queue.settled("a1");
        assert_eq!(begin(&mut queue), ["link@7"]);

        let mut queue = Queue::default();
        queue.push(link("elsewhere"));
        queue.complete();
        assert_eq!(begin(&mut queue), ["link@7"]);
    }

    #[test]
    fn no_more_begin_than_are_allowed_at_once() {
        let mut queue = Queue::default();
        queue.push(version("a", "a1", None, &[]));
        queue.push(version("b", "b1", None, &[]));

        assert!(queue.next(1).is_some());
        assert!(queue.next(1).is_none());
        assert_eq!(queue.versions(), 2);
    }

    fn survivors(all: &[(Policy, u32, bool)]) -> Vec<String> {
        let mut queue = Queue::default();
        for (n, keep) in all.iter().enumerate() {
            queue.push(version("a", &n.to_string(), Some(*keep), &[]));
        }
        while queue.superseded().is_some() {}
        let left = queue.waiting.iter();
        left.map(|one| one.errand.key.clone()).collect()
    }

    #[test]
    fn of_versions_that_wait_those_go_that_the_policy_wants() {
        let newest = (Policy::Newest, 0, false);
        let best = (Policy::Newest, 0, true);
        let third = (Policy::Every, 3, false);
        let all = (Policy::All, 0, false);
        for (given, expect) in [
            (vec![all; 3], vec!["0", "1", "2"]),
            (vec![newest; 4], vec!["3"]),
            (vec![best, best, newest, newest], vec!["1", "3"]),
            (vec![third; 6], vec!["0", "3", "5"]),
            (vec![newest, all, newest], vec!["1", "2"]),
        ] {
            assert_eq!(survivors(&given), expect, "{given:?}");
        }
    }

    #[test]
    fn a_version_under_way_is_told_when_it_is_superseded_and_a_linked_one_never_is() {
        let newest = Some((Policy::Newest, 0, false));
        let mut queue = Queue::default();
        queue.push(version("a", "1", newest, &[]));
        let (_, superseded) = queue.next(128).unwrap();
        queue.push(version("a", "2", newest, &[]));
        assert!(superseded.is_cancelled());

        let mut queue = Queue::default();
        queue.push(version("a", "1", newest, &[]));
        queue.push(link("1"));
        queue.push(version("a", "2", newest, &[]));
        assert!(queue.superseded().is_none());
    }
}
