//! How do files come and go? Temporary media: sizes and kinds on the way in, three days, then 40007
//! (/doc/subscription/api/material/temporary/).

use serde_json::{Value, json};

use crate::sim::{
    door::{Answer, Request},
    refusal::Refusal,
    wire::{file, multipart},
    world::{Channel, World},
};

const MIB: usize = 1024 * 1024;

/// `POST /cgi-bin/media/upload`.
pub fn upload(world: &mut World, app_id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    if call.method != "POST" {
        return Err(Refusal::code(43002));
    }
    let kind = call.param("type").unwrap_or_default();
    let of_mini_program = world
        .accounts
        .get(app_id)
        .is_some_and(|account| account.channel == Channel::MiniProgram);
    if of_mini_program && kind != "image" {
        return Err(Refusal::code(40004));
    }
    let (most, kinds, too_large): (_, &[&str], _) = match kind {
        "image" => (10 * MIB, &["png", "jpg", "gif"], 40009),
        "voice" => (2 * MIB, &["amr", "mp3"], 40010),
        "video" => (10 * MIB, &["mp4"], 40011),
        "thumb" => (64 * 1024, &["jpg"], 40012),
        _ => return Err(Refusal::code(40004)),
    };
    let parts = multipart::parts(call.content_type, call.body).ok_or_else(|| Refusal::code(41005))?;
    let part = parts
        .iter()
        .find(|part| part.name == "media")
        .ok_or_else(|| Refusal::code(41005))?;
    let name = part.file_name.clone().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Refusal::code(41005))?;
    if part.bytes.is_empty() {
        return Err(Refusal::code(44001));
    }
    if part.bytes.len() > most {
        return Err(Refusal::code(too_large));
    }
    let (extension, mime) = file::kind(part.bytes).ok_or_else(|| Refusal::code(40005))?;
    if !kinds.contains(&extension) {
        return Err(Refusal::code(40005));
    }
    let id = call.platform.letters(64);
    world.keep(id.clone(), app_id, kind, (name, mime.to_owned()), part.bytes.to_vec());
    Ok(json!({ "type": kind, "media_id": id, "created_at": world.now() / 1000 }))
}

/// `GET /cgi-bin/media/get`: the bytes, or for a video where to fetch them.
pub fn download(world: &World, app_id: &str, call: &Request<'_>) -> Result<Answer, Refusal> {
    let id = call.param("media_id").ok_or_else(|| Refusal::code(41006))?;
    let medium = world.medium(app_id, id).ok_or_else(|| Refusal::code(40007))?;
    if medium.kind == "video" {
        let url = format!("{}/sim/v1/media/{id}", call.platform.base());
        return Ok(Answer::Json(json!({ "video_url": url })));
    }
    Ok(Answer::File {
        name: medium.name.replace(['"', '\r', '\n'], "_"),
        mime: medium.mime.clone(),
        bytes: medium.bytes.clone(),
    })
}
