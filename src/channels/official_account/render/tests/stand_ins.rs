//! What stands in for what the platform cannot send?

use super::*;

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
