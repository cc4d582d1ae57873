//! How do a company's files come and go? Sizes and kinds on the way in, three days, then 40007; shared by all
//! applications of the company (/document/path/90253, /document/path/90254).

use serde_json::{Value, json};

use crate::sim::{
    door::{Answer, Request},
    refusal::Refusal,
    wire::{file, multipart},
    world::World,
};

const MIB: usize = 1024 * 1024;
const LEAST: usize = 5;

fn corp(world: &World, id: &str) -> Result<String, Refusal> {
    let agent = world.agents.get(id).ok_or_else(|| Refusal::code(40014))?;
    Ok(agent.corp_id.clone())
}

/// `POST /cgi-bin/media/upload`.
pub fn upload(world: &mut World, id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    if call.method != "POST" {
        return Err(Refusal::code(43002));
    }
    let kind = call.param("type").unwrap_or_default();
    let (most, kinds, too_large): (_, &[&str], _) = match kind {
        "image" => (10 * MIB, &["png", "jpg"], 40009),
        "voice" => (2 * MIB, &["amr"], 40010),
        "video" => (10 * MIB, &["mp4"], 40011),
        "file" => (20 * MIB, &[], 40006),
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
    if part.bytes.len() <= LEAST {
        return Err(Refusal::new(40006, "invalid file size"));
    }
    if part.bytes.len() > most {
        return Err(Refusal::code(too_large));
    }
    let found = file::kind(part.bytes);
    let mime = match found {
        Some((extension, mime)) if kinds.is_empty() || kinds.contains(&extension) => mime,
        None if kinds.is_empty() => "application/octet-stream",
        _ => return Err(Refusal::code(40005)),
    };
    let corp = corp(world, id)?;
    let media_id = call.platform.letters(64);
    let label = (name, mime.to_owned());
    world.keep(media_id.clone(), &corp, kind, label, part.bytes.to_vec());
    // A string here, a number on the other host.
    let created_at = (world.now() / 1000).to_string();
    Ok(json!({ "errcode": 0, "errmsg": "", "type": kind, "media_id": media_id, "created_at": created_at }))
}

/// `GET /cgi-bin/media/get`.
pub fn download(world: &World, id: &str, call: &Request<'_>) -> Result<Answer, Refusal> {
    let corp = corp(world, id)?;
    let media_id = call.param("media_id").ok_or_else(|| Refusal::code(41006))?;
    let medium = world.medium(&corp, media_id).ok_or_else(|| Refusal::code(40007))?;
    Ok(Answer::File {
        name: medium.name.replace(['"', '\r', '\n'], "_"),
        mime: medium.mime.clone(),
        bytes: medium.bytes.clone(),
    })
}
