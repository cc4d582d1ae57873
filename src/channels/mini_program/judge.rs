//! What does an answer of the platform mean for the message that caused it?

use super::codes::TABLE;
use crate::{
    channels::{
        common::{
            answers,
            render::send::{SEND_PATH, TYPING_PATH},
        },
        contract::Verdict,
    },
    ports::platform::{Answer, Call},
};

/// Judges the answer to any call.
pub fn judge(call: &Call, answer: &Answer) -> Verdict {
    let sends = call.path == SEND_PATH;
    let verdict = answers::swallow(harmless(call.path), answers::judge(TABLE, sends, answer));
    match verdict {
        // What is refused elsewhere says nothing about sending.
        Verdict::Failed { error, .. } if !sends => Verdict::Failed { error, learned: None },
        other => other,
    }
}

/// The typing sign is a courtesy.
/// <https://developers.weixin.qq.com/miniprogram/dev/server/API/kf-mgnt/kf-message/api_setTyping.html>
fn harmless(path: &str) -> &'static [i32] {
    match path {
        TYPING_PATH => &[45080, 45081, 40200],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        channels::contract::Learned,
        ports::platform::{CallBody, Method},
    };

    fn refused(path: &'static str, code: i64) -> Verdict {
        let call = Call {
            method: Method::Post,
            path,
            query: Vec::new(),
            body: CallBody::Empty,
        };
        let answer = Answer::json(200, format!(r#"{{"errcode":{code},"errmsg":"x rid: 1"}}"#));
        judge(&call, &answer)
    }

    #[test]
    fn the_windows_of_the_platform_teach_and_a_dead_token_is_refreshed() {
        for (code, ours, learned) in [
            (45015, "WINDOW_CLOSED", Some(Learned::WindowClosed)),
            (45047, "QUOTA_EXHAUSTED", Some(Learned::QuotaExhausted)),
            (40003, "RECIPIENT_UNKNOWN", None),
            (45094, "NOT_ENTITLED", None),
        ] {
            let Verdict::Failed { error, learned: found } = refused(SEND_PATH, code) else {
                panic!("{code} is final")
            };
            assert_eq!((error.code.as_str(), found), (ours, learned), "{code}");
        }
        assert!(matches!(refused(SEND_PATH, 42001), Verdict::RefreshToken(_)));
        assert!(matches!(refused(SEND_PATH, 40007), Verdict::UploadAgain(_)));
        assert!(matches!(refused(SEND_PATH, -1), Verdict::RetryLater(_)));
    }

    #[test]
    fn a_typing_sign_that_cannot_be_shown_is_no_failure() {
        assert_eq!(refused(TYPING_PATH, 45081), Verdict::Done { message_id: None });
        assert!(matches!(refused(TYPING_PATH, 45015), Verdict::Failed { .. }));
    }

    #[test]
    fn what_is_refused_elsewhere_says_nothing_of_sending() {
        for path in [TYPING_PATH, "/cgi-bin/media/upload"] {
            for code in [48001, 45015, 45047, 61007] {
                let verdict = refused(path, code);
                assert!(
                    matches!(verdict, Verdict::Failed { learned: None, .. }),
                    "{path}: {verdict:?}"
                );
            }
        }
    }
}
