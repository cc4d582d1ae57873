//! Does each kind of part become what WeCom's pages show, on each road?

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    channels::{
        contract::{PassiveTo, Piece, Ticket, Upload},
        wecom_app::testing::settings,
    },
    ports::platform::{Answer, Call, CallBody},
    schema::v1::{
        Action, Articles, Card, ContactCard, ForwardedChat, KeyValue, Link, Location, Media, Menu, Message,
        MiniProgramCard, Music, Part, Quote, Reference, Template, TemplateCard, Text, TransferToPlatform, action::Kind,
        send_request::Degrade, text::Format,
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
const MESSAGE: &str = "0199a3c0-6d1e-7000-8000-0123456789ab";

fn part(content: Content) -> Part {
    Part {
        content: Some(content),
        ..Default::default()
    }
}

fn text(body: &str) -> Part {
    part(Content::Text(Text {
        body: body.into(),
        format: Format::Plain.into(),
    }))
}

fn say(parts: Vec<Part>) -> Say {
    Say {
        what: What::Parts { parts, quote: None },
        id: MESSAGE.into(),
        ..Default::default()
    }
}

fn native(body: Value) -> Say {
    Say {
        what: What::Native(body),
        ..Default::default()
    }
}

fn shown(say: &Say, roads: Roads) -> Vec<Value> {
    let pieces = pieces(&settings(), say, roads).expect("rendered");
    pieces.pieces.into_iter().map(|piece| piece.native).collect()
}

fn one(content: Content) -> Value {
    let mut shown = shown(&say(vec![part(content)]), API);
    assert_eq!(shown.len(), 1, "{shown:?}");
    shown.remove(0)
}

/// What the part becomes, and the ways down, as `from→to`.
fn lost(content: Content, roads: Roads) -> (Vec<Value>, Vec<String>) {
    let rendered = pieces(&settings(), &say(vec![part(content)]), roads).expect("rendered");
    let lost = rendered
        .degradations
        .iter()
        .map(|it| format!("{}→{}", it.from_type, it.to_type));
    (
        rendered.pieces.iter().map(|it| it.native.clone()).collect(),
        lost.collect(),
    )
}

fn refused(say: &Say, roads: Roads) -> Code {
    pieces(&settings(), say, roads).expect_err("refused").code
}

fn media(id: &str) -> Media {
    Media {
        platform_media_id: id.into(),
        ..Default::default()
    }
}

fn action(id: &str, label: &str, kind: Option<Kind>) -> Action {
    Action {
        id: id.into(),
        label: label.into(),
        kind,
        ..Default::default()
    }
}

fn to_message() -> PassiveTo {
    PassiveTo {
        to: "Li.Si".into(),
        from: "ww0123456789abcdef".into(),
        part_types: &["text", "image", "voice", "video", "articles"],
        to_message: true,
        json: false,
    }
}

fn to_click() -> PassiveTo {
    PassiveTo {
        part_types: &["template_card"],
        to_message: false,
        ..to_message()
    }
}

fn rides(say: &Say, to: &PassiveTo) -> Option<String> {
    let roads = Roads {
        passive: true,
        api: true,
    };
    let pieces = pieces(&settings(), say, roads).expect("rendered");
    passive(&pieces.pieces[0], to, 1_766_102_401_000).map(|xml| String::from_utf8(xml).expect("UTF-8"))
}

fn body_of(call: &Call) -> Value {
    match &call.body {
        CallBody::Json(body) => serde_json::from_slice(body).expect("JSON"),
        other => panic!("{other:?}"),
    }
}

fn called(say: &Say) -> (&'static str, Value) {
    let pieces = pieces(&settings(), say, API).expect("rendered");
    let call = call(&settings(), &pieces.pieces[0], "li.si");
    (call.path, body_of(&call))
}

// ───────────── the plain parts ─────────────

#[test]
fn a_text_goes_in_pieces_of_2048_bytes_with_its_links() {
    let shown = shown(&say(vec![text(&"长".repeat(1000))]), API);
    assert_eq!(shown.len(), 2);
    let html = part(Content::Text(Text {
        body: "<p>您好<br/><b>点</b><a href=\"https://x.example\">这里</a></p>".into(),
        format: Format::Html.into(),
    }));
    assert_eq!(
        self::shown(&say(vec![html]), API),
        [json!({ "msgtype": "text", "text": { "content": "您好\n点<a href=\"https://x.example\">这里</a>" } })]
    );
}

#[test]
fn media_go_by_their_id() {
    for (content, kind) in [
        (Content::Image(media("M")), "image"),
        (Content::Voice(media("M")), "voice"),
        (Content::File(media("M")), "file"),
    ] {
        assert_eq!(one(content)[kind], json!({ "media_id": "M" }), "{kind}");
    }
    let video = Media {
        name: "演示".into(),
        caption: "30 秒".into(),
        ..media("M")
    };
    assert_eq!(
        one(Content::Video(video))["video"],
        json!({ "media_id": "M", "title": "演示", "description": "30 秒" })
    );
}

#[test]
fn a_medium_that_is_not_on_the_platform_is_a_link() {
    let at = Media {
        url: "https://m.example/1".into(),
        name: "报价.pdf".into(),
        ..Default::default()
    };
    for (content, way) in [
        (Content::Image(at.clone()), "image→link"),
        (Content::Voice(at.clone()), "voice→link"),
        (Content::Video(at.clone()), "video→link"),
        (Content::File(at.clone()), "file→link"),
    ] {
        let (shown, lost) = lost(content, API);
        assert_eq!(lost, [way]);
        assert_eq!(shown[0]["news"]["articles"][0]["url"], "https://m.example/1");
    }
    let nowhere = say(vec![part(Content::Image(Media::default()))]);
    assert_eq!(refused(&nowhere, API), Code::InvalidRequest);
}

#[test]
fn words_stand_in_for_what_cannot_be_sent() {
    let forwarded = ForwardedChat {
        title: "记录".into(),
        items: vec![Message {
            summary: "在吗".into(),
            ..Default::default()
        }],
    };
    for (content, way) in [
        (
            Content::Location(Location {
                latitude: 23.1,
                longitude: 113.3,
                name: "店".into(),
                ..Default::default()
            }),
            "location→text",
        ),
        (
            Content::Contact(ContactCard {
                display_name: "李四".into(),
                ..Default::default()
            }),
            "contact→text",
        ),
        (Content::Forwarded(forwarded), "forwarded→text"),
        (
            Content::Music(Music {
                url: "https://m.example".into(),
                ..Default::default()
            }),
            "music→link",
        ),
        (
            Content::Reference(Reference {
                url: "https://r.example".into(),
                title: "会议".into(),
                ..Default::default()
            }),
            "reference→link",
        ),
    ] {
        assert_eq!(lost(content, API).1, [way]);
    }
    for content in [
        Content::Transfer(TransferToPlatform::default()),
        Content::Template(Template::default()),
        Content::Reference(Reference::default()),
    ] {
        assert_eq!(refused(&say(vec![part(content)]), API), Code::UnsupportedPart);
    }
    assert_eq!(
        refused(
            &Say {
                what: What::Typing,
                ..Default::default()
            },
            API
        ),
        Code::UnsupportedPart
    );
}

#[test]
fn articles_go_eight_to_a_message() {
    let items = (0..10)
        .map(|n| Link {
            url: format!("https://a.example/{n}"),
            title: format!("t{n}"),
            ..Default::default()
        })
        .collect::<Vec<_>>();
    let ten = || Content::Articles(Articles { items: items.clone() });
    let (shown, way) = lost(ten(), API);
    let counts: Vec<_> = shown
        .iter()
        .map(|it| it["news"]["articles"].as_array().map(Vec::len))
        .collect();
    assert_eq!((counts, way), (vec![Some(8), Some(2)], Vec::new()));
    let (shown, way) = lost(ten(), PASSIVE);
    assert_eq!(
        (shown[0]["msgtype"].as_str(), way),
        (Some("text"), vec!["articles→text".to_owned()])
    );
}

#[test]
fn a_mini_program_is_a_notice_where_its_title_fits_and_else_an_article_that_opens_it() {
    let mini = |title: &str| {
        Content::MiniProgram(MiniProgramCard {
            appid: "wxaa".into(),
            page_path: "pages/t?id=2".into(),
            title: title.into(),
            ..Default::default()
        })
    };
    let notice = one(mini("工单处理提醒"));
    assert_eq!(
        notice["miniprogram_notice"],
        json!({ "appid": "wxaa", "page": "pages/t?id=2", "title": "工单处理提醒" })
    );
    let (path, body) = called(&say(vec![part(mini("工单处理提醒"))]));
    assert_eq!(
        (path, body.get("agentid"), body["touser"].as_str()),
        (SEND_PATH, None, Some("li.si"))
    );
    let long = say(vec![part(mini("一个对通知来说太长太长的标题"))]);
    let (_, body) = called(&long);
    assert_eq!(body["news"]["articles"][0]["pagepath"], "pages/t?id=2");
    assert_eq!(
        rides(&long, &to_message()),
        None,
        "a passive article opens no mini-program"
    );
}

#[test]
fn a_quote_is_written_into_the_text() {
    let mut it = say(vec![text("199元")]);
    it.what = What::Parts {
        parts: vec![text("199元")],
        quote: Some(Quote {
            summary: "多少钱".into(),
            ..Default::default()
        }),
    };
    assert_eq!(shown(&it, API)[0]["text"]["content"], "「多少钱」\n- - - -\n199元");
}

// ───────────── cards and menus ─────────────

fn card() -> Card {
    Card {
        title: "订单 88".into(),
        description: "已付款".into(),
        image_url: "https://i.example/1.png".into(),
        web_url: "https://o.example/88".into(),
        facts: vec![KeyValue {
            key: "金额".into(),
            value: "199元".into(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

#[test]
fn a_card_with_a_picture_is_a_news_notice_and_without_one_a_text_notice() {
    let shown = one(Content::Card(card()));
    assert_eq!(
        shown["template_card"],
        json!({
            "card_type": "news_notice",
            "main_title": { "title": "订单 88", "desc": "已付款" },
            "card_action": { "type": 1, "url": "https://o.example/88" },
            "card_image": { "url": "https://i.example/1.png" },
            "horizontal_content_list": [{ "keyname": "金额", "value": "199元" }],
        })
    );
    let mini = Card {
        image_url: String::new(),
        description: "很长".repeat(40),
        mini_program: Some(MiniProgramCard {
            appid: "wxaa".into(),
            page_path: "pages/o".into(),
            ..Default::default()
        }),
        actions: vec![action("", "官网", Some(Kind::Url("https://w.example".into())))],
        ..card()
    };
    let shown = &one(Content::Card(mini))["template_card"];
    assert_eq!(shown["card_type"], "text_notice");
    assert_eq!(
        shown["card_action"],
        json!({ "type": 2, "appid": "wxaa", "pagepath": "pages/o" })
    );
    assert_eq!(shown["sub_title_text"], "很长".repeat(40));
    assert_eq!(
        shown["jump_list"],
        json!([{ "type": 1, "title": "官网", "url": "https://w.example" }])
    );
}

#[test]
fn a_card_whose_buttons_answer_is_a_button_interaction_named_after_its_message() {
    let mut it = card();
    it.actions = (0..8)
        .map(|n| {
            action(
                &format!("k{n}"),
                &format!("选项{n}"),
                Some(Kind::ReplyText("好".into())),
            )
        })
        .chain([action(
            "",
            "小程序",
            Some(Kind::MiniProgram(MiniProgramCard::default())),
        )])
        .collect();
    let (shown, lost) = lost(Content::Card(it), API);
    let shown_card = &shown[0]["template_card"];
    assert_eq!(shown_card["card_type"], "button_interaction");
    assert_eq!(shown_card["task_id"], format!("card-{MESSAGE}"));
    assert_eq!(shown_card["button_list"].as_array().map(Vec::len), Some(6));
    assert_eq!(shown_card["button_list"][0], json!({ "text": "选项0", "key": "k0" }));
    assert_eq!(lost, ["image→", "card→text"]);
    assert_eq!(shown[1]["text"]["content"], "小程序\n2. 选项6\n3. 选项7");
}

#[test]
fn a_card_that_leads_nowhere_is_a_text() {
    let bare = Card {
        title: "订单".into(),
        ..Default::default()
    };
    let (shown, lost) = lost(Content::Card(bare), API);
    assert_eq!(
        (shown[0]["text"]["content"].as_str(), lost),
        (Some("订单"), vec!["card→text".to_owned()])
    );
    assert_eq!(
        refused(&say(vec![part(Content::Card(Card::default()))]), API),
        Code::InvalidRequest
    );
}

#[test]
fn a_menu_is_a_card_of_buttons_six_to_each() {
    let menu = Menu {
        head: "请选择\n服务时间 9-18 点".into(),
        actions: (1..=8).map(|n| action("", &format!("组{n}"), None)).collect(),
        tail: "或直接输入".into(),
    };
    let (shown, lost) = lost(Content::Menu(menu.clone()), API);
    assert_eq!((shown.len(), lost.len()), (2, 0));
    let (first, second) = (&shown[0]["template_card"], &shown[1]["template_card"]);
    assert_eq!(
        (first["main_title"]["title"].as_str(), first["sub_title_text"].as_str()),
        (Some("请选择"), Some("服务时间 9-18 点"))
    );
    assert_eq!(first["task_id"], format!("menu-{MESSAGE}"));
    assert_eq!(second["task_id"], format!("menu-{MESSAGE}@2"));
    assert_eq!(second["button_list"][1], json!({ "text": "组8", "key": "8" }));
    assert_eq!(second["sub_title_text"], "或直接输入");
    let (shown, lost) = self::lost(Content::Menu(menu), PASSIVE);
    let text = shown[0]["text"]["content"].as_str().expect("a text");
    assert!(
        text.contains("1. 组1\n2. 组2") && text.ends_with("或直接输入"),
        "{text}"
    );
    assert!(!text.contains("weixin://"), "a link that nobody here understands");
    assert_eq!(lost, ["menu→text"]);
}

// ───────────── template cards of the core's own ─────────────

fn template_card(task: &str, json: Value) -> Say {
    let card = TemplateCard {
        card_type: json["card_type"].as_str().unwrap_or_default().into(),
        task_id: task.into(),
        native_json: json.to_string(),
    };
    say(vec![part(Content::TemplateCard(card))])
}

fn ticket(about: &str, of_event: bool) -> Ticket {
    Ticket {
        code: "rc-1".into(),
        about: about.into(),
        expires: None,
        of_event,
    }
}

#[test]
fn a_card_of_the_cores_is_sent_as_it_is_under_its_own_name() {
    let it = template_card(
        "c88-1",
        json!({ "card_type": "vote_interaction", "checkbox": { "question_key": "q" } }),
    );
    assert_eq!(wants_ticket(&it), "c88-1");
    let (path, body) = called(&it);
    assert_eq!(path, SEND_PATH);
    assert_eq!(body["agentid"], 1_000_012);
    assert_eq!(
        body["template_card"],
        json!({ "card_type": "vote_interaction", "checkbox": { "question_key": "q" }, "task_id": "c88-1" })
    );
    for (task, json) in [("a b", json!({ "card_type": "text_notice" })), ("ok", json!({}))] {
        assert_eq!(refused(&template_card(task, json), API), Code::InvalidRequest);
    }
}

#[test]
fn a_card_that_was_sent_before_is_changed_by_its_code() {
    let done = json!({ "card_type": "text_notice", "task_id": "c88-1", "main_title": { "title": "已处理" } });
    let it = Say {
        ticket: Some(ticket("c88-1", false)),
        ..template_card("c88-1", done)
    };
    let (path, body) = called(&it);
    assert_eq!(path, UPDATE_PATH);
    assert_eq!(
        body,
        json!({
            "userids": ["li.si"], "agentid": 1_000_012, "response_code": "rc-1",
            "template_card": { "card_type": "text_notice", "main_title": { "title": "已处理" } },
        })
    );
    assert_eq!(rides(&it, &to_click()), None, "not the card that was clicked");
    let other = Say {
        ticket: Some(ticket("c99", false)),
        ..template_card("c88-1", json!({ "card_type": "text_notice" }))
    };
    assert_eq!(
        called(&other).0,
        SEND_PATH,
        "a code of another card changes nothing here"
    );
}

#[test]
fn the_button_of_a_card_that_we_made_is_changed_by_the_messages_id() {
    let button = json!({ "button": { "replace_name": "已由李四接入" } });
    let it = Say {
        ticket: Some(ticket(MESSAGE, true)),
        ..template_card(MESSAGE, button.clone())
    };
    let (path, body) = called(&it);
    assert_eq!((path, &body["button"]), (UPDATE_PATH, &button["button"]));
    assert_eq!(
        rides(&it, &to_click()).expect("rides"),
        "<xml><ToUserName><![CDATA[Li.Si]]></ToUserName><FromUserName><![CDATA[ww0123456789abcdef]]></FromUserName>\
         <CreateTime>1766102401</CreateTime><MsgType><![CDATA[update_button]]></MsgType>\
         <Button><ReplaceName><![CDATA[已由李四接入]]></ReplaceName></Button></xml>"
    );
    assert_eq!(rides(&it, &to_message()), None, "only in the request of the click");
    assert_eq!(refused(&template_card(MESSAGE, button), API), Code::WindowClosed);
}

#[test]
fn a_changed_card_rides_in_the_letters_of_the_platforms_xml() {
    let card = json!({
        "card_type": "multiple_interaction",
        "main_title": { "title": "a]]>b" },
        "quote_area": { "appid": "wx1" },
        "card_action": { "appid": "wx2", "pagepath": "p" },
        "horizontal_content_list": [{ "keyname": "k", "type": 1 }, { "keyname": "l", "userid": "u" }],
        "checkbox": { "option_list": [{ "id": "1", "is_checked": true }], "disable": false },
        "replace_text": "已提交",
        "x><y": "z",
    });
    let it = Say {
        ticket: Some(ticket("c", true)),
        ..template_card("c", card)
    };
    let xml = rides(&it, &to_click()).expect("rides");
    for expected in [
        "<TemplateCard><CardAction><AppId><![CDATA[wx2]]></AppId><PagePath><![CDATA[p]]></PagePath></CardAction>",
        "<QuoteArea><Appid><![CDATA[wx1]]></Appid></QuoteArea>",
        "<HorizontalContentList><KeyName><![CDATA[k]]></KeyName><Type>1</Type></HorizontalContentList><HorizontalContentList>",
        "<UserId><![CDATA[u]]></UserId>",
        "<CheckBox><Disable>false</Disable><OptionList><Id><![CDATA[1]]></Id><IsChecked>true</IsChecked></OptionList></CheckBox>",
        "<Title><![CDATA[a]]]]><![CDATA[>b]]></Title>",
        "<ReplaceText><![CDATA[已提交]]></ReplaceText>",
    ] {
        assert!(xml.contains(expected), "{expected} in {xml}");
    }
    crate::envelope::parse(xml.as_bytes()).expect("well-formed whatever the core calls its fields");
}

#[test]
fn the_code_of_a_sent_card_is_kept_under_its_name() {
    let pieces = pieces(
        &settings(),
        &template_card("c1", json!({ "card_type": "text_notice" })),
        API,
    )
    .expect("rendered");
    let call = call(&settings(), &pieces.pieces[0], "li.si");
    let answer = |body: &str| Answer {
        status: 200,
        date: None,
        content_type: String::new(),
        body: body.into(),
    };
    let kept = super::ticket(&call, &answer(r#"{"errcode":0,"msgid":"m","response_code":"rc-7"}"#)).expect("kept");
    assert_eq!((kept.code.as_str(), kept.about.as_str()), ("rc-7", "c1"));
    assert_eq!(super::ticket(&call, &answer(r#"{"errcode":0,"msgid":"m"}"#)), None);
}

// ───────────── native bodies ─────────────

#[test]
fn recipient_agent_and_codes_of_a_native_body_are_ours() {
    let it = native(json!({
        "msgtype": "markdown", "markdown": { "content": "**x**" }, "touser": "@all", "toparty": "1", "totag": "2",
        "agentid": 7, "response_code": "stolen", "_welcome_code": "w", "safe": 1,
    }));
    let (path, body) = called(&it);
    assert_eq!(path, SEND_PATH);
    assert_eq!(
        body,
        json!({ "touser": "li.si", "agentid": 1_000_012, "msgtype": "markdown", "markdown": { "content": "**x**" }, "safe": 1 })
    );
    for body in [json!([]), json!({}), json!({ "msgtype": "" })] {
        assert_eq!(refused(&native(body), API), Code::InvalidRequest);
    }
}

#[test]
fn every_native_type_of_the_platform_goes_as_it_is() {
    for kind in [
        "text",
        "image",
        "voice",
        "video",
        "file",
        "textcard",
        "news",
        "mpnews",
        "markdown",
        "miniprogram_notice",
        "template_card",
    ] {
        let (path, body) = called(&native(json!({ "msgtype": kind, kind: { "any": 1 } })));
        assert_eq!((path, &body[kind]), (SEND_PATH, &json!({ "any": 1 })), "{kind}");
        assert_eq!(body.get("agentid").is_none(), kind == "miniprogram_notice");
    }
}

#[test]
fn a_native_change_takes_the_code_of_the_click_or_of_the_card_it_names() {
    let change =
        json!({ "msgtype": "update_template_card", "template_card": { "card_type": "text_notice", "task_id": "c1" } });
    assert_eq!(wants_ticket(&native(change.clone())), "c1");
    let named = Say {
        ticket: Some(ticket("c1", false)),
        ..native(change)
    };
    assert_eq!(called(&named).1["response_code"], "rc-1");
    let unnamed = json!({ "msgtype": "update_button", "button": { "replace_name": "好" } });
    let of_click = Say {
        ticket: Some(ticket("whatever", true)),
        ..native(unnamed.clone())
    };
    assert_eq!(called(&of_click).1["button"]["replace_name"], "好");
    assert_eq!(refused(&native(unnamed), API), Code::WindowClosed);
}

// ───────────── the welcome ─────────────

#[test]
fn the_answer_to_a_new_contact_is_one_welcome() {
    let it = Say {
        ticket: Some(ticket("change_external_contact", true)),
        ..say(vec![
            text("您好"),
            part(Content::Image(media("M"))),
            part(Content::Link(Link {
                url: "https://g.example".into(),
                title: "指南".into(),
                ..Default::default()
            })),
        ])
    };
    assert_eq!(shown(&it, API).len(), 1);
    let (path, body) = called(&it);
    assert_eq!(path, WELCOME_PATH);
    assert_eq!(
        body,
        json!({
            "welcome_code": "rc-1",
            "text": { "content": "您好" },
            "attachments": [
                { "msgtype": "image", "image": { "media_id": "M" } },
                { "msgtype": "link", "link": { "title": "指南", "picurl": "", "desc": "", "url": "https://g.example" } },
            ],
        })
    );
    let voice = Say {
        ticket: Some(ticket("change_external_contact", true)),
        ..say(vec![text("您好"), part(Content::Voice(media("V")))])
    };
    let lost = pieces(&settings(), &voice, API).expect("rendered").degradations;
    assert_eq!(lost.len(), 1);
    let strict = Say {
        degrade: Degrade::LosslessOnly,
        ..voice
    };
    assert_eq!(refused(&strict, API), Code::UnsupportedPart);
}

// ───────────── passive ─────────────

#[test]
fn passive_answers_have_the_shape_of_the_platforms_page() {
    let head = "<xml><ToUserName><![CDATA[Li.Si]]></ToUserName><FromUserName><![CDATA[ww0123456789abcdef]]></FromUserName><CreateTime>1766102401</CreateTime>";
    let video = Media {
        name: "t".into(),
        ..media("M")
    };
    for (content, tail) in [
        (
            text("已收到]]>").content,
            "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[已收到]]]]><![CDATA[>]]></Content></xml>",
        ),
        (
            Some(Content::Image(media("M"))),
            "<MsgType><![CDATA[image]]></MsgType><Image><MediaId><![CDATA[M]]></MediaId></Image></xml>",
        ),
        (
            Some(Content::Voice(media("M"))),
            "<MsgType><![CDATA[voice]]></MsgType><Voice><MediaId><![CDATA[M]]></MediaId></Voice></xml>",
        ),
        (
            Some(Content::Video(video)),
            "<MsgType><![CDATA[video]]></MsgType><Video><MediaId><![CDATA[M]]></MediaId><Title><![CDATA[t]]></Title></Video></xml>",
        ),
        (
            Some(Content::Link(Link {
                url: "https://a.example".into(),
                title: "T".into(),
                ..Default::default()
            })),
            "<MsgType><![CDATA[news]]></MsgType><ArticleCount>1</ArticleCount><Articles><item><Title><![CDATA[T]]></Title><Description><![CDATA[]]></Description><PicUrl><![CDATA[]]></PicUrl><Url><![CDATA[https://a.example]]></Url></item></Articles></xml>",
        ),
    ] {
        let it = say(vec![part(content.expect("set"))]);
        assert_eq!(rides(&it, &to_message()), Some(format!("{head}{tail}")));
        assert_eq!(
            rides(&it, &to_click()),
            None,
            "the request of a click carries changes alone"
        );
    }
    for content in [Content::File(media("M")), Content::Card(card())] {
        assert_eq!(rides(&say(vec![part(content)]), &to_message()), None);
    }
}

#[test]
fn without_the_api_one_message_must_do() {
    let (shown, way) = lost(Content::Card(card()), PASSIVE);
    assert_eq!(
        (shown[0]["msgtype"].as_str(), way),
        (Some("news"), vec!["card→link".to_owned()])
    );
    let cut = pieces(&settings(), &say(vec![text(&"长".repeat(1000)), text("b")]), PASSIVE).expect("cut");
    assert_eq!(cut.pieces.len(), 1);
    let card = template_card("c", json!({ "card_type": "text_notice" }));
    assert_eq!(refused(&card, PASSIVE), Code::UnsupportedPart);
}

#[test]
fn an_ai_mark_has_no_place_and_that_is_said_on_every_road() {
    let it = Say {
        ai_generated: true,
        ..say(vec![text("a")])
    };
    for roads in [API, PASSIVE] {
        let lost = pieces(&settings(), &it, roads).expect("never refused").degradations;
        assert_eq!(
            lost.iter().map(|it| it.from_type.as_str()).collect::<Vec<_>>(),
            ["ai_generated"]
        );
    }
}

#[test]
fn a_mini_program_that_is_not_linked_gives_way_to_the_web_link() {
    let linked = Card {
        mini_program: Some(MiniProgramCard {
            appid: "wxaa".into(),
            ..Default::default()
        }),
        ..card()
    };
    let error = v1::Error {
        platform_code: 90207,
        ..Default::default()
    };
    let (other, lost) = instead(&say(vec![part(Content::Card(linked))]), &error).expect("another way");
    assert_eq!(lost.to_type, "link");
    assert_eq!(shown(&other, API)[0]["template_card"]["card_action"]["type"], 1);
    assert!(instead(&say(vec![part(Content::Card(card()))]), &error).is_none());
}

// ───────────── calls ─────────────

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
        let roads = Roads { passive: passive_road, api: !passive_road };
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
