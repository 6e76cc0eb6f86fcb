//! The fields of `Artifact` and of what is asked about artifacts, from dicts.

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyAny, PyString, PyTuple},
};
use wandbd_client::proto::{
    Artifact, ChangeArtifactRequest, DownloadArtifactRequest, GetArtifactRequest, Link,
    artifact::{File, Keep, keep::Policy},
};

use crate::{message::Message, open};

/// `Artifact`, by the names of its fields; a missing `client_id` is made.
pub(crate) fn artifact(fields: &Bound<'_, PyAny>) -> PyResult<Artifact> {
    let message = Message::new("Artifact", fields)?;
    let artifact = Artifact {
        name: message.text("name")?,
        r#type: message.text("type")?,
        description: message.text("description")?,
        metadata_json: message.text("metadata_json")?,
        alias: message.texts("alias")?,
        file: message.each("file", file)?,
        client_id: random_unless(message.text("client_id")?),
        sequence_client_id: random_unless(message.text("sequence_client_id")?),
        tag: message.texts("tag")?,
        ttl_s: message.maybe("ttl_s")?,
        incremental: message.flag("incremental")?,
        base_id: message.text("base_id")?,
        distributed_id: message.text("distributed_id")?,
        unfinished: message.flag("unfinished")?,
        used: message.flag("used")?,
        only_used: message.flag("only_used")?,
        storage_region: message.text("storage_region")?,
        history_step: message.maybe("history_step")?,
        keep: message.below("keep", keep)?,
        remove: message.texts("remove")?,
    };
    message.end()?;
    Ok(artifact)
}

fn random_unless(id: String) -> String {
    if id.is_empty() {
        wandbd_client::random_id()
    } else {
        id
    }
}

/// A dict, or (path, source, staged): there may be thousands.
fn file(fields: &Bound<'_, PyAny>) -> PyResult<File> {
    if fields.is_instance_of::<PyTuple>() {
        let (path, source, staged) = fields.extract()?;
        return Ok(File {
            path,
            source,
            staged,
            ..File::default()
        });
    }
    let message = Message::new("Artifact.File", fields)?;
    let file = File {
        path: message.text("path")?,
        source: message.text("source")?,
        staged: message.flag("staged")?,
        reference: message.text("reference")?,
        digest: message.text("digest")?,
        size: message.integer("size")?,
        extra_json: message.text("extra_json")?,
        ask: message.flag("ask")?,
        media: message.text("media")?,
        skip_cache: message.flag("skip_cache")?,
        birth_id: message.text("birth_id")?,
    };
    message.end()?;
    Ok(file)
}

fn keep(fields: &Bound<'_, PyAny>) -> PyResult<Keep> {
    let message = Message::new("Artifact.Keep", fields)?;
    let keep = Keep {
        policy: message
            .below("policy", policy)?
            .unwrap_or(Policy::All)
            .into(),
        every: message.integer("every")?,
        best: message.flag("best")?,
    };
    message.end()?;
    Ok(keep)
}

/// By name, or by number.
fn policy(word: &Bound<'_, PyAny>) -> PyResult<Policy> {
    let policy = match word.cast::<PyString>() {
        Ok(name) => Policy::from_str_name(&name.to_string_lossy().to_uppercase()),
        Err(_) => Policy::try_from(word.extract::<i32>()?).ok(),
    };
    policy.ok_or_else(|| {
        PyValueError::new_err(format!(
            "policy must be one of ALL, NEWEST, EVERY; not {word}"
        ))
    })
}

/// `Link`, by the names of its fields.
pub(crate) fn link(fields: &Bound<'_, PyAny>) -> PyResult<Link> {
    let message = Message::new("Link", fields)?;
    let link = Link {
        client_id: message.text("client_id")?,
        artifact_id: message.text("artifact_id")?,
        target: message.text("target")?,
        alias: message.texts("alias")?,
    };
    message.end()?;
    Ok(link)
}

/// `GetArtifactRequest`, by the names of its fields.
pub(crate) fn get(fields: &Bound<'_, PyAny>) -> PyResult<GetArtifactRequest> {
    let message = Message::new("GetArtifactRequest", fields)?;
    let request = GetArtifactRequest {
        server: message.below("server", open::server)?,
        session: message.text("session")?,
        name: message.text("name")?,
        id: message.text("id")?,
        client_id: message.text("client_id")?,
        r#type: message.text("type")?,
        r#use: message.flag("use")?,
        use_as: message.text("use_as")?,
        manifest: message.flag("manifest")?,
        timeout_s: message.number("timeout_s")?,
    };
    message.end()?;
    Ok(request)
}

/// `DownloadArtifactRequest`, by the names of its fields.
pub(crate) fn download(fields: &Bound<'_, PyAny>) -> PyResult<DownloadArtifactRequest> {
    let message = Message::new("DownloadArtifactRequest", fields)?;
    let request = DownloadArtifactRequest {
        server: message.below("server", open::server)?,
        session: message.text("session")?,
        id: message.text("id")?,
        root: message.text("root")?,
        path: message.texts("path")?,
        prefix: message.text("prefix")?,
        skip_cache: message.flag("skip_cache")?,
        allow_missing_references: message.flag("allow_missing_references")?,
        cache: message.text("cache")?,
    };
    message.end()?;
    Ok(request)
}

/// `ChangeArtifactRequest`, by the names of its fields.
pub(crate) fn change(fields: &Bound<'_, PyAny>) -> PyResult<ChangeArtifactRequest> {
    let message = Message::new("ChangeArtifactRequest", fields)?;
    let request = ChangeArtifactRequest {
        server: message.below("server", open::server)?,
        session: message.text("session")?,
        id: message.text("id")?,
        collection_path: message.text("collection_path")?,
        description: message.maybe("description")?,
        metadata_json: message.maybe("metadata_json")?,
        add_alias: message.texts("add_alias")?,
        remove_alias: message.texts("remove_alias")?,
        add_tag: message.texts("add_tag")?,
        remove_tag: message.texts("remove_tag")?,
        ttl_s: message.maybe("ttl_s")?,
        delete: message.flag("delete")?,
        delete_aliases: message.flag("delete_aliases")?,
        unlink: message.flag("unlink")?,
    };
    message.end()?;
    Ok(request)
}
