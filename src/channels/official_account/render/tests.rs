//! Does each kind of part become what the platform's pages show, on each road?

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    channels::contract::{PassiveTo, Upload},
    ports::platform::{Call, CallBody},
    schema::v1::{
        Action, Articles, Card, ContactCard, ForwardedChat, KeyValue, Link, Location, Media, Menu, Message,
        MiniProgramCard, Music, Part, Quote, Reference, Template, TemplateCard, Text, TransferToPlatform, Unsupported,
        action::Kind, part::Content, send_request::Degrade, text::Format,
    },
};

const API: Roads = Roads {
    passive: false,
    api: true,
};
const PASSIVE: Roads = Roads {
    passive: true,
    api: false,
};
const BOTH: Roads = Roads {
    passive: true,
    api: true,
};

fn part(content: Content) -> Part {
    Part {
        content: Some(content),
        ..Default::default()
    }
}

fn text(body: &str) -> Part {
    formatted(body, Format::Plain)
}

fn formatted(body: &str, format: Format) -> Part {
    part(Content::Text(Text {
        body: body.into(),
        format: format.into(),
    }))
}

fn say(parts: Vec<Part>) -> Say {
    Say {
        what: What::Parts { parts, quote: None },
        ..Default::default()
    }
}

fn settings() -> AccountSettings {
    AccountSettings {
        text_html_breaks: true,
        ..Default::default()
    }
}

fn rendered(part: Part, roads: Roads) -> Pieces {
    pieces(&settings(), &say(vec![part]), roads).expect("renders")
}

/// The bodies of a part on a road, and its degradations as `from>to`.
fn shown(part: Part, roads: Roads) -> (Vec<Value>, Vec<String>) {
    let it = rendered(part, roads);
    let lost = it
        .degradations
        .iter()
        .map(|lost| format!("{}>{}", lost.from_type, lost.to_type))
        .collect();
    (it.pieces.into_iter().map(|piece| piece.native).collect(), lost)
}

fn check(part: Part, roads: Roads, bodies: &[Value], lost: &[&str]) {
    let (found, degradations) = shown(part, roads);
    assert_eq!(found, bodies);
    assert_eq!(degradations, lost);
}

fn refused(say: &Say, roads: Roads) -> Code {
    pieces(&settings(), say, roads).expect_err("refused").code
}

fn words(content: &str) -> Value {
    json!({ "msgtype": "text", "text": { "content": content } })
}

fn news(title: &str, description: &str, url: &str, picture: &str) -> Value {
    json!({ "msgtype": "news", "news": { "articles": [{ "title": title, "description": description, "url": url, "picurl": picture }] } })
}

fn to(to_message: bool) -> PassiveTo {
    PassiveTo {
        to: "oUser".into(),
        from: "gh_1".into(),
        part_types: &["text"],
        to_message,
        json: false,
    }
}

fn xml(piece: &Piece, to_message: bool) -> Option<String> {
    passive(piece, &to(to_message), 1_752_000_200_999).map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
}

fn sent(piece: &Piece) -> (Call, String) {
    let call = call(piece, "oUser");
    let CallBody::Json(body) = &call.body else {
        panic!("JSON")
    };
    let body = String::from_utf8(body.clone()).expect("UTF-8");
    (call, body)
}

// ───────────── text ─────────────

#[test]
fn line_breaks_of_every_spelling_survive_on_both_roads() {
    let piece = &rendered(text("1. 退货\r\n2. 换货<br/>3. 人工"), BOTH).pieces[0];
    let (_, body) = sent(piece);
    assert_eq!(
        body,
        r#"{"touser":"oUser","msgtype":"text","text":{"content":"1. 退货\n2. 换货\n3. 人工"}}"#
    );
    let xml = xml(piece, true).expect("rides passively");
    assert!(
        xml.contains("<Content><![CDATA[1. 退货\n2. 换货\n3. 人工]]></Content>"),
        "{xml}"
    );
}

#[test]
fn plain_text_is_kept_but_for_its_ends() {
    check(text("\n\na\n\nb  <b> & \\n\n"), API, &[words("a\n\nb  <b> & \\n")], &[]);
    let strict = AccountSettings::default();
    let strict = AccountSettings {
        text_html_breaks: false,
        ..strict
    };
    let it = pieces(&strict, &say(vec![text("a<br>b")]), API).expect("renders");
    assert_eq!(it.pieces[0].native, words("a<br>b"));
}

#[test]
fn html_and_markdown_are_lowered_and_pictures_in_them_reported() {
    let html = r#"<p>您好<br/><b>点</b><a href="https://x">这里</a></p>"#;
    check(
        formatted(html, Format::Html),
        API,
        &[words("您好\n点<a href=\"https://x\">这里</a>")],
        &[],
    );
    check(formatted("**a**", Format::Markdown), API, &[words("a")], &[]);
    let picture = r#"<img src="https://x/a.png"><img src="cid:1" alt="b">"#;
    check(
        formatted(picture, Format::Html),
        API,
        &[words("<a href=\"https://x/a.png\">[图片]</a>b")],
        &["image>link", "image>text"],
    );
}

#[test]
fn an_empty_text_is_refused_because_the_customer_would_see_a_fault() {
    for empty in ["", "\n\n", "  "] {
        assert_eq!(refused(&say(vec![text(empty)]), BOTH), Code::InvalidRequest);
    }
    assert_eq!(refused(&say(Vec::new()), BOTH), Code::InvalidRequest);
    assert_eq!(refused(&say(vec![Part::default()]), BOTH), Code::InvalidRequest);
}

#[test]
fn a_long_text_is_split_by_api_and_cut_passively() {
    let long = "好".repeat(1000);
    let (bodies, lost) = shown(text(&long), BOTH);
    assert_eq!((bodies.len(), lost.len()), (2, 0));
    let (bodies, lost) = shown(text(&long), PASSIVE);
    assert_eq!((bodies.len(), lost), (1, vec!["text>text".to_owned()]));
    for degrade in [Degrade::Refuse, Degrade::LosslessOnly] {
        let say = Say {
            degrade,
            ..say(vec![text(&long)])
        };
        assert_eq!(refused(&say, PASSIVE), Code::TooLong);
        assert!(pieces(&settings(), &say, API).is_ok());
    }
}

#[test]
fn a_text_that_no_window_lets_through_is_refused_at_once() {
    assert_eq!(refused(&say(vec![text(&"x".repeat(65_537))]), API), Code::TooLong);
}

#[test]
fn the_operator_may_set_another_limit() {
    let mut own = settings();
    own.limits.insert("text_bytes".into(), 600);
    let it = pieces(&own, &say(vec![text(&"好".repeat(1000))]), API).expect("renders");
    assert_eq!(it.pieces.len(), 5);
}

// ───────────── quotes ─────────────

fn quoting(summary: &str, parts: Vec<Part>) -> Say {
    Say {
        what: What::Parts {
            parts,
            quote: Some(Quote {
                summary: summary.into(),
                ..Default::default()
            }),
        },
        ..Default::default()
    }
}

#[test]
fn a_quote_is_written_into_the_text_and_reported() {
    let it = pieces(&settings(), &quoting("多少钱", vec![text("199元")]), BOTH).expect("renders");
    assert_eq!(it.pieces[0].native, words("「多少钱」\n- - - -\n199元"));
    assert_eq!(it.degradations[0].from_type, "quote");
    let it = pieces(&settings(), &quoting(&"长".repeat(60), vec![text("ok")]), API).expect("renders");
    assert_eq!(
        it.pieces[0].native,
        words(&format!("「{}…」\n- - - -\nok", "长".repeat(50)))
    );
}

#[test]
fn a_quote_never_pushes_a_text_over_the_limit() {
    let it = pieces(
        &settings(),
        &quoting(&"长".repeat(60), vec![text(&"x".repeat(2048))]),
        API,
    )
    .expect("renders");
    assert_eq!(it.pieces.len(), 2);
    for piece in &it.pieces {
        assert!(
            piece.native["text"]["content"]
                .as_str()
                .is_some_and(|text| text.len() <= 2048)
        );
    }
}

#[test]
fn a_quote_without_words_or_place_is_dropped_and_reported() {
    let it = pieces(&settings(), &quoting("", vec![text("ok")]), API).expect("renders");
    assert_eq!(it.pieces[0].native, words("ok"));
    assert_eq!(
        (
            it.degradations[0].from_type.as_str(),
            it.degradations[0].to_type.as_str()
        ),
        ("quote", "")
    );
    let say = Say {
        degrade: Degrade::LosslessOnly,
        ..quoting("", vec![text("ok")])
    };
    assert_eq!(refused(&say, API), Code::UnsupportedPart);
}

// ───────────── media ─────────────

fn media(id: &str, url: &str) -> Media {
    Media {
        platform_media_id: id.into(),
        url: url.into(),
        ..Default::default()
    }
}

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

// ───────────── cards ─────────────

fn link(n: usize) -> Link {
    Link {
        url: format!("https://x/{n}"),
        title: format!("T{n}"),
        description: "D".into(),
        image_url: "https://x/p.jpg".into(),
        ..Default::default()
    }
}

#[test]
fn a_link_is_one_article() {
    check(
        part(Content::Link(link(1))),
        BOTH,
        &[news("T1", "D", "https://x/1", "https://x/p.jpg")],
        &[],
    );
    let bad = Link {
        url: "javascript:x".into(),
        ..link(1)
    };
    assert_eq!(refused(&say(vec![part(Content::Link(bad))]), API), Code::InvalidRequest);
}

#[test]
fn several_articles_keep_the_first_and_link_the_rest() {
    let items = part(Content::Articles(Articles {
        items: vec![link(1), link(2), link(3)],
    }));
    let rest = "<a href=\"https://x/2\">T2</a>\n<a href=\"https://x/3\">T3</a>";
    check(
        items.clone(),
        API,
        &[news("T1", "D", "https://x/1", "https://x/p.jpg"), words(rest)],
        &["articles>text"],
    );
    let piece = &rendered(items, PASSIVE).pieces[0];
    let event = xml(piece, false).expect("rides");
    assert!(
        event.contains("<ArticleCount>3</ArticleCount>") && event.matches("<item>").count() == 3,
        "{event}"
    );
    let message = xml(piece, true).expect("rides");
    assert!(
        message.contains("<MsgType><![CDATA[text]]></MsgType>") && message.contains("https://x/3"),
        "{message}"
    );
}

fn mini(thumb: &str) -> MiniProgramCard {
    MiniProgramCard {
        appid: "wx1".into(),
        page_path: "pages/o?id=1&a=%20".into(),
        title: "Order".into(),
        thumb_handle: thumb.into(),
        ..Default::default()
    }
}

fn mini_page(title: &str) -> Value {
    json!({"msgtype":"miniprogrampage","miniprogrampage":{"title":title,"appid":"wx1","pagepath":"pages/o?id=1&a=%20","thumb_media_id":"P"}})
}

#[test]
fn a_mini_program_card_needs_api_and_thumbnail() {
    check(part(Content::MiniProgram(mini("P"))), BOTH, &[mini_page("Order")], &[]);
    let link = "<a data-miniprogram-appid=\"wx1\" data-miniprogram-path=\"pages/o?id=1&a=%20\">Order</a>";
    for (thumb, roads) in [("P", PASSIVE), ("", API)] {
        check(
            part(Content::MiniProgram(mini(thumb))),
            roads,
            &[words(link)],
            &["mini_program>text"],
        );
    }
}

fn card(thumb: Option<&str>, web: &str) -> Card {
    Card {
        title: "Shoes".into(),
        web_url: web.into(),
        image_url: "https://x/p.jpg".into(),
        mini_program: thumb.map(mini),
        ..Default::default()
    }
}

#[test]
fn a_card_shows_its_mini_program_then_its_web_link_then_its_name() {
    let web = "https://x/1";
    let as_news = news("Shoes", "", web, "https://x/p.jpg");
    check(
        part(Content::Card(card(Some("P"), web))),
        BOTH,
        &[mini_page("Shoes")],
        &[],
    );
    check(
        part(Content::Card(card(None, web))),
        BOTH,
        std::slice::from_ref(&as_news),
        &[],
    );
    check(
        part(Content::Card(card(Some(""), web))),
        API,
        std::slice::from_ref(&as_news),
        &["mini_program>link"],
    );
    check(
        part(Content::Card(card(Some("P"), web))),
        PASSIVE,
        &[as_news],
        &["mini_program>link"],
    );
    check(
        part(Content::Card(card(Some(""), ""))),
        API,
        &[words("Shoes (请在小程序内查看)")],
        &["mini_program>text"],
    );
    check(
        part(Content::Card(card(None, ""))),
        API,
        &[words("Shoes")],
        &["card>text"],
    );
    assert_eq!(
        refused(&say(vec![part(Content::Card(Card::default()))]), API),
        Code::InvalidRequest
    );
}

#[test]
fn facts_stand_under_the_title_and_their_loss_is_told() {
    let fact = KeyValue {
        key: "价格".into(),
        value: "199".into(),
        url: String::new(),
    };
    let with = |card: Card| Card {
        facts: vec![fact.clone()],
        description: "D".into(),
        ..card
    };
    let web = "https://x/1";
    check(
        part(Content::Card(with(card(None, web)))),
        API,
        &[news("Shoes", "D\n价格: 199", web, "https://x/p.jpg")],
        &[],
    );
    check(
        part(Content::Card(with(card(Some("P"), web)))),
        API,
        &[mini_page("Shoes")],
        &["card>mini_program"],
    );
}

fn action(id: &str, label: &str, kind: Option<Kind>) -> Action {
    Action {
        id: id.into(),
        label: label.into(),
        kind,
        ..Default::default()
    }
}

#[test]
fn buttons_of_a_card_are_links_after_it() {
    let buttons = vec![
        action("b1", "付款", Some(Kind::Url("https://x/pay".into()))),
        Action {
            web_fallback_url: "https://x/w".into(),
            ..action("b2", "打开", Some(Kind::MiniProgram(mini(""))))
        },
        action("b3", "问", Some(Kind::ReplyText("多少钱".into()))),
    ];
    let lines = "<a href=\"https://x/pay\">付款</a>\n\
                 <a href=\"https://x/w\" data-miniprogram-appid=\"wx1\" data-miniprogram-path=\"pages/o?id=1&a=%20\">打开</a>\n\
                 <a href=\"weixin://bizmsgmenu?msgmenucontent=多少钱&msgmenuid=b3\">问</a>";
    let it = Card {
        actions: buttons,
        ..card(None, "https://x/1")
    };
    check(
        part(Content::Card(it.clone())),
        API,
        &[news("Shoes", "", "https://x/1", "https://x/p.jpg"), words(lines)],
        &["card>text"],
    );
    let head = "<a href=\"https://x/1\">Shoes</a>\n";
    check(
        part(Content::Card(it)),
        PASSIVE,
        &[words(&format!("{head}{lines}"))],
        &["card>text"],
    );
}

#[test]
fn a_card_whose_mini_program_is_not_linked_falls_back_to_its_web_link() {
    let error = |platform_code| v1::Error {
        platform_code,
        ..Default::default()
    };
    let card_of = |web: &str| say(vec![part(Content::Card(card(Some("P"), web)))]);
    let (other, told) = instead(&card_of("https://x/1"), &error(45064)).expect("has a web link");
    assert_eq!(
        (told.from_type.as_str(), told.to_type.as_str()),
        ("mini_program", "link")
    );
    assert_eq!(
        pieces(&settings(), &other, API).expect("renders").pieces[0].native["msgtype"],
        "news"
    );
    assert_eq!(instead(&other, &error(45064)), None);
    assert_eq!(instead(&card_of(""), &error(45064)), None);
    assert_eq!(instead(&card_of("https://x/1"), &error(45015)), None);
    let strict = Say {
        degrade: Degrade::Refuse,
        ..card_of("https://x/1")
    };
    assert_eq!(instead(&strict, &error(45064)), None);
}

#[test]
fn a_transfer_rides_and_what_was_said_with_it_follows() {
    let own = AccountSettings {
        platform_agents: PlatformAgents::Allow,
        ..settings()
    };
    let transfer = part(Content::Transfer(TransferToPlatform::default()));
    let it = pieces(&own, &say(vec![text("one moment"), transfer]), BOTH).expect("renders");
    assert_eq!(
        it.pieces.iter().map(|piece| piece.part_type).collect::<Vec<_>>(),
        ["transfer", "text"]
    );
}

#[test]
fn an_agent_of_the_platform_is_asked_to_let_go_by_name() {
    let call = release("anna@shop", "oUser").expect("known");
    assert_eq!(call.path, "/customservice/kfsession/close");
    assert_eq!(
        call.body,
        CallBody::Json(br#"{"kf_account":"anna@shop","openid":"oUser"}"#.to_vec())
    );
    assert_eq!(release("", "oUser"), None);
}

// ───────────── menus ─────────────

#[test]
fn choices_are_a_msgmenu_or_links_that_answer() {
    let menu = Menu {
        head: "满意吗?\r\n".into(),
        actions: vec![
            action("101", "是", None),
            action("", "否 & 其他", Some(Kind::ReplyText("否".into()))),
        ],
        tail: "谢谢".into(),
    };
    let list = json!([{"id":"101","content":"是"},{"id":"2","content":"否 & 其他"}]);
    let body = json!({"head_content":"满意吗?","list":list,"tail_content":"谢谢"});
    check(
        part(Content::Menu(menu.clone())),
        BOTH,
        &[json!({"msgtype":"msgmenu","msgmenu":body})],
        &[],
    );
    let links = "满意吗?\n<a href=\"weixin://bizmsgmenu?msgmenucontent=是&msgmenuid=101\">是</a>\n\
                 <a href=\"weixin://bizmsgmenu?msgmenucontent=否&msgmenuid=2\">否 & 其他</a>\n谢谢";
    check(
        part(Content::Menu(menu.clone())),
        PASSIVE,
        &[words(links)],
        &["menu>text"],
    );
    let say = Say {
        degrade: Degrade::Refuse,
        ..say(vec![part(Content::Menu(menu))])
    };
    assert_eq!(refused(&say, PASSIVE), Code::UnsupportedPart);
}

#[test]
fn a_menu_with_links_is_a_text_and_an_item_without_words_is_refused() {
    let mixed = Menu {
        head: "h".into(),
        actions: vec![
            action("1", "a", None),
            action("2", "b", Some(Kind::Url("https://x".into()))),
        ],
        tail: String::new(),
    };
    let links = "h\n<a href=\"weixin://bizmsgmenu?msgmenucontent=a&msgmenuid=1\">a</a>\n<a href=\"https://x\">b</a>";
    check(part(Content::Menu(mixed)), API, &[words(links)], &["menu>text"]);
    let nameless = Menu {
        actions: vec![action("1", "", None)],
        ..Default::default()
    };
    assert_eq!(
        refused(&say(vec![part(Content::Menu(nameless))]), API),
        Code::InvalidRequest
    );
    let escaped = Menu {
        actions: vec![action("a&b", "x\"<y", None)],
        ..Default::default()
    };
    let (bodies, _) = shown(part(Content::Menu(escaped)), PASSIVE);
    assert_eq!(
        bodies[0]["text"]["content"],
        "<a href=\"weixin://bizmsgmenu?msgmenucontent=x%22%3Cy&msgmenuid=a%26b\">x\"＜y</a>"
    );
}

// ───────────── what the platform cannot send ─────────────

#[test]
fn words_stand_in_for_places_people_and_chats() {
    let place = Location {
        latitude: 31.23,
        longitude: 121.47,
        name: "人民广场".into(),
        ..Default::default()
    };
    let (bodies, lost) = shown(part(Content::Location(place)), BOTH);
    let content = bodies[0]["text"]["content"].as_str().unwrap_or_default();
    assert!(
        content.starts_with("人民广场\n<a href=\"https://apis.map.qq.com/uri/v1/marker?marker=coord:31.23,121.47;"),
        "{content}"
    );
    assert_eq!(lost, ["location>text"]);
    let nowhere = Location {
        latitude: f64::NAN,
        ..Default::default()
    };
    assert_eq!(
        refused(&say(vec![part(Content::Location(nowhere))]), API),
        Code::InvalidRequest
    );

    let contact = ContactCard {
        native_id: "u".into(),
        display_name: "安娜".into(),
    };
    check(
        part(Content::Contact(contact)),
        BOTH,
        &[words("[名片] 安娜")],
        &["contact>text"],
    );

    let line = Message {
        sender: Some(v1::Identity {
            display_name: "A".into(),
            ..Default::default()
        }),
        summary: "hi".into(),
        ..Default::default()
    };
    let chat = ForwardedChat {
        title: "聊天记录".into(),
        items: vec![line],
    };
    check(
        part(Content::Forwarded(chat)),
        BOTH,
        &[words("聊天记录\nA: hi")],
        &["forwarded>text"],
    );
}

#[test]
fn things_of_the_platform_go_by_id_and_others_by_link() {
    let of = |kind: &str, id: &str, url: &str| {
        part(Content::Reference(Reference {
            kind: kind.into(),
            id: id.into(),
            url: url.into(),
            title: "T".into(),
            ..Default::default()
        }))
    };
    check(
        of("wxcard", "C", ""),
        BOTH,
        &[json!({"msgtype":"wxcard","wxcard":{"card_id":"C"}})],
        &[],
    );
    check(
        of("mpnews", "M", ""),
        API,
        &[json!({"msgtype":"mpnews","mpnews":{"media_id":"M"}})],
        &[],
    );
    check(
        of("mpnewsarticle", "A", ""),
        API,
        &[json!({"msgtype":"mpnewsarticle","mpnewsarticle":{"article_id":"A"}})],
        &[],
    );
    check(
        of("meeting", "1", "https://x"),
        API,
        &[news("T", "", "https://x", "")],
        &["reference>link"],
    );
    check(
        of("wxcard", "C", "https://x"),
        PASSIVE,
        &[news("T", "", "https://x", "")],
        &["reference>link"],
    );
    assert_eq!(refused(&say(vec![of("meeting", "1", "")]), API), Code::UnsupportedPart);
}

#[test]
fn what_has_no_form_here_is_refused() {
    for content in [
        Content::TemplateCard(TemplateCard::default()),
        Content::Template(Template::default()),
        Content::Unsupported(Unsupported::default()),
        Content::Transfer(TransferToPlatform::default()),
    ] {
        assert_eq!(refused(&say(vec![part(content)]), BOTH), Code::UnsupportedPart);
    }
}

#[test]
fn a_transfer_needs_leave_a_window_and_a_message() {
    let own = AccountSettings {
        platform_agents: PlatformAgents::Allow,
        ..settings()
    };
    let say = say(vec![part(Content::Transfer(TransferToPlatform {
        agent: "anna@shop".into(),
    }))]);
    let it = pieces(&own, &say, BOTH).expect("allowed");
    assert!(it.pieces[0].passive_only);
    assert_eq!(
        xml(&it.pieces[0], true).as_deref(),
        Some(
            "<xml><ToUserName><![CDATA[oUser]]></ToUserName><FromUserName><![CDATA[gh_1]]></FromUserName>\
             <CreateTime>1752000200</CreateTime><MsgType><![CDATA[transfer_customer_service]]></MsgType>\
             <TransInfo><KfAccount><![CDATA[anna@shop]]></KfAccount></TransInfo></xml>"
        )
    );
    assert_eq!(xml(&it.pieces[0], false), None);
    assert_eq!(
        pieces(&own, &say, API).expect_err("no window").code,
        Code::UnsupportedPart
    );
}

// ───────────── roads ─────────────

#[test]
fn a_passive_answer_is_one_message() {
    let texts = say(vec![text("a"), text("b")]);
    let it = pieces(&settings(), &texts, PASSIVE).expect("renders");
    assert_eq!((it.pieces[0].native.clone(), it.degradations.len()), (words("a\nb"), 0));
    let mixed = say(vec![text("a"), part(Content::Image(media("M", "")))]);
    let it = pieces(&settings(), &mixed, PASSIVE).expect("renders");
    assert_eq!((it.pieces.len(), it.degradations.len()), (1, 1));
    assert_eq!(pieces(&settings(), &mixed, BOTH).expect("renders").pieces.len(), 2);
    let strict = Say {
        degrade: Degrade::LosslessOnly,
        ..mixed
    };
    assert_eq!(refused(&strict, PASSIVE), Code::UnsupportedPart);
}

#[test]
fn speaker_and_ai_mark_ride_on_the_api_and_are_left_out_passively() {
    let it = Say {
        ai_generated: true,
        speaker: "anna@shop".into(),
        ..say(vec![text("hi")])
    };
    let piece = &pieces(&settings(), &it, BOTH).expect("renders").pieces[0];
    let (call, body) = sent(piece);
    assert_eq!(call.path, "/cgi-bin/message/custom/send");
    assert_eq!(
        body,
        r#"{"touser":"oUser","msgtype":"text","aimsgcontext":{"is_ai_msg":1},"customservice":{"kf_account":"anna@shop"},"text":{"content":"hi"}}"#
    );
    assert!(!xml(piece, true).expect("rides").contains("anna"));
    let passive_only = pieces(&settings(), &it, PASSIVE).expect("renders");
    assert_eq!(passive_only.degradations[0].from_type, "ai_generated");
    let named = Say {
        speaker: "Anna".into(),
        ..say(vec![text("hi")])
    };
    assert_eq!(
        pieces(&settings(), &named, API).expect("renders").pieces[0].native,
        words("hi")
    );
}

#[test]
fn a_native_body_goes_as_it_is_but_for_its_recipient() {
    let body = json!({"touser":"somebody else","msgtype":"text","text":{"content":"a"},"businessid":1,"_x":1});
    let native = |body: Value| Say {
        what: What::Native(body),
        ..Default::default()
    };
    let piece = &pieces(&settings(), &native(body), API).expect("renders").pieces[0];
    assert_eq!(
        sent(piece).1,
        r#"{"touser":"oUser","msgtype":"text","businessid":1,"text":{"content":"a"}}"#
    );
    assert_eq!(piece.part_type, "text");
    assert_eq!(refused(&native(json!([])), API), Code::InvalidRequest);
    assert_eq!(refused(&native(json!({"text":{}})), API), Code::InvalidRequest);
    assert_eq!(
        refused(&native(json!({"msgtype":"msgmenu"})), PASSIVE),
        Code::UnsupportedPart
    );
    assert_eq!(
        refused(&native(json!({"msgtype":"transfer_customer_service"})), BOTH),
        Code::UnsupportedPart
    );
}

#[test]
fn typing_is_a_call_of_its_own() {
    let say = Say {
        what: What::Typing,
        ai_generated: true,
        ..Default::default()
    };
    let piece = &pieces(&settings(), &say, BOTH).expect("renders").pieces[0];
    let (call, body) = sent(piece);
    assert_eq!(
        (call.path, body.as_str()),
        (
            "/cgi-bin/message/custom/typing",
            r#"{"touser":"oUser","command":"Typing"}"#
        )
    );
    assert_eq!(xml(piece, true), None);
    assert_eq!(refused(&say, PASSIVE), Code::UnsupportedPart);
}

#[test]
fn what_a_body_may_not_hold_never_reaches_the_platform() {
    let piece = &rendered(text("a]]>b\u{1}\u{fffe}\tc"), BOTH).pieces[0];
    assert_eq!(
        sent(piece).1,
        "{\"touser\":\"oUser\",\"msgtype\":\"text\",\"text\":{\"content\":\"a]]>b\u{fffe}\\tc\"}}"
    );
    assert!(
        xml(piece, true)
            .expect("rides")
            .contains("<![CDATA[a]]]]><![CDATA[>b\tc]]>")
    );
}

#[test]
fn each_passive_kind_has_the_form_of_the_page() {
    let image = rendered(part(Content::Image(media("M", ""))), PASSIVE);
    assert!(
        xml(&image.pieces[0], true)
            .expect("rides")
            .ends_with("<Image><MediaId><![CDATA[M]]></MediaId></Image></xml>")
    );
    let video = rendered(part(Content::Video(media("M", ""))), PASSIVE);
    assert!(
        xml(&video.pieces[0], true)
            .expect("rides")
            .contains("<Video><MediaId><![CDATA[M]]></MediaId></Video>")
    );
    let link = rendered(part(Content::Link(link(1))), PASSIVE);
    let body = "<MsgType><![CDATA[news]]></MsgType><ArticleCount>1</ArticleCount><Articles><item><Title><![CDATA[T1]]></Title>\
                <Description><![CDATA[D]]></Description><PicUrl><![CDATA[https://x/p.jpg]]></PicUrl><Url><![CDATA[https://x/1]]></Url>\
                </item></Articles></xml>";
    assert!(xml(&link.pieces[0], true).expect("rides").ends_with(body));
}

// ───────────── files ─────────────

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
