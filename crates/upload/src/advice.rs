//! What a person can do about a failure, in half a sentence behind the cause.

use crate::error::{SendError, chain};
use crate::policy::Policy;
use crate::progress::Channel;

/// The cause of a delay for `wandbd status`: what happened, and what helps. `run` is what `wandbd retry` calls the run.
pub(crate) fn cause(error: &SendError, channel: Channel, policy: Policy, run: &str) -> String {
    let mut text = chain(error);
    let advice = advice(&text, error, channel, policy);
    if !advice.is_empty() {
        text.push_str("; ");
        text.push_str(&advice.replace("{run}", run));
    }
    text
}

fn advice(text: &str, error: &SendError, channel: Channel, policy: Policy) -> &'static str {
    match error {
        SendError::Unreachable(_) => unreachable(text),
        SendError::Timeout(_) => {
            "it is tried again by itself (WANDB_HTTP_TIMEOUT sets how long one answer is waited for)"
        }
        SendError::Busy(_) => "it is tried again when the server wants it",
        SendError::Server { .. } => {
            "it is tried again by itself; if it stays, ask those who run the server"
        }
        SendError::Unauthorized(_) if text.contains("login") || text.contains("token file") => "",
        SendError::Unauthorized(_) => {
            "run `wandbd login` with a key that is valid, then it goes on"
        }
        SendError::Forbidden(_) => {
            "ask for write access to the project, or log in as somebody who has it; tried hourly, `wandbd retry {run}` at once"
        }
        SendError::Gone { .. } if policy == Policy::Told => {
            "the run was deleted there, `wandbd retry {run}` creates it again with all its data"
        }
        SendError::Gone { .. } => {
            "check the server's address, entity and project; tried hourly, `wandbd retry {run}` at once"
        }
        SendError::Conflict(_) if policy == Policy::Reopen => {
            "somebody else writes to this run: end that, then `wandbd retry {run}`"
        }
        SendError::Conflict(_) => "it is tried again by itself",
        SendError::Rejected { .. } => refused(channel),
        SendError::Expired { .. } => "it is tried again with a fresh one",
        SendError::NoAddress | SendError::Usage(_) | SendError::Missing { .. } => "",
    }
}

/// The text of the whole chain tells which layer failed; the libraries have no types for it.
fn unreachable(text: &str) -> &'static str {
    let text = text.to_ascii_lowercase();
    let says = |word| text.contains(word);
    if says("certificate") || says("unknownissuer") {
        return "name the certificate authority of the server with SSL_CERT_FILE or REQUESTS_CA_BUNDLE; it is tried again by itself";
    }
    if says("tls") || says("handshake") || says("ssl") {
        return "check whether WANDB_BASE_URL should begin with http:// or https://; it is tried again by itself";
    }
    if says("dns") || says("lookup") {
        return "check the host in WANDB_BASE_URL and the network; it is tried again by itself";
    }
    if says("proxy") || says("tunnel") {
        return "check WANDB_HTTPS_PROXY or HTTPS_PROXY; it is tried again by itself";
    }
    "check the network, WANDB_BASE_URL and proxies; it is tried again by itself"
}

fn refused(channel: Channel) -> &'static str {
    match channel {
        Channel::Open => {
            "correct what it names (`wandbd sync` can send the run to another entity, project or id), or `wandbd retry {run}`; tried hourly"
        }
        Channel::Post => {
            "the server takes no post of this run; tried hourly, `wandbd retry {run}` at once"
        }
        _ => "it is offered a few times and then left out",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_names_what_a_person_can_do() {
        let reason = || "test".to_owned();
        let gone = || SendError::Gone {
            status: 404,
            reason: reason(),
        };
        let lost = |text: &str| SendError::Unreachable(text.to_owned().into());
        for (error, channel, policy, expect) in [
            (
                lost("dns error"),
                Channel::Open,
                Policy::BackOff,
                "host in WANDB_BASE_URL",
            ),
            (
                lost("invalid peer certificate: UnknownIssuer"),
                Channel::Post,
                Policy::BackOff,
                "SSL_CERT_FILE",
            ),
            (
                lost("tunnel error"),
                Channel::Post,
                Policy::BackOff,
                "PROXY",
            ),
            (
                lost("connection refused"),
                Channel::Files,
                Policy::BackOff,
                "check the network",
            ),
            (
                SendError::Unauthorized(reason()),
                Channel::Update,
                Policy::Reauthorize,
                "`wandbd login`",
            ),
            (
                SendError::Forbidden(reason()),
                Channel::Post,
                Policy::Hourly,
                "`wandbd retry r1`",
            ),
            (
                gone(),
                Channel::Post,
                Policy::Told,
                "`wandbd retry r1` creates it again",
            ),
            (gone(), Channel::Open, Policy::Hourly, "entity and project"),
            (
                SendError::Conflict(reason()),
                Channel::Post,
                Policy::Reopen,
                "`wandbd retry r1`",
            ),
            (
                SendError::Rejected {
                    status: 422,
                    reason: reason(),
                },
                Channel::Open,
                Policy::Refuse,
                "`wandbd sync`",
            ),
            (
                SendError::Server {
                    status: 500,
                    reason: reason(),
                },
                Channel::Post,
                Policy::BackOff,
                "by itself",
            ),
        ] {
            let text = cause(&error, channel, policy, "r1");

            assert!(text.contains(expect), "{text}");
            assert!(text.starts_with(&error.to_string()), "{text}");
        }
    }
}
