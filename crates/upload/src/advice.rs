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
        SendError::Rejected { .. } if channel == Channel::Artifacts && policy == Policy::Hourly => {
            "free some of the account's storage or ask for more; tried hourly, `wandbd retry {run}` at once"
        }
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
    if says("corrupt message") || says("tls") || says("handshake") || says("ssl") {
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

    fn check(error: &SendError, channel: Channel, policy: Policy, expect: &str) {
        let text = cause(error, channel, policy, "r1");

        assert!(text.contains(expect), "{text}");
        assert!(text.starts_with(&error.to_string()), "{text}");
    }

    #[test]
    fn a_failing_layer_is_named_with_its_setting() {
        for (text, expect) in [
            ("dns error", "host in WANDB_BASE_URL"),
            ("invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE"),
            ("received corrupt message", "http:// or https://"),
            ("tunnel error", "PROXY"),
            ("connection refused", "check the network"),
        ] {
            let error = SendError::Unreachable(text.to_owned().into());

            check(&error, Channel::Post, Policy::BackOff, expect);
        }
    }

    #[test]
    fn every_refusal_names_what_a_person_can_do() {
        let reason = || "test".to_owned();
        let (unauthorized, forbidden) = (
            SendError::Unauthorized(reason()),
            SendError::Forbidden(reason()),
        );
        check(
            &unauthorized,
            Channel::Update,
            Policy::Reauthorize,
            "`wandbd login`",
        );
        check(
            &forbidden,
            Channel::Post,
            Policy::Hourly,
            "`wandbd retry r1`",
        );
        let (status, retry) = (404, "`wandbd retry r1` creates it again");
        let gone = SendError::Gone {
            status,
            reason: reason(),
        };
        check(&gone, Channel::Post, Policy::Told, retry);
        check(&gone, Channel::Open, Policy::Hourly, "entity and project");
        let conflict = SendError::Conflict(reason());
        check(
            &conflict,
            Channel::Post,
            Policy::Reopen,
            "`wandbd retry r1`",
        );
        let rejected = SendError::Rejected {
            status: 422,
            reason: reason(),
        };
        check(&rejected, Channel::Open, Policy::Refuse, "`wandbd sync`");
        let server = SendError::Server {
            status: 500,
            reason: reason(),
        };
        check(&server, Channel::Post, Policy::BackOff, "by itself");
    }
}
