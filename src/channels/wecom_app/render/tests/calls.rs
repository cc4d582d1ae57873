//! Is each call what WeCom's pages show, whatever is in it?

use super::*;

#[test]
fn bodies_are_raw_utf8_without_escapes() {
    let pieces = pieces(&settings(), &say(vec![text("好\u{1}的")]), API).expect("rendered");
    let CallBody::Json(body) = call(&settings(), &pieces.pieces[0], "li.si").body else {
        panic!("JSON")
    };
    let body = String::from_utf8(body).expect("UTF-8");
    assert_eq!(
        body,
        r#"{"touser":"li.si","agentid":1000012,"msgtype":"text","text":{"content":"好的"}}"#
    );
}

#[test]
fn a_message_is_taken_back_by_the_platforms_id() {
    let call = recall("vcT8-1").expect("an id");
    assert_eq!(
        (call.path, body_of(&call)),
        ("/cgi-bin/message/recall", json!({ "msgid": "vcT8-1" }))
    );
    assert!(recall("").is_none());
}

#[test]
fn files_that_the_platform_does_not_take_are_refused_before_the_call() {
    let file = |kind: &'static str, mime: &str, size: usize| Upload {
        kind,
        name: "a.bin".into(),
        mime: mime.into(),
        bytes: vec![1; size],
    };
    let code = |file: &Upload| upload(file).map(|_| ()).map_err(|fault| fault.code);
    assert_eq!(code(&file("image", "image/png", 6)), Ok(()));
    assert_eq!(code(&file("file", "application/pdf", 6)), Ok(()));
    assert_eq!(code(&file("image", "image/gif", 6)), Err(Code::UnsupportedPart));
    assert_eq!(code(&file("voice", "audio/mpeg", 6)), Err(Code::UnsupportedPart));
    assert_eq!(code(&file("thumb", "image/png", 6)), Err(Code::UnsupportedPart));
    assert_eq!(code(&file("file", "text/plain", 5)), Err(Code::UnsupportedPart));
    assert_eq!(
        code(&file("voice", "audio/amr", (2 << 20) + 1)),
        Err(Code::MediaTooLarge)
    );
    let named = upload(&Upload {
        name: "报价.pdf".into(),
        ..file("file", "application/pdf", 9)
    })
    .expect("lawful");
    assert!(matches!(named.body, CallBody::File { name, .. } if name == "报价.pdf"));
}

proptest! {
    #[test]
    fn whatever_a_core_says_ends_in_lawful_bodies(words in "\\PC{0,60}", task in "\\PC{0,20}", passive_road in any::<bool>()) {
        let roads = Roads { passive: passive_road, api: !passive_road, after_event: false };
        let menu = Menu { head: words.clone(), actions: vec![action(&task, &words, None)], tail: words.clone() };
        let it = Card { title: words.clone(), description: task.clone(), web_url: words.clone(), ..Default::default() };
        for content in [Content::Menu(menu), Content::Card(it)] {
            let Ok(rendered) = pieces(&settings(), &say(vec![part(content)]), roads) else { continue };
            for piece in &rendered.pieces {
                body_of(&call(&settings(), piece, &words));
                if let Some(xml) = passive(piece, &to_message(), 0) {
                    crate::envelope::parse(&xml).expect("well-formed");
                }
            }
        }
        let piece = Piece { part_type: "text", native: json!({ words.as_str(): task }), passive_only: false };
        body_of(&call(&settings(), &piece, &words));
    }
}
