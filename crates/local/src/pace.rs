//! Limits on `file_stream` posts: per run and per project, each a bucket that holds one second's worth, at least one post.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::rules::Rules;

/// Buckets that are remembered before the memory is cleared.
const MOST_BUCKETS: usize = 10_000;

/// The limits and how much of them is left.
pub(crate) struct Pace {
    run: Option<f64>,
    project: Option<f64>,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: f64,
}

impl Pace {
    pub(crate) fn new(rules: &Rules) -> Self {
        Self {
            run: rules.posts_per_second_per_run,
            project: rules.posts_per_second_per_project,
            buckets: Mutex::default(),
        }
    }

    /// Seconds to wait before the next post of the run; `None` lets this one through. A post that has to wait takes nothing.
    pub(crate) fn wait(&self, project: &str, run: &str, now: f64) -> Option<f64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > MOST_BUCKETS {
            buckets.clear();
        }
        let limits = [
            self.project.map(|rate| (project.to_owned(), rate)),
            self.run.map(|rate| (format!("{project}/{run}"), rate)),
        ];
        let mut wait: f64 = 0.0;
        for (name, rate) in limits.iter().flatten() {
            let bucket = buckets.entry(name.clone()).or_insert(Bucket {
                tokens: rate.max(1.0),
                at: now,
            });
            bucket.tokens = ((now - bucket.at).max(0.0) * rate + bucket.tokens).min(rate.max(1.0));
            bucket.at = now;
            wait = wait.max((1.0 - bucket.tokens) / rate);
        }
        if wait > 0.0 {
            return Some(wait);
        }
        for (name, _) in limits.iter().flatten() {
            if let Some(bucket) = buckets.get_mut(name) {
                bucket.tokens -= 1.0;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(run: Option<f64>, project: Option<f64>) -> Pace {
        Pace::new(&Rules {
            posts_per_second_per_run: run,
            posts_per_second_per_project: project,
            ..Rules::default()
        })
    }

    #[test]
    fn the_third_post_in_a_second_waits_when_two_are_allowed() {
        let pace = pace(Some(2.0), None);

        assert_eq!(pace.wait("p", "r", 10.0), None);
        assert_eq!(pace.wait("p", "r", 10.0), None);
        assert_eq!(pace.wait("p", "r", 10.0), Some(0.5));
        assert_eq!(pace.wait("p", "other", 10.0), None);
        assert_eq!(pace.wait("p", "r", 10.5), None);
    }

    #[test]
    fn runs_of_a_project_share_its_limit() {
        let pace = pace(Some(2.0), Some(3.0));

        for run in ["a", "b", "c"] {
            assert_eq!(pace.wait("p", run, 10.0), None);
        }
        assert_eq!(pace.wait("p", "d", 10.0), Some(1.0 / 3.0));
        assert_eq!(pace.wait("q", "d", 10.0), None);
    }

    #[test]
    fn without_limits_nothing_waits() {
        let pace = pace(None, None);

        assert!((0..1000).all(|_| pace.wait("p", "r", 1.0).is_none()));
    }
}
