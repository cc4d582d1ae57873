//! How is a set of entry parameters given a short name?

use serde_json::json;

use crate::{
    error::Code,
    ports::{chance::Chance, clock::Millis, store::RecordWrite},
    schema::{
        Timestamp,
        v1::{CreateEntryResponse, Entry},
    },
    web::{Answer, Problem, State},
};

const SPACE: &str = "entries";
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 10;
const MAX_LENGTH: usize = 24;

/// Keeps it under the token asked for, or under one that is free.
pub async fn create(
    state: &State,
    entry: &Entry,
    wanted: Option<String>,
    expires: Option<Millis>,
) -> Answer<CreateEntryResponse> {
    if expires.is_some_and(|at| at <= state.clock.now()) {
        return Err(Problem::invalid("expires is in the past"));
    }
    if let Some(fault) = crate::entry::fault(entry) {
        return Err(Problem::invalid(fault));
    }
    let value = serde_json::to_vec(&json!({ "entry": entry, "expires": expires }))
        .map_err(|error| Problem::invalid(format!("the entry cannot be kept: {error}")))?;
    let token = match wanted {
        Some(token) => asked_for(state, token, value).await?,
        None => random(state, value).await?,
    };
    let expires = expires.map(Timestamp::from_millis);
    Ok(CreateEntryResponse { token, expires })
}

async fn asked_for(state: &State, token: String, value: Vec<u8>) -> Answer<String> {
    let lawful = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if token.is_empty() || token.len() > MAX_LENGTH || !token.bytes().all(lawful) {
        return Err(Problem::invalid(format!(
            "token is {token:?}, expected 1 to {MAX_LENGTH} of [0-9A-Za-z_-]"
        )));
    }
    if keep(state, &token, &value).await? || state.store.record(SPACE, &token).await?.as_deref() == Some(&value) {
        return Ok(token);
    }
    Err(Problem::new(
        Code::IdempotencyConflict,
        format!("the token {token} is taken by another entry"),
    )
    .helped(
        "Ask for another token, or for none: then one is made.",
        "请换一个 token；不指定时由系统生成。",
    ))
}

async fn random(state: &State, value: Vec<u8>) -> Answer<String> {
    // 62^10 names: a second try is already rare.
    for _ in 0..8 {
        let token = random_token(state.chance.as_ref());
        if keep(state, &token, &value).await? {
            return Ok(token);
        }
    }
    Err(Problem::new(Code::Overloaded, "no free token was found"))
}

async fn keep(state: &State, token: &str, value: &[u8]) -> Answer<bool> {
    let create = RecordWrite::Create {
        space: SPACE,
        key: token.to_owned(),
        value: value.to_vec(),
    };
    Ok(state.store.write_records(vec![create]).await?)
}

fn random_token(chance: &dyn Chance) -> String {
    let mut token = String::with_capacity(LENGTH);
    while token.len() < LENGTH {
        let mut byte = [0];
        chance.fill(&mut byte);
        // 248 = 4 × 62: what lies above would make the first letters likelier.
        if byte[0] < 248 {
            token.push(char::from(LETTERS[usize::from(byte[0] % 62)]));
        }
    }
    token
}
