//! What do neutral cards and menus become?

use super::*;

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

#[test]
fn the_key_of_a_button_is_whole_or_refused() {
    let key = |bytes: usize| action(&"k".repeat(bytes), "是", None);
    let menu = |bytes: usize| {
        Content::Menu(Menu {
            actions: vec![key(bytes)],
            ..Default::default()
        })
    };
    let (shown, lost) = lost(menu(1024), API);
    assert_eq!(shown[0]["template_card"]["button_list"][0]["key"], "k".repeat(1024));
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(refused(&say(vec![part(menu(1025))]), API), Code::TooLong);
    let with_button = Card {
        actions: vec![key(1025)],
        ..card()
    };
    assert_eq!(
        refused(&say(vec![part(Content::Card(with_button))]), API),
        Code::TooLong
    );
    // A text has no keys.
    assert_eq!(self::lost(menu(1025), PASSIVE).1, ["menu→text"]);
}
