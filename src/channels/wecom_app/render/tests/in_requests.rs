//! What rides in the answer to a request, and what is a welcome?

use super::*;

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
    let rendered = pieces(&settings(), &it, API).expect("rendered").pieces;
    assert!(rendered.len() == 1 && is_welcome(&rendered[0]));
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
        assert_eq!(lost[0].reason.contains("passive"), !roads.api, "{lost:?}");
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
