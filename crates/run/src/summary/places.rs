//! The leaves of a summary by their paths.

use indexmap::IndexMap;
use wandbd_record::Node;

use crate::summary::leaf::Leaf;

/// Ordered names.
pub(super) type Branch = IndexMap<String, Place>;

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Place {
    Leaf(Box<Leaf>),
    Branch(Branch),
}

/// The leaf at `path`, made where there is none. A leaf in the way becomes a branch, a branch a leaf: what was there is given
/// back, with the number of names that lead to it.
pub(super) fn leaf_at<'a>(
    root: &'a mut Branch,
    path: &[String],
    displaced: &mut Option<(usize, Place)>,
) -> Option<&'a mut Leaf> {
    let mut branch = root;
    for (depth, name) in path.iter().enumerate() {
        let rest = &path[depth + 1..];
        let index = match branch.get_index_of(name) {
            Some(index) => index,
            None => branch.insert_full(name.clone(), new_place(rest)).0,
        };
        let (_, place) = branch.get_index_mut(index)?;
        if rest.is_empty() != matches!(place, Place::Leaf(_)) {
            *displaced = Some((depth + 1, std::mem::replace(place, new_place(rest))));
        }
        match place {
            Place::Leaf(leaf) => return Some(leaf),
            Place::Branch(child) => branch = child,
        }
    }
    None
}

/// The leaves that a reader sees in what stands at `path`.
pub(super) fn shown_in(place: &Place, path: &[String]) -> Vec<Vec<String>> {
    let mut leaves = Vec::new();
    let mut add = |names: &[String], leaf: &Leaf| leaves.extend(shown_of(leaf, names));
    match place {
        Place::Leaf(leaf) => add(path, leaf),
        Place::Branch(branch) => visit(branch, &mut path.to_vec(), &mut add),
    }
    leaves
}

/// The same for one leaf: an object of aggregates has leaves of its own in a reader's eyes.
pub(super) fn shown_of(leaf: &Leaf, path: &[String]) -> Vec<Vec<String>> {
    let Some(raw) = leaf.raw() else {
        return Vec::new();
    };
    let mut leaves = vec![path.to_vec()];
    if let Ok(Node::Tree(object)) = Node::parse(&raw) {
        leaves.extend(object.leaves().map(|(inner, _)| {
            let inner = inner.into_iter().map(str::to_owned);
            path.iter().cloned().chain(inner).collect()
        }));
    }
    leaves
}

fn new_place(rest: &[String]) -> Place {
    if rest.is_empty() {
        Place::Leaf(Box::default())
    } else {
        Place::Branch(Branch::new())
    }
}

pub(super) fn find<'a>(branch: &'a Branch, path: &[String]) -> Option<&'a Place> {
    let (name, rest) = path.split_first()?;
    match branch.get(name)? {
        place if rest.is_empty() => Some(place),
        Place::Branch(child) => find(child, rest),
        Place::Leaf(_) => None,
    }
}

pub(super) fn find_mut<'a>(branch: &'a mut Branch, path: &[String]) -> Option<&'a mut Place> {
    let (name, rest) = path.split_first()?;
    match branch.get_mut(name)? {
        place if rest.is_empty() => Some(place),
        Place::Branch(child) => find_mut(child, rest),
        Place::Leaf(_) => None,
    }
}

pub(super) fn visit(
    branch: &Branch,
    path: &mut Vec<String>,
    each: &mut dyn FnMut(&[String], &Leaf),
) {
    for (name, place) in branch {
        path.push(name.clone());
        match place {
            Place::Leaf(leaf) => each(path, leaf),
            Place::Branch(child) => visit(child, path, each),
        }
        path.pop();
    }
}
