//! How is a file fetched that a customer sent? One GET, whose answer is the file, a refusal, or where a video lies.
//!
//! <https://developers.weixin.qq.com/doc/subscription/api/material/temporary/api_getmedia.html>. The old page adds
//! `media/get/jssdk`, which is for recordings of web pages and not for voices of a chat.

use serde_json::Value;

use super::{
    answers::{self, Reading},
    codes::Table,
};
use crate::{
    channels::contract::{Downloaded, Verdict},
    ports::platform::{Answer, Call, CallBody, Method},
};

const PATH: &str = "/cgi-bin/media/get";

/// Asks for a file.
pub fn call(media_id: &str) -> Call {
    Call {
        method: Method::Get,
        path: PATH,
        query: vec![("media_id", media_id.to_owned())],
        body: CallBody::Empty,
    }
}

/// A video's answer is `{"video_url":"http://…"}`.
pub fn read(table: Table, answer: &Answer) -> Downloaded {
    if let Reading::Ok(body) | Reading::NoCode(body) = answers::read(answer) {
        let url = body.get("video_url").and_then(Value::as_str).unwrap_or_default();
        return match url {
            "" => Downloaded::File,
            url => Downloaded::At(url.to_owned()),
        };
    }
    match answers::judge(table, false, answer) {
        Verdict::Done { .. } => Downloaded::File,
        refused => Downloaded::Refused(refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::official_account::codes::TABLE;

    #[test]
    fn a_short_answer_is_a_file_a_place_or_a_refusal() {
        let read = |status, body| read(TABLE, &Answer::json(status, body));
        assert_eq!(
            read(200, r#"{"video_url":"http://v.example/1.mp4"}"#),
            Downloaded::At("http://v.example/1.mp4".into())
        );
        assert_eq!(read(200, r#"{"a":1}"#), Downloaded::File, "a customer's own JSON");
        assert!(matches!(
            read(200, r#"{"errcode":40007,"errmsg":"invalid media_id"}"#),
            Downloaded::Refused(Verdict::UploadAgain(_))
        ));
        assert!(matches!(
            read(200, r#"{"errcode":40001,"errmsg":"invalid credential"}"#),
            Downloaded::Refused(Verdict::RefreshToken(_))
        ));
        assert!(matches!(
            read(502, "<html>"),
            Downloaded::Refused(Verdict::RetryLater(_))
        ));
        assert!(matches!(read(404, ""), Downloaded::Refused(_)));
    }
}
