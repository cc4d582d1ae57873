//! Do media go by their id, as links, or not at all, and is each file looked at before it goes up?

use super::*;

#[test]
fn media_on_the_platform_go_as_themselves() {
    check(
        part(Content::Image(media("M", ""))),
        BOTH,
        &[json!({"msgtype":"image","image":{"media_id":"M"}})],
        &[],
    );
    check(
        part(Content::Voice(media("M", ""))),
        BOTH,
        &[json!({"msgtype":"voice","voice":{"media_id":"M"}})],
        &[],
    );
    let video = Media {
        name: "T".into(),
        caption: "D".into(),
        thumb_handle: "P".into(),
        ..media("M", "")
    };
    let body = json!({"media_id":"M","title":"T","description":"D","thumb_media_id":"P"});
    check(
        part(Content::Video(video)),
        BOTH,
        &[json!({"msgtype":"video","video":body})],
        &[],
    );
}

#[test]
fn media_elsewhere_become_links_and_files_always_do() {
    let url = "https://x/a.pdf";
    let named = Media {
        name: "a.pdf".into(),
        ..media("ignored", url)
    };
    check(
        part(Content::File(named)),
        BOTH,
        &[news("a.pdf", "", url, "")],
        &["file>link"],
    );
    check(
        part(Content::Image(media("", url))),
        API,
        &[news("[图片]", "", url, url)],
        &["image>link"],
    );
    check(
        part(Content::Voice(media("", url))),
        PASSIVE,
        &[news("[语音]", "", url, "")],
        &["voice>link"],
    );
    check(
        part(Content::Video(media("", url))),
        API,
        &[news("[视频]", "", url, "")],
        &["video>link"],
    );
}

#[test]
fn media_that_are_nowhere_are_refused_with_the_reason() {
    let handle = Media {
        handle: "h".into(),
        ..Default::default()
    };
    let large = Media {
        state: v1::media::State::TooLarge.into(),
        ..handle.clone()
    };
    assert_eq!(
        refused(&say(vec![part(Content::Image(handle))]), API),
        Code::MediaExpired
    );
    assert_eq!(
        refused(&say(vec![part(Content::Image(large))]), API),
        Code::MediaTooLarge
    );
    assert_eq!(
        refused(&say(vec![part(Content::Image(media("", "javascript:x")))]), API),
        Code::InvalidRequest
    );
    assert_eq!(
        refused(&say(vec![part(Content::File(Media::default()))]), API),
        Code::UnsupportedPart
    );
}

#[test]
fn a_gif_never_rides_passively() {
    let gif = Media {
        mime: "image/gif".into(),
        ..media("M", "https://x/a.gif")
    };
    let piece = &rendered(part(Content::Image(gif.clone())), BOTH).pieces[0];
    assert_eq!(xml(piece, true), None);
    assert_eq!(
        sent(piece).1,
        r#"{"touser":"oUser","msgtype":"image","image":{"media_id":"M"}}"#
    );
    assert_eq!(shown(part(Content::Image(gif)), PASSIVE).1, ["image>link"]);
}

#[test]
fn a_caption_is_a_text_of_its_own_or_left_out() {
    let captioned = part(Content::Image(Media {
        caption: "see".into(),
        ..media("M", "")
    }));
    let (bodies, lost) = shown(captioned.clone(), API);
    assert_eq!((bodies.len(), lost), (2, vec!["caption>text".to_owned()]));
    let (bodies, lost) = shown(captioned, PASSIVE);
    assert_eq!((bodies.len(), lost), (1, vec!["caption>".to_owned()]));
}

#[test]
fn music_needs_a_thumbnail() {
    let song = Music {
        title: "T".into(),
        description: "D".into(),
        url: "https://x/a.mp3".into(),
        hq_url: String::new(),
        thumb_handle: "P".into(),
    };
    let body = json!({"title":"T","description":"D","musicurl":"https://x/a.mp3","hqmusicurl":"https://x/a.mp3","thumb_media_id":"P"});
    check(
        part(Content::Music(song.clone())),
        BOTH,
        &[json!({"msgtype":"music","music":body})],
        &[],
    );
    let bare = Music {
        thumb_handle: String::new(),
        ..song
    };
    check(
        part(Content::Music(bare)),
        API,
        &[news("T", "D", "https://x/a.mp3", "")],
        &["music>link"],
    );
}

fn file(kind: &'static str, name: &str, mime: &str, size: usize) -> Upload {
    Upload {
        kind,
        name: name.into(),
        mime: mime.into(),
        bytes: vec![1; size],
    }
}

#[test]
fn a_file_is_checked_before_it_is_uploaded() {
    let call = upload(&file("image", "../a\"b.PNG", "image/png; x=1", 10)).expect("fits");
    assert_eq!(
        (call.path, call.query),
        ("/cgi-bin/media/upload", vec![("type", "image".to_owned())])
    );
    assert!(matches!(call.body, CallBody::File { name, mime, .. } if name == "ab.PNG" && mime == "image/png"));
    let named = |upload_name: &str| match upload(&file("voice", upload_name, "audio/mpeg", 1)).expect("fits").body {
        CallBody::File { name, .. } => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(named(""), "media.mp3");
    assert_eq!(named("a.bin"), "a.bin.mp3");
    for (bad, code) in [
        (file("image", "a", "image/webp", 1), Code::UnsupportedPart),
        (file("file", "a", "application/pdf", 1), Code::UnsupportedPart),
        (file("thumb", "a", "image/jpeg", (64 << 10) + 1), Code::MediaTooLarge),
        (file("image", "a", "image/jpeg", 0), Code::InvalidRequest),
    ] {
        assert_eq!(upload(&bad).expect_err("refused").code, code);
    }
}

proptest! {
    #[test]
    fn whatever_a_core_says_fits_and_can_be_read(body in "(\\PC|\n|<a href=\"https://x\">|</a>|<br>|]]>|&amp;){0,400}", format in 0i32..3, both in any::<bool>()) {
        let part = part(Content::Text(Text { body, format }));
        let roads = if both { BOTH } else { PASSIVE };
        let Ok(it) = pieces(&settings(), &say(vec![part]), roads) else { return Ok(()) };
        for piece in &it.pieces {
            let (_, json) = sent(piece);
            let value: Value = serde_json::from_str(&json).expect("JSON");
            prop_assert!(value["text"]["content"].as_str().is_some_and(|text| text.len() <= 2048));
            prop_assert!(!json.replace("\\\\", "").contains("\\u"), "{json}");
            let xml = xml(piece, true).expect("rides");
            let mut reader = quick_xml::Reader::from_str(&xml);
            loop {
                match reader.read_event() {
                    Ok(quick_xml::events::Event::Eof) => break,
                    Ok(_) => {}
                    Err(error) => prop_assert!(false, "{error}: {xml}"),
                }
            }
        }
    }
}
