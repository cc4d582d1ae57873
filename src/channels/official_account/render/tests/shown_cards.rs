//! What do links, articles, pages and cards become?

use super::*;

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
    let rest = "<a href=\"https://x/2\">T2</a>\nD\n<a href=\"https://x/3\">T3</a>\nD";
    check(
        items.clone(),
        API,
        &[news("T1", "D", "https://x/1", "https://x/p.jpg"), words(rest)],
        &["articles>text", "image>"],
    );
    for roads in [API, PASSIVE] {
        let lossless = Say {
            degrade: Degrade::LosslessOnly,
            ..say(vec![items.clone()])
        };
        assert_eq!(
            refused(&lossless, roads),
            Code::UnsupportedPart,
            "the pictures are lost"
        );
    }
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

#[test]
fn in_answer_to_an_event_eight_articles_ride_as_they_are() {
    let after_event = Roads {
        after_event: true,
        ..BOTH
    };
    let articles = |count| {
        part(Content::Articles(Articles {
            items: (1..=count).map(link).collect(),
        }))
    };
    let strict = Say {
        degrade: Degrade::Refuse,
        ..say(vec![articles(8)])
    };
    let eight = pieces(&settings(), &strict, after_event).expect("nothing is lost");
    assert!(eight.degradations.is_empty() && eight.pieces.len() == 1);
    assert!(
        xml(&eight.pieces[0], false)
            .expect("rides")
            .contains("<ArticleCount>8</ArticleCount>")
    );
    assert_eq!(rendered(articles(9), after_event).pieces.len(), 2, "more than it shows");
    for (event, why) in [(true, "in answer to an event 8"), (false, "in answer to a message one")] {
        let alone = Roads {
            after_event: event,
            ..PASSIVE
        };
        let nine = rendered(articles(9), alone);
        assert_eq!(nine.pieces[0].part_type, "text");
        assert!(nine.degradations[0].reason.starts_with(why), "{:?}", nine.degradations);
    }
    let second = say(vec![text("a"), articles(2)]);
    let second = pieces(&settings(), &second, after_event).expect("rendered");
    assert_eq!(second.pieces.len(), 3, "only the first message rides");
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
