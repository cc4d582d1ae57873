//! What do a core's status and its `DeliverResponse` mean? The same outcomes as over HTTP.

use std::{collections::HashMap, error::Error as _};

use tonic::{Code, Status};

use super::connection::{Silence, chain};
use crate::{
    core_link::answer::{About, beside, judge, wait},
    ports::{
        clock::Millis,
        core::{Answer, Outcome},
    },
    schema::{
        rpc,
        v1::{self, ack::Outcome as Says},
    },
};

/// Beyond this a reason is cut: it is shown to people, not stored as a document.
const REASON_MAX: usize = 500;

/// The core answered OK. No results: it has the event; else the Ack of its conversation says so, and a conversation that
/// none names is to be offered again.
pub fn taken(response: v1::DeliverResponse, about: About<'_>) -> Outcome {
    let outcome = match response.results.is_empty() {
        true => Outcome::Taken(Answer::default()),
        false => {
            let own = |ack: &v1::Ack| ack.conversation_key == about.key;
            let acks: Vec<_> = response.results.into_iter().filter(own).collect();
            let last = if acks.is_empty() {
                None
            } else {
                run(acks, &[about.seq]).pop()
            };
            last.unwrap_or_else(unnamed)
        }
    };
    beside(
        outcome,
        response.replies.into_iter().map(Ok).collect(),
        response.keep_window,
    )
}

/// The events of one conversation in a request, in order.
#[derive(Clone, Copy, Debug)]
pub struct Share<'a> {
    pub key: &'a str,
    pub seqs: &'a [u32],
}

/// What the answer to a request of several events means for each: no results take all of them; else to each conversation
/// its own Acks, one outcome for each event up to the first that is not taken.
pub fn shares(response: v1::DeliverResponse, whose: &[Share<'_>]) -> Vec<Vec<Outcome>> {
    if let [Share { key, seqs: [seq] }] = *whose {
        return vec![vec![taken(response, About { key, seq: *seq })]];
    }
    // Also beside Acks: nobody knows whose they are.
    if response.results.is_empty() || !response.replies.is_empty() {
        return whose.iter().map(|share| as_a_whole(&response, share)).collect();
    }
    let mut acks = HashMap::<String, Vec<v1::Ack>>::with_capacity(whose.len());
    for mut ack in response.results {
        acks.entry(std::mem::take(&mut ack.conversation_key))
            .or_default()
            .push(ack);
    }
    let each = whose.iter().map(|share| match acks.remove(share.key) {
        None => vec![unnamed()],
        Some(acks) => run(acks, share.seqs),
    });
    each.collect()
}

/// No Ack at all: OK for everything. Replies beside the Acks are those to a single event: whoever sent them saw no second
/// one, and is asked again for each by itself.
fn as_a_whole(response: &v1::DeliverResponse, share: &Share<'_>) -> Vec<Outcome> {
    if response.replies.is_empty() {
        return vec![Outcome::Taken(Answer::default()); share.seqs.len()];
    }
    vec![Outcome::Again {
        after: Some(0),
        why: "the core replied to several events as if they were one".into(),
    }]
}

/// Each Ack speaks of what the one before it left, up to its `through_seq`, and without that of one event: who wrote it may
/// not have looked for a second one. What is not OK is said of the first of these, and of nothing behind it; no
/// `through_seq` makes it unsaid.
fn run(acks: Vec<v1::Ack>, seqs: &[u32]) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(seqs.len());
    let mut after = None;
    for mut ack in acks {
        let left = seqs.get(outcomes.len()..).unwrap_or_default();
        if left.is_empty() {
            stray(&mut outcomes, ack.replies);
            continue;
        }
        let covered = match (ack.outcome(), ack.through_seq) {
            (Says::Ok, 0) => 1,
            (Says::Ok, through) => left.partition_point(|seq| *seq <= through),
            (Says::Retry | Says::Park, _) => 1,
        };
        after = wait(&ack);
        let Some(last) = covered.checked_sub(1) else {
            stray(&mut outcomes, ack.replies);
            continue;
        };
        let replies = std::mem::take(&mut ack.replies).into_iter().map(Ok).collect();
        match judge(&ack, replies, left[last]) {
            taken @ Outcome::Taken(_) => {
                outcomes.extend((0..last).map(|_| Outcome::Taken(Answer::default())));
                outcomes.push(taken);
            }
            not => {
                outcomes.push(not);
                return outcomes;
            }
        }
    }
    if outcomes.len() < seqs.len() {
        outcomes.push(Outcome::Again {
            after,
            why: "the core answered OK for earlier events only".into(),
        });
    }
    outcomes
}

/// Replies in an Ack of what earlier ones took already: said as those to the last of it.
fn stray(outcomes: &mut [Outcome], replies: Vec<v1::SendRequest>) {
    if let Some(Outcome::Taken(answer)) = outcomes.last_mut() {
        answer.replies.extend(replies.into_iter().map(Ok));
    }
}

/// The core acknowledged, but not this conversation.
fn unnamed() -> Outcome {
    Outcome::Again {
        after: None,
        why: "the core answered for other conversations only".into(),
    }
}

/// Anything but OK: whose fault is it?
pub fn refused(status: &Status) -> Outcome {
    if let Some(outcome) = unanswered(status) {
        return outcome;
    }
    let after = rest(status);
    let why = match status.message() {
        "" => format!("the core answered {}", name(status.code())),
        message => {
            let message: String = message.chars().take(REASON_MAX).collect();
            format!("the core answered {}: {message}", name(status.code()))
        }
    };
    match status.code() {
        Code::InvalidArgument => Outcome::Refused { after, why },
        _ if is_too_large(status) => Outcome::Refused { after, why },
        Code::AlreadyExists => Outcome::Taken(Answer::default()),
        Code::ResourceExhausted | Code::Unavailable => Outcome::Slow { after, why },
        Code::Unauthenticated | Code::PermissionDenied | Code::NotFound | Code::Unimplemented => {
            Outcome::Down { after, why }
        }
        _ => Outcome::Failed { after, why },
    }
}

/// How the libraries of servers begin when they take no message of this size. In lower case.
const TOO_LARGE: &[&str] = &[
    // grpc-core (C++, Python, Ruby), of late with whose limit it is before it; a core's own calls say "CLIENT: ".
    "server: received message larger than max (",
    // grpc-core before that, grpc-js.
    "received message larger than max (",
    // grpc-go.
    "grpc: received message larger than max (",
    // grpc-java, Kotlin.
    "grpc message exceeds maximum size ",
    // grpc-dotnet.
    "received message exceeds the maximum configured message size",
    // grpc-swift.
    "message has exceeded the configured maximum payload size",
];
/// connect-go and connect-es: "message size 5 is larger than configured max 4", "… readMaxBytes 4".
const TOO_LARGE_CONNECT: (&str, &str) = ("message size ", " is larger than configured ");
/// tonic, of late and before.
const TOO_LONG: [&str; 2] = [
    "error, decoded message length too large: found ",
    "error, message length too large: found ",
];

/// The core's library took no message of this size: 413, whatever code it chose. Its very words are all that tells this
/// from a core that wants less, and that must park nothing.
fn is_too_large(status: &Status) -> bool {
    let said = status.message().to_ascii_lowercase();
    let begins = |with: &[&str]| with.iter().any(|begin| said.starts_with(begin));
    match status.code() {
        Code::ResourceExhausted => {
            let (before, behind) = TOO_LARGE_CONNECT;
            begins(TOO_LARGE) || (said.starts_with(before) && said.contains(behind))
        }
        Code::OutOfRange => begins(&TOO_LONG),
        _ => false,
    }
}

/// The core said so itself.
pub fn was_said(status: &Status) -> bool {
    status.source().is_none()
}

/// A status that was made on this side, because none came: nobody there is the core's fault, silence may be the event's.
fn unanswered(status: &Status) -> Option<Outcome> {
    let source = status.source()?;
    let after = None;
    Some(match source.downcast_ref::<Silence>() {
        Some(silence @ Silence::Unconnected(_)) => Outcome::Down {
            after,
            why: silence.to_string(),
        },
        Some(silence) => Outcome::Failed {
            after,
            why: silence.to_string(),
        },
        None => Outcome::Failed {
            after,
            why: format!("no complete answer: {}", chain(status)),
        },
    })
}

/// How long the core wants to be left alone: google.rpc.RetryInfo among the details.
fn rest(status: &Status) -> Option<Millis> {
    let wait = rpc::retry_delay(status.details())?;
    let millis = wait.seconds.saturating_mul(1000);
    Some(millis.saturating_add(i64::from(wait.nanos) / 1_000_000).max(0))
}

/// The status as gRPC's own list writes it.
pub fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use pbjson_types::Duration;
    use prost::Message as _;

    use super::*;

    #[test]
    fn a_rest_beyond_all_measure_is_long_and_one_below_nothing_is_none() {
        let asked = |seconds, nanos| {
            let wish = rpc::RetryInfo {
                retry_delay: Some(Duration { seconds, nanos }),
            };
            let whole = rpc::Status {
                details: vec![rpc::Detail::of("google.rpc.RetryInfo", &wish)],
                ..Default::default()
            };
            let details = whole.encode_to_vec().into();
            refused(&Status::with_details(Code::Unavailable, "busy", details)).after()
        };
        assert_eq!(asked(2, 500_000_000), Some(2_500));
        assert_eq!(asked(i64::MAX, i32::MAX), Some(Millis::MAX));
        assert_eq!(asked(i64::MIN, i32::MIN), Some(0));
    }
}
