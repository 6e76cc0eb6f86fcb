//! Whose registry it is: its entity stands for an organization.

use serde::Deserialize;
use serde_json::json;
use wandbd_upload::SendError;

use crate::api::Api;

const QUERY: &str = "\
query OrganizationOfEntity($entity: String!) { entity(name: $entity) { \
organization { name orgEntity { name } } user { organizations { name orgEntity { name } } } } }";

#[derive(Deserialize)]
struct Data {
    entity: Option<Entity>,
}

#[derive(Deserialize)]
struct Entity {
    organization: Option<Organization>,
    user: Option<User>,
}

#[derive(Deserialize)]
struct User {
    organizations: Option<Vec<Organization>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Organization {
    #[serde(default)]
    name: String,
    org_entity: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// The entity of the organization that `entity` belongs to; `wanted` names it, as people call it or as the server does, if it is not
/// empty.
pub(super) async fn of_registry(
    api: &Api,
    entity: &str,
    wanted: &str,
) -> Result<String, SendError> {
    let variables = json!({ "entity": entity });
    let data: Data = api
        .graphql("OrganizationOfEntity", QUERY, variables)
        .await?;
    let known = data.entity;
    let (team, user) = known.map_or((None, None), |entity| (entity.organization, entity.user));
    let personal = user.and_then(|user| user.organizations).unwrap_or_default();
    let all: Vec<(String, String)> = team
        .into_iter()
        .chain(personal)
        .filter_map(|organization| Some((organization.name, organization.org_entity?.name)))
        .collect();
    let found = match wanted {
        "" => all
            .first()
            .filter(|first| all.iter().all(|one| one.1 == first.1)),
        wanted => all
            .iter()
            .find(|(name, entity)| name == wanted || entity == wanted),
    };
    let found = found.map(|(_, entity)| entity.clone());
    found.ok_or_else(|| SendError::Rejected {
        status: 200,
        reason: match wanted {
            "" => format!(
                "{entity} belongs to no organization, or to several: name it before the registry, organization/wandb-registry-name/collection"
            ),
            wanted => format!("{entity} does not belong to an organization {wanted}"),
        },
    })
}
