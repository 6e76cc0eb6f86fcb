//! The GraphQL side: the part of W&B's schema that uploading runs, the public API and `wandb sync` use.
//!
//! Names of types, fields and arguments are W&B's. A field or operation that is not here is answered with a GraphQL error
//! that names it (`Unknown field "sweep" on type "Project"`).

mod artifact;
mod artifact_commit;
mod artifact_input;
mod artifact_mutation;
mod choice;
mod collection;
mod collection_mutation;
mod connection;
mod entity;
mod file;
mod membership;
mod project;
mod query;
mod run;
mod run_input;
mod run_lines;
mod run_mutation;
mod run_parts;
mod scalars;
mod sweep;
mod user;

use std::sync::Arc;

use async_graphql::{Context, EmptySubscription, MergedObject, Result, Schema};

use crate::app::App;

/// The executable schema.
pub(crate) type LocalSchema = Schema<query::Query, Mutation, EmptySubscription>;

/// In the data of a request: it comes from one of several writers that share a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared;

/// All mutations.
#[derive(MergedObject, Default)]
pub(crate) struct Mutation(
    run_mutation::RunMutation,
    artifact_mutation::ArtifactMutation,
    collection_mutation::CollectionMutation,
);

/// Builds the schema over the server's state.
pub(crate) fn schema(app: Arc<App>) -> LocalSchema {
    Schema::build(query::Query, Mutation::default(), EmptySubscription)
        .data(app)
        .finish()
}

/// The server's state.
fn app<'a>(context: &Context<'a>) -> Result<&'a Arc<App>> {
    context.data::<Arc<App>>()
}

/// The entity that was asked for, or the default one.
fn entity(name: Option<&str>) -> String {
    name.filter(|name| !name.is_empty())
        .unwrap_or(crate::USER)
        .to_owned()
}
