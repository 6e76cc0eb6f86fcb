//! What came of a run's media, for the rows and artifacts that name them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use wandbd_record::made::Makings;
use wandbd_record::v1::Made;

/// How many a run keeps: the newest.
pub const MAX_MEDIA: usize = 65_536;

/// The newest media of a run, by id. A copy costs one pointer for each.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    made: HashMap<Arc<str>, Arc<Made>>,
    order: VecDeque<Arc<str>>,
}

impl Shelf {
    /// Keeps what came of a media; the oldest goes when there are too many.
    pub fn put(&mut self, made: Arc<Made>) {
        let id: Arc<str> = made.id.as_str().into();
        if self.made.insert(Arc::clone(&id), made).is_some() {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > MAX_MEDIA
            && let Some(oldest) = self.order.pop_front()
        {
            self.made.remove(&oldest);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.made.len()
    }

    /// None so far.
    pub fn is_empty(&self) -> bool {
        self.made.is_empty()
    }
}

impl Makings for Shelf {
    fn made(&self, id: &str) -> Option<&Made> {
        self.made.get(id).map(|made| &**made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_are_kept() {
        let mut shelf = Shelf::default();
        for number in 0..=MAX_MEDIA {
            shelf.put(Arc::new(Made {
                id: number.to_string(),
                ..Made::default()
            }));
        }

        assert_eq!(shelf.len(), MAX_MEDIA);
        assert!(shelf.made("0").is_none() && shelf.made("1").is_some());
    }
}
