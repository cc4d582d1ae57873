//! Does each kind of part become what the platform's pages show?

use serde_json::{Value, json};

use super::*;
use crate::ports::platform::CallBody;
use crate::schema::v1::{
    Action, Articles, Card, KeyValue, Link, Media, Menu, MiniProgramCard, Part, Quote, Text, TransferToPlatform,
    action::Kind, part::Content, send_request::Degrade, text::Format,
};

const API: Roads = Roads {
    passive: false,
    api: true,
    after_event: false,
};
const BOTH: Roads = Roads {
    passive: true,
    api: true,
    after_event: false,
};

fn settings() -> AccountSettings {
    AccountSettings {
        app_id: "wx1".into(),
        ..Default::default()
    }
}

fn say(content: Content) -> Say {
    let parts = vec![Part {
        content: Some(content),
        ..Default::default()
    }];
    Say {
        what: What::Parts { parts, quote: None },
        ..Default::default()
    }
}

fn check(content: Content, bodies: &[Value], lost: &[&str]) {
    let it = pieces(&settings(), &say(content), API).expect("renders");
    let natives: Vec<Value> = it.pieces.into_iter().map(|piece| piece.native).collect();
    let losses = it.degradations.iter();
    let losses: Vec<String> = losses.map(|it| format!("{}>{}", it.from_type, it.to_type)).collect();
    assert_eq!(natives, bodies);
    assert_eq!(losses, lost);
}

fn refused(content: Content) -> Code {
    pieces(&settings(), &say(content), API).expect_err("refused").code
}

fn words(content: &str) -> Value {
    json!({ "msgtype": "text", "text": { "content": content } })
}

fn link(title: &str, description: &str, url: &str, picture: &str) -> Value {
    let mut link = json!({ "title": title, "description": description, "url": url });
    if !picture.is_empty() {
        link["thumb_url"] = picture.into();
    }
    json!({ "msgtype": "link", "link": link })
}

fn text(body: &str) -> Content {
    Content::Text(Text {
        body: body.into(),
        format: Format::Plain.into(),
    })
}

fn page_of(appid: &str, thumb: &str) -> MiniProgramCard {
    MiniProgramCard {
        appid: appid.into(),
        page_path: "pages/order?id=88".into(),
        title: "Order".into(),
        thumb_handle: thumb.into(),
        ..Default::default()
    }
}

fn medium(url: &str, id: &str) -> Media {
    Media {
        url: url.into(),
        platform_media_id: id.into(),
        name: "a.pdf".into(),
        ..Default::default()
    }
}

#[test]
fn the_four_kinds_have_the_form_of_the_page() {
    check(text("Yes, please."), &[words("Yes, please.")], &[]);
    check(
        Content::Image(medium("", "M")),
        &[json!({ "msgtype": "image", "image": { "media_id": "M" } })],
        &[],
    );
    check(
        Content::Link(Link {
            title: "Guide".into(),
            description: "Step by step".into(),
            url: "https://example.org/g".into(),
            image_url: "https://example.org/g.jpg".into(),
            ..Default::default()
        }),
        &[link(
            "Guide",
            "Step by step",
            "https://example.org/g",
            "https://example.org/g.jpg",
        )],
        &[],
    );
    check(
        Content::MiniProgram(page_of("wx1", "T")),
        &[
            json!({ "msgtype": "miniprogrampage", "miniprogrampage": { "title": "Order", "pagepath": "pages/order?id=88", "thumb_media_id": "T" } }),
        ],
        &[],
    );
}

#[test]
fn a_message_goes_to_its_recipient_and_a_sign_by_its_own_call() {
    let piece = &pieces(&settings(), &say(text("a\r\nb")), API).expect("renders").pieces[0];
    let sent = call(piece, "oUser");
    let CallBody::Json(body) = &sent.body else {
        panic!("JSON")
    };
    assert_eq!(sent.path, "/cgi-bin/message/custom/send");
    assert_eq!(
        String::from_utf8_lossy(body),
        r#"{"touser":"oUser","msgtype":"text","text":{"content":"a\nb"}}"#
    );
    let typing = Say {
        what: What::Typing,
        ..Default::default()
    };
    let sign = call(&pieces(&settings(), &typing, API).expect("renders").pieces[0], "oUser");
    let CallBody::Json(body) = &sign.body else {
        panic!("JSON")
    };
    assert_eq!(sign.path, "/cgi-bin/message/custom/typing");
    assert_eq!(
        String::from_utf8_lossy(body),
        r#"{"touser":"oUser","command":"Typing"}"#
    );
}

#[test]
fn media_that_the_platform_does_not_send_become_links() {
    let url = "https://m.example/a.pdf";
    for (content, lost) in [
        (Content::Voice(medium(url, "")), "voice>link"),
        (Content::Video(medium(url, "")), "video>link"),
        (Content::File(medium(url, "")), "file>link"),
    ] {
        check(content, &[link("a.pdf", "", url, "")], &[lost]);
    }
    check(
        Content::Image(medium(url, "")),
        &[link("a.pdf", "", url, url)],
        &["image>link"],
    );
    assert_eq!(refused(Content::Voice(medium("", "M"))), Code::InvalidRequest);
    let strict = Say {
        degrade: Degrade::Refuse,
        ..say(Content::File(medium(url, "")))
    };
    let refusal = pieces(&settings(), &strict, API).expect_err("refused");
    assert_eq!(refusal.code, Code::UnsupportedPart);
}

#[test]
fn a_page_needs_a_thumbnail_and_must_be_our_own() {
    check(
        Content::MiniProgram(page_of("", "")),
        &[words(
            r#"<a data-miniprogram-appid="wx1" data-miniprogram-path="pages/order?id=88">Order</a>"#,
        )],
        &["mini_program>text"],
    );
    check(
        Content::MiniProgram(page_of("wxother", "T")),
        &[words("Order")],
        &["mini_program>text"],
    );
}

fn card_of(mini: Option<MiniProgramCard>, web: &str) -> Card {
    Card {
        title: "Kettle".into(),
        facts: vec![KeyValue {
            key: "Price".into(),
            value: "9".into(),
            ..Default::default()
        }],
        web_url: web.into(),
        mini_program: mini,
        actions: vec![Action {
            id: "b1".into(),
            label: "Buy".into(),
            kind: Some(Kind::MiniProgram(page_of("", ""))),
            web_fallback_url: "https://shop.example".into(),
        }],
        ..Default::default()
    }
}

#[test]
fn a_card_shows_its_own_page_then_its_web_link_then_words() {
    let buy = r#"<a href="https://shop.example" data-miniprogram-appid="wx1" data-miniprogram-path="pages/order?id=88">Buy</a>"#;
    check(
        Content::Card(card_of(Some(page_of("wx1", "T")), "https://shop.example/k")),
        &[
            json!({ "msgtype": "miniprogrampage", "miniprogrampage": { "title": "Kettle", "pagepath": "pages/order?id=88", "thumb_media_id": "T" } }),
            words(&format!("Price: 9\n{buy}")),
        ],
        &["card>text"],
    );
    check(
        Content::Card(card_of(Some(page_of("wxother", "T")), "https://shop.example/k")),
        &[link("Kettle", "Price: 9", "https://shop.example/k", ""), words(buy)],
        &["mini_program>link", "card>text"],
    );
    check(
        Content::Card(card_of(None, "")),
        &[words(&format!("Kettle\nPrice: 9\n{buy}"))],
        &["card>text"],
    );
}

#[test]
fn a_refused_page_is_said_by_its_web_link() {
    let card = say(Content::Card(card_of(
        Some(page_of("wx1", "T")),
        "https://shop.example/k",
    )));
    let error = v1::Error {
        platform_code: 41030,
        ..Default::default()
    };
    let (other, told) = instead(&card, &error).expect("there is a web link");
    assert_eq!(told.to_type, "link");
    let first = &pieces(&settings(), &other, API).expect("renders").pieces[0];
    assert_eq!(first.native["msgtype"], "link");
    assert!(instead(&say(text("a")), &error).is_none());
}

#[test]
fn choices_are_links_that_answer() {
    let menu = Menu {
        head: "How was it?".into(),
        actions: vec![
            Action {
                id: "1".into(),
                label: "Good".into(),
                ..Default::default()
            },
            Action {
                id: "2".into(),
                label: "Shop".into(),
                kind: Some(Kind::MiniProgram(page_of("wxother", ""))),
                web_fallback_url: "https://shop.example".into(),
            },
        ],
        tail: "Thanks".into(),
    };
    let shown = "How was it?\n\
        <a href=\"weixin://bizmsgmenu?msgmenucontent=Good&msgmenuid=1\">Good</a>\n\
        <a href=\"https://shop.example\">Shop</a>\nThanks";
    check(
        Content::Menu(menu),
        &[words(shown)],
        &["mini_program>link", "menu>text"],
    );
}

#[test]
fn articles_are_a_link_or_a_text_with_links() {
    let item = |title: &str| Link {
        url: format!("https://a.example/{title}"),
        title: title.into(),
        ..Default::default()
    };
    let of = |items| Content::Articles(Articles { items });
    check(
        of(vec![item("a")]),
        &[link("a", "", "https://a.example/a", "")],
        &["articles>link"],
    );
    check(
        of(vec![item("a"), item("b")]),
        &[words(
            "<a href=\"https://a.example/a\">a</a>\n<a href=\"https://a.example/b\">b</a>",
        )],
        &["articles>text"],
    );
    assert_eq!(refused(of(Vec::new())), Code::InvalidRequest);
}

#[test]
fn articles_in_a_text_keep_their_words_and_say_that_their_pictures_are_lost() {
    let item = |picture: &str| Link {
        url: "https://a.example/1".into(),
        title: "T".into(),
        description: "D".into(),
        image_url: picture.into(),
        ..Default::default()
    };
    let of = |picture| {
        Content::Articles(Articles {
            items: vec![item(""), item(picture)],
        })
    };
    let line = "<a href=\"https://a.example/1\">T</a>\nD";
    let shown = [words(&format!("{line}\n{line}"))];
    check(of(""), &shown, &["articles>text"]);
    check(of("https://a.example/1.png"), &shown, &["articles>text", "image>"]);
    let lossless = |picture| Say {
        degrade: Degrade::LosslessOnly,
        ..say(of(picture))
    };
    assert!(pieces(&settings(), &lossless(""), API).is_ok());
    let refusal = pieces(&settings(), &lossless("https://a.example/1.png"), API).expect_err("refused");
    assert_eq!(refusal.code, Code::UnsupportedPart);
}

#[test]
fn a_link_whose_address_and_words_are_too_long_together_keeps_both() {
    let lowered = |href: &str, words: &str| {
        let html = Content::Text(Text {
            body: format!("see <a href=\"{href}\">{words}</a> now"),
            format: Format::Html.into(),
        });
        let it = pieces(&settings(), &say(html), API).expect("renders");
        let lost: Vec<String> = it.degradations.into_iter().map(|it| it.from_type).collect();
        let said: Vec<String> = it
            .pieces
            .iter()
            .map(|it| it.native["text"]["content"].as_str().unwrap_or_default().to_owned())
            .collect();
        (said, lost)
    };
    let (href, words) = (format!("https://a.example/{}", "y".repeat(1_500)), "w".repeat(1_200));
    let (said, lost) = lowered(&href, &words);
    assert!(lost.is_empty(), "{lost:?}");
    assert!(
        said.iter().any(|it| it.contains(&href)),
        "whole, in one piece: {said:?}"
    );
    assert!(said.concat().contains(&words));
    let (said, lost) = lowered(&format!("{href}{href}"), &words);
    assert_eq!(lost, ["link"], "longer than any text");
    assert!(said.concat().contains(&words));
}

#[test]
fn a_quote_is_inlined_and_a_machine_is_marked() {
    let marked = Say {
        what: What::Parts {
            parts: vec![Part {
                content: Some(text("199元")),
                ..Default::default()
            }],
            quote: Some(Quote {
                summary: "多少钱".into(),
                ..Default::default()
            }),
        },
        ai_generated: true,
        ..Default::default()
    };
    let shown = pieces(&settings(), &marked, API).expect("renders");
    assert_eq!(
        shown.pieces[0].native,
        json!({ "msgtype": "text", "text": { "content": "「多少钱」\n- - - -\n199元" }, "aimsgcontext": { "is_ai_msg": 1 } })
    );
}

fn to(to_message: bool, json: bool) -> PassiveTo {
    PassiveTo {
        to: "oUser".into(),
        from: "gh_1".into(),
        part_types: &["transfer"],
        to_message,
        json,
    }
}

#[test]
fn nothing_but_a_transfer_rides_and_in_the_format_of_the_push() {
    let allowed = AccountSettings {
        platform_agents: PlatformAgents::Allow,
        ..settings()
    };
    let hand_over = say(Content::Transfer(TransferToPlatform::default()));
    let code = |settings: &AccountSettings, roads| pieces(settings, &hand_over, roads).map_err(|fault| fault.code);
    assert_eq!(code(&settings(), BOTH).map(|_| ()), Err(Code::UnsupportedPart));
    assert_eq!(code(&allowed, API).map(|_| ()), Err(Code::UnsupportedPart));
    let piece = &code(&allowed, BOTH).expect("rides").pieces[0];
    let written =
        |json| passive(piece, &to(true, json), 1_752_001_020_999).map(|it| String::from_utf8_lossy(&it).into_owned());
    assert_eq!(
        written(false).as_deref(),
        Some(
            "<xml><ToUserName><![CDATA[oUser]]></ToUserName><FromUserName><![CDATA[gh_1]]></FromUserName>\
            <CreateTime>1752001020</CreateTime><MsgType><![CDATA[transfer_customer_service]]></MsgType></xml>"
        )
    );
    assert_eq!(
        written(true).as_deref(),
        Some(
            r#"{"ToUserName":"oUser","FromUserName":"gh_1","CreateTime":1752001020,"MsgType":"transfer_customer_service"}"#
        )
    );
    assert!(passive(piece, &to(false, false), 0).is_none());
    let words = &pieces(&allowed, &say(text("hi")), BOTH).expect("renders").pieces[0];
    assert!(passive(words, &to(true, false), 0).is_none());
}

#[test]
fn pictures_alone_are_uploaded_and_a_thumbnail_as_one() {
    let file = |kind, mime: &str| Upload {
        kind,
        name: "a".into(),
        mime: mime.into(),
        bytes: vec![1],
    };
    for kind in ["image", "thumb"] {
        let call = upload(&file(kind, "image/png")).expect("a picture");
        assert_eq!(call.query, [("type", "image".to_owned())]);
        let CallBody::File { name, .. } = &call.body else {
            panic!("a file")
        };
        assert_eq!(name, "a.png");
    }
    assert_eq!(
        upload(&file("voice", "audio/amr")).map_err(|it| it.code),
        Err(Code::UnsupportedPart)
    );
    assert_eq!(
        upload(&file("image", "image/webp")).map_err(|it| it.code),
        Err(Code::UnsupportedPart)
    );
}

#[test]
fn a_native_body_goes_as_it_is_but_for_its_recipient() {
    let native = Say {
        what: What::Native(json!({ "touser": "other", "msgtype": "link", "link": { "title": "a" } })),
        ..Default::default()
    };
    let piece = &pieces(&settings(), &native, API).expect("renders").pieces[0];
    assert_eq!(piece.part_type, "link");
    assert_eq!(piece.native, json!({ "msgtype": "link", "link": { "title": "a" } }));
}
