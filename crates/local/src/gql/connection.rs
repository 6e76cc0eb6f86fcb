//! Pages of results: cursors are positions in the whole list.

use std::borrow::Cow;

use async_graphql::{OutputType, SimpleObject, TypeName};

/// Items on a page when the client does not say.
const DEFAULT_PAGE: i64 = 50;

/// Where a page ends.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct PageInfo {
    end_cursor: Option<String>,
    has_next_page: bool,
}

/// One item of a page.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub(crate) struct Edge<T: OutputType> {
    cursor: String,
    /// `v3` where the node is a version of a collection.
    version: Option<String>,
    node: T,
}

/// One page of a list.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub(crate) struct Connection<T: OutputType> {
    total_count: i64,
    page_info: PageInfo,
    edges: Vec<Edge<T>>,
}

impl<T: OutputType> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }
}

impl<T: OutputType> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", T::type_name()).into()
    }
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from: i64,
    pub(crate) count: i64,
}

impl Window {
    pub(crate) fn new(first: Option<i32>, after: Option<&str>) -> Self {
        Self {
            from: after
                .and_then(|cursor| cursor.parse::<i64>().ok())
                .unwrap_or(0)
                .max(0),
            count: first.map_or(DEFAULT_PAGE, i64::from).clamp(0, 10_000),
        }
    }
}

impl<T: OutputType> Connection<T> {
    /// The page of `all` that `window` wants.
    pub(crate) fn of<S>(all: Vec<S>, window: Window, node: impl Fn(S) -> T) -> Self {
        Self::versioned(all, window, |item| (None, node(item)))
    }

    /// Like [`Connection::of`], with a version name for each node.
    pub(crate) fn versioned<S>(
        all: Vec<S>,
        window: Window,
        node: impl Fn(S) -> (Option<String>, T),
    ) -> Self {
        let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let skip = usize::try_from(window.from).unwrap_or(usize::MAX);
        let take = usize::try_from(window.count).unwrap_or(usize::MAX);
        let items = all.into_iter().skip(skip).take(take);
        Self::page(items.map(node).collect(), window.from, total)
    }

    /// A page whose items were cut out already; they begin at position `from` of `total`.
    pub(crate) fn page(items: Vec<(Option<String>, T)>, from: i64, total: i64) -> Self {
        let edges: Vec<Edge<T>> = items
            .into_iter()
            .zip(from + 1..)
            .map(|((version, node), position)| Edge {
                cursor: position.to_string(),
                version,
                node,
            })
            .collect();
        let end = from + i64::try_from(edges.len()).unwrap_or(0);
        Self {
            total_count: total,
            page_info: PageInfo {
                end_cursor: edges.last().map(|edge| edge.cursor.clone()),
                has_next_page: end < total,
            },
            edges,
        }
    }
}
