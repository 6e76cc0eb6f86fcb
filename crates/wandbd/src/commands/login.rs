//! `wandbd login`: a key for a server, stored where W&B's own tools look for it.
//!
//! A key is checked before it is stored, so that a wrong one does not replace a good one; a server that cannot be asked does not keep a key
//! from being stored. It travels to the daemon over the private socket, never by a command line or a log.

use std::{
    error::Error,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use wandbd_proto::v1::{self, login_response::Verdict, wandbd_client::WandbdClient};
use wandbd_wandb::{ApiKey, BaseUrl, DEFAULT_BASE_URL};

use super::{
    Outcome, daemon, shell, terminal,
    words::{ago, rows},
};
use crate::{
    account::{netrc, settings},
    cli::LoginArgs,
    serve::now,
    shell::{Shell, same_server, stored_key},
};

type Client = WandbdClient<tonic::transport::Channel>;

pub(crate) async fn login(args: &LoginArgs) -> Outcome {
    let shell = shell()?;
    let host = if args.cloud {
        Some(DEFAULT_BASE_URL.to_owned())
    } else {
        args.host.clone()
    };
    let mut server = shell.server(host.as_deref())?;
    let base = BaseUrl::parse(&server.base_url)?;
    base.as_str().clone_into(&mut server.base_url);
    let new = new_key(args, &server, &base).await?;
    if let Some(key) = &new {
        key.reveal().clone_into(&mut server.api_key);
    }
    let mut client = daemon(&args.place).await?;
    if !args.no_verify && !is_good(&ask(&mut client, &server, false).await?, &base)? {
        return Ok(ExitCode::FAILURE);
    }
    if let Some(key) = &new {
        store(&shell, &server, &base, key)?;
    }
    if host.is_some() {
        remember_host(&shell, &base)?;
    }
    if !args.no_send {
        tell_sent(&ask(&mut client, &server, true).await?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The key that was said or typed; `None` when a known one is to be used.
async fn new_key(
    args: &LoginArgs,
    server: &v1::Server,
    base: &BaseUrl,
) -> Result<Option<ApiKey>, Box<dyn Error>> {
    if let Some(key) = &args.key {
        return Ok(Some(ApiKey::parse(key)?));
    }
    if !args.relogin
        && let Some(source) = known(server)
    {
        say(&format!(
            "the key for {} is in {source}; --relogin asks for another",
            base.as_str()
        ))?;
        return Ok(None);
    }
    if terminal::is_there() {
        let page = base.app_url(&server.app_url);
        say(&format!("your API key is at {page}/authorize"))?;
    }
    match terminal::secret("API key (it is not shown): ").await {
        Ok(text) => Ok(Some(ApiKey::parse(&text)?)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            Err("nothing was changed".into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Where a key is known from.
fn known(server: &v1::Server) -> Option<String> {
    if !server.identity_token_file.is_empty() {
        return Some(format!("the identity token {}", server.identity_token_file));
    }
    if stored_key(server).is_some() && server.api_key.is_empty() {
        return Some(server.netrc.clone());
    }
    (!server.api_key.is_empty()).then(|| "WANDB_API_KEY or a settings file".to_owned())
}

/// Says whose key it is; false when the server does not accept it.
fn is_good(answer: &v1::LoginResponse, base: &BaseUrl) -> io::Result<bool> {
    let url = base.as_str();
    match answer.verdict() {
        Verdict::Valid => {
            let entity = match &*answer.entity {
                "" => String::new(),
                entity => format!("; runs go to {entity} unless they say otherwise"),
            };
            say(&format!(
                "logged in to {url} as {}{entity}",
                answer.username
            ))?;
            Ok(true)
        }
        Verdict::Refused => {
            say(&format!(
                "{url} does not accept this key: {}\nnothing was stored; `wandbd login --relogin` asks for another",
                answer.message
            ))?;
            Ok(false)
        }
        Verdict::Unreachable | Verdict::Unknown => {
            say(&format!(
                "{url} could not be asked whose key it is: {}",
                answer.message
            ))?;
            Ok(true)
        }
    }
}

async fn ask(
    client: &mut Client,
    server: &v1::Server,
    send: bool,
) -> Result<v1::LoginResponse, Box<dyn Error>> {
    let request = v1::LoginRequest {
        server: Some(server.clone()),
        verify: !send,
        send,
    };
    Ok(client.login(request).await?.into_inner())
}

fn store(
    shell: &Shell<'_>,
    server: &v1::Server,
    base: &BaseUrl,
    key: &ApiKey,
) -> Result<(), Box<dyn Error>> {
    let machine = machine(base);
    netrc::save(Path::new(&server.netrc), machine, key.reveal())?;
    say(&format!("key for {machine} stored in {}", server.netrc))?;
    if !shell.has_key_in_environment() {
        return Ok(());
    }
    say("WANDB_API_KEY is set and goes before what is stored")?;
    Ok(())
}

/// Host and port, as netrc files name machines.
fn machine(base: &BaseUrl) -> &str {
    let text = base.as_str();
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// A server that was named once is meant from now on.
fn remember_host(shell: &Shell<'_>, base: &BaseUrl) -> Result<(), Box<dyn Error>> {
    let other = !same_server(base.as_str(), DEFAULT_BASE_URL);
    let value = other.then(|| base.as_str());
    settings::set(&shell.global_settings(), "base_url", value)?;
    settings::set(&shell.local_settings(), "base_url", None)?;
    Ok(())
}

/// What went up, and what a person has to ask for.
fn tell_sent(answer: &v1::LoginResponse) -> io::Result<()> {
    if !answer.sent.is_empty() {
        let ids: Vec<&str> = answer.sent.iter().map(|run| run.run_id.as_str()).collect();
        say(&format!(
            "{} waited for this and {} sent now: {}",
            rows(ids.len(), "run"),
            if ids.len() == 1 { "is" } else { "are" },
            ids.join(", ")
        ))?;
    }
    if answer.older.is_empty() {
        return Ok(());
    }
    say(&format!(
        "{} waited for more than a day and {} kept here; to send:",
        rows(answer.older.len(), "run"),
        if answer.older.len() == 1 { "is" } else { "are" },
    ))?;
    let mut out = io::stdout();
    for run in &answer.older {
        writeln!(
            out,
            "  wandbd sync {}  # {}, {}",
            run.journal,
            run.project,
            ago(run.start_time, now())
        )?;
    }
    Ok(())
}

fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "wandbd: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_named_with_its_port_and_without_its_path() {
        for (url, expect) in [
            ("", "api.wandb.ai"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("https://w.example/wandb", "w.example"),
        ] {
            assert_eq!(machine(&BaseUrl::parse(url).unwrap()), expect, "{url}");
        }
    }
}
