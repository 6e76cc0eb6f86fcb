//! Nested values, leaf by leaf.

use std::borrow::Cow;

use indexmap::IndexMap;
use indexmap::map::Entry;

use crate::error::BadJson;
use crate::json;
use crate::scan::{Scan, unquote};

/// Ordered names, each with a raw JSON leaf or another tree: how W&B holds rows, config and summary.
///
/// Arrays and scalars are leaves; objects are trees, also those with a `_type`. A leaf set over a tree replaces it, and the
/// reverse. Names mean nothing: dots and slashes are plain characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    nodes: IndexMap<String, Node>,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Raw extended JSON that is not an object.
    Leaf(String),
    /// An object.
    Tree(Tree),
}

impl Node {
    /// Reads a value: an object becomes a tree, anything else a leaf.
    /// # Errors
    /// [`BadJson`] when `text` is not extended JSON.
    pub fn parse(text: &str) -> Result<Self, BadJson> {
        let mut scan = Scan::new(text);
        let node = parse_node(&mut scan, 1)?;
        scan.end()?;
        Ok(node)
    }

    /// The node as extended JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, &|raw| Cow::Borrowed(raw));
        out
    }

    fn write(&self, out: &mut String, text: &dyn Fn(&str) -> Cow<'_, str>) {
        match self {
            Self::Leaf(raw) => out.push_str(&text(raw)),
            Self::Tree(tree) => tree.write(out, text),
        }
    }

    fn json_len(&self) -> usize {
        match self {
            Self::Leaf(raw) => raw.len(),
            Self::Tree(tree) => tree.json_len(),
        }
    }
}

impl Tree {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a JSON object.
    /// # Errors
    /// [`BadJson`] when `text` is not an object of extended JSON.
    pub fn parse_object(text: &str) -> Result<Self, BadJson> {
        match Node::parse(text)? {
            Node::Tree(tree) => Ok(tree),
            Node::Leaf(_) => Err(BadJson {
                at: 0,
                reason: "an object is expected",
            }),
        }
    }

    /// An empty tree with room for so many names at the top.
    pub fn with_capacity(names: usize) -> Self {
        Self {
            nodes: IndexMap::with_capacity(names),
        }
    }

    /// Nothing in it.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many names it has at the top.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Names and nodes at the top, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(name, node)| (name.as_str(), node))
    }

    /// Sets a leaf. An empty path does nothing.
    pub fn set(&mut self, path: &[impl AsRef<str>], raw: impl Into<String>) {
        self.set_node(path, Node::Leaf(raw.into()));
    }

    /// Sets a leaf or a subtree, replacing what was there. An empty path does nothing.
    pub fn set_node(&mut self, path: &[impl AsRef<str>], node: Node) {
        let Some((last, parents)) = path.split_last() else {
            return;
        };
        self.at(parents, |parent| {
            match parent.nodes.get_mut(last.as_ref()) {
                Some(old) => *old = node,
                None => {
                    parent.nodes.insert(last.as_ref().to_owned(), node);
                }
            }
        });
    }

    /// Puts a node at `path`: a tree is merged with the tree there leaf by leaf, anything else replaces.
    pub fn merge_node(&mut self, path: &[impl AsRef<str>], node: Node) {
        match node {
            Node::Tree(tree) if !tree.is_empty() => self.at(path, |there| there.merge(tree)),
            node => self.set_node(path, node),
        }
    }

    /// Works on the tree at `path`, made where there is none.
    fn at<F: FnOnce(&mut Self)>(&mut self, path: &[impl AsRef<str>], work: F) {
        let Some((name, rest)) = path.split_first() else {
            return work(self);
        };
        if let Some(Node::Tree(child)) = self.nodes.get_mut(name.as_ref()) {
            return child.at(rest, work);
        }
        let mut child = Self::default();
        child.at(rest, work);
        self.nodes
            .insert(name.as_ref().to_owned(), Node::Tree(child));
    }

    /// Takes out the leaf or the subtree at `path`.
    pub fn remove(&mut self, path: &[impl AsRef<str>]) -> Option<Node> {
        let (last, parents) = path.split_last()?;
        let mut tree = self;
        for name in parents {
            match tree.nodes.get_mut(name.as_ref()) {
                Some(Node::Tree(child)) => tree = child,
                _ => return None,
            }
        }
        tree.nodes.shift_remove(last.as_ref())
    }

    /// The leaf or the subtree at `path`.
    pub fn get(&self, path: &[impl AsRef<str>]) -> Option<&Node> {
        let (last, parents) = path.split_last()?;
        let mut tree = self;
        for name in parents {
            match tree.nodes.get(name.as_ref()) {
                Some(Node::Tree(child)) => tree = child,
                _ => return None,
            }
        }
        tree.nodes.get(last.as_ref())
    }

    /// Merges leaf by leaf; `other` wins.
    pub fn merge(&mut self, other: Self) {
        for (name, node) in other.nodes {
            self.merge_top(name, node);
        }
    }

    /// [`Tree::merge_node`] for one name at the top, which is not copied.
    pub fn merge_top(&mut self, name: String, node: Node) {
        match self.nodes.entry(name) {
            Entry::Vacant(place) => {
                place.insert(node);
            }
            Entry::Occupied(mut place) => match (place.get_mut(), node) {
                (Node::Tree(mine), Node::Tree(theirs)) if !theirs.is_empty() => {
                    mine.merge(theirs);
                }
                (mine, theirs) => *mine = theirs,
            },
        }
    }

    /// All leaves with their paths, in order. An empty subtree counts as a leaf `{}`.
    pub fn leaves(&self) -> Leaves<'_> {
        Leaves {
            open: vec![self.nodes.iter()],
            path: Vec::new(),
        }
    }

    /// All leaves with their paths, in order, without copying them.
    pub fn into_leaves(self) -> Vec<(Vec<String>, String)> {
        let mut out = Vec::with_capacity(self.nodes.len());
        self.drain_into(&mut Vec::new(), &mut out);
        out
    }

    fn drain_into(self, path: &mut Vec<String>, out: &mut Vec<(Vec<String>, String)>) {
        for (name, node) in self.nodes {
            match node {
                Node::Tree(tree) if !tree.is_empty() => {
                    path.push(name);
                    tree.drain_into(path, out);
                    path.pop();
                }
                leaf => {
                    let mut names = Vec::with_capacity(path.len() + 1);
                    names.extend_from_slice(path);
                    names.push(name);
                    let raw = match leaf {
                        Node::Leaf(raw) => raw,
                        Node::Tree(_) => "{}".to_owned(),
                    };
                    out.push((names, raw));
                }
            }
        }
    }

    /// Bytes of the tree as extended JSON, at most: names are counted as if every character of them that could be were
    /// escaped only when one of them is.
    pub fn json_len(&self) -> usize {
        let names = |name: &String| {
            let plain = name
                .bytes()
                .all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
            name.len() * if plain { 1 } else { 6 } + 4
        };
        2 + self
            .nodes
            .iter()
            .map(|(name, node)| names(name) + node.json_len())
            .sum::<usize>()
    }

    /// Appends the tree as extended JSON.
    pub fn write_json(&self, out: &mut String) {
        self.write(out, &|raw| Cow::Borrowed(raw));
    }

    /// The tree as extended JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(self.json_len());
        self.write_json(&mut out);
        out
    }

    /// The tree as strict JSON: `NaN` and infinities are `null`.
    pub fn to_strict_json(&self) -> String {
        let mut out = String::with_capacity(self.json_len());
        self.write(&mut out, &json::strict);
        out
    }

    fn write(&self, out: &mut String, text: &dyn Fn(&str) -> Cow<'_, str>) {
        out.push('{');
        for (index, (name, node)) in self.nodes.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            json::push_str(out, name);
            out.push(':');
            node.write(out, text);
        }
        out.push('}');
    }
}

fn parse_node(scan: &mut Scan<'_>, depth: usize) -> Result<Node, BadJson> {
    if depth > json::MAX_DEPTH {
        return scan.fail("nested too deep");
    }
    scan.blanks();
    if !scan.take(b'{') {
        return Ok(Node::Leaf(scan.value(depth)?.to_owned()));
    }
    let mut tree = Tree::new();
    scan.blanks();
    if scan.take(b'}') {
        return Ok(Node::Tree(tree));
    }
    loop {
        let name = unquote(scan.key()?).into_owned();
        let node = parse_node(scan, depth + 1)?;
        tree.nodes.insert(name, node);
        if !scan.more(b'}')? {
            return Ok(Node::Tree(tree));
        }
    }
}

/// Iterator of [`Tree::leaves`].
#[derive(Debug)]
pub struct Leaves<'a> {
    open: Vec<indexmap::map::Iter<'a, String, Node>>,
    path: Vec<&'a str>,
}

impl<'a> Iterator for Leaves<'a> {
    type Item = (Vec<&'a str>, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((name, node)) = self.open.last_mut()?.next() else {
                self.open.pop();
                self.path.pop();
                continue;
            };
            let raw = match node {
                Node::Tree(tree) if !tree.is_empty() => {
                    self.path.push(name);
                    self.open.push(tree.nodes.iter());
                    continue;
                }
                Node::Tree(_) => "{}",
                Node::Leaf(raw) => raw,
            };
            let mut path = Vec::with_capacity(self.path.len() + 1);
            path.extend_from_slice(&self.path);
            path.push(name);
            return Some((path, raw));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_down_to_its_leaves_and_written_back() {
        let text = r#"{"a":1,"b":{"_type":"histogram","bins":[0,NaN]},"c":{},"d.e/\u00fc":"x"}"#;

        let tree = Tree::parse_object(text).unwrap();

        assert_eq!(
            tree.to_json(),
            r#"{"a":1,"b":{"_type":"histogram","bins":[0,NaN]},"c":{},"d.e/ü":"x"}"#
        );
        let leaves: Vec<_> = tree.leaves().collect();
        assert_eq!(leaves[1], (vec!["b", "_type"], "\"histogram\""));
        assert_eq!(leaves[3], (vec!["c"], "{}"));
        let owned: Vec<_> = tree.clone().into_leaves();
        assert_eq!(owned.len(), leaves.len());
        for (own, seen) in owned.iter().zip(&leaves) {
            assert_eq!(
                (own.0.join("|"), own.1.as_str()),
                (seen.0.join("|"), seen.1)
            );
        }
        assert!(tree.json_len() >= tree.to_json().len());
    }

    #[test]
    fn strict_json_of_a_tree_has_no_nan() {
        let tree = Tree::parse_object(r#"{"a":NaN,"b":{"c":[1,-Infinity,"NaN"]}}"#).unwrap();

        assert_eq!(
            tree.to_strict_json(),
            r#"{"a":null,"b":{"c":[1,null,"NaN"]}}"#
        );
    }

    #[test]
    fn a_leaf_over_a_tree_replaces_it_and_the_reverse() {
        let mut tree = Tree::new();

        tree.set(&["a", "b"], "1");
        tree.set(&["a"], "2");
        assert_eq!(tree.to_json(), r#"{"a":2}"#);

        tree.set(&["a", "b"], "3");
        assert_eq!(tree.to_json(), r#"{"a":{"b":3}}"#);
    }

    #[test]
    fn merging_goes_leaf_by_leaf_and_the_later_wins() {
        let mut tree = Tree::parse_object(r#"{"a":{"x":1,"y":2},"b":1}"#).unwrap();

        tree.merge(Tree::parse_object(r#"{"a":{"y":3,"z":{}},"b":{"c":4}}"#).unwrap());

        assert_eq!(tree.to_json(), r#"{"a":{"x":1,"y":3,"z":{}},"b":{"c":4}}"#);
        assert_eq!(tree.remove(&["a", "x"]), Some(Node::Leaf("1".into())));
        assert_eq!(tree.remove(&["a", "x"]), None);
        assert_eq!(tree.get(&["b", "c"]), Some(&Node::Leaf("4".into())));
    }
}
