use super::*;
use crate::schema::{
    ListValue,
    v1::{MiniProgramCard, action::Kind, card::Trigger},
};

fn scene(text: &str) -> Entry {
    from_qr_scene(text, false)
}

#[test]
fn a_plain_scene_is_kept_and_says_nothing_more() {
    let entry = scene("store-17");
    assert_eq!((entry.origin(), entry.qr_scene.as_str()), (Origin::QrScene, "store-17"));
    assert!(entry.params.is_empty() && entry.extra_json.is_empty() && entry.problems.is_empty());
}

#[test]
fn known_names_are_typed_and_unknown_ones_kept() {
    let entry =
        scene("type=2&robotFlag=5&groupid=g2&choose_adminid=a1&tran_flag=1&partnerid=p9&uname=%E6%9D%8E&order=88%2526");
    assert_eq!(
        (entry.reception_mode, entry.robot_id.as_str(), entry.group_id.as_str()),
        (2, "5", "g2")
    );
    assert_eq!((entry.agent_id.as_str(), entry.agent_exclusive), ("a1", Some(true)));
    assert_eq!((entry.partner_id.as_str(), entry.display_name.as_str()), ("p9", "李"));
    assert_eq!(entry.extra_json, r#"{"order":"88%26"}"#);
    assert_eq!(
        entry.params.get("order").map(String::as_str),
        Some("88%26"),
        "decoded once"
    );
}

#[test]
fn what_makes_no_sense_is_a_problem_and_costs_nothing_else() {
    let entry = scene("type=7&source=ten&tran_flag=x&transfer_action=[1,2,3,4,5]&customer_fields=no&groupid=g");
    assert_eq!(entry.problems.len(), 5, "{:?}", entry.problems);
    assert_eq!(
        (entry.reception_mode, entry.declared_source, entry.agent_exclusive),
        (0, None, None)
    );
    assert_eq!(entry.group_id, "g");
}

#[test]
fn the_declared_source_and_wxjs_open_the_mini_program() {
    for (text, source, opens) in [
        ("useWxjs=true&source=4", Some(4), true),
        ("useWxjs=TRUE", None, true),
        ("useWxjs=1", None, false),
        ("source=10", Some(10), true),
        ("source=4", Some(4), false),
    ] {
        let entry = scene(text);
        assert_eq!(
            (entry.declared_source, entry.opens_mini_program),
            (source, opens),
            "{text}"
        );
    }
    let strange = scene("source=99");
    assert_eq!((strange.declared_source, strange.problems.len()), (Some(99), 1));
}

#[test]
fn lists_and_groups_are_read_from_json_inside_a_pair() {
    let steps = r#"[{"actionType":"to_group","deciId":"g1","optionId":3,"spillId":4}]"#;
    let text = format!(
        "transfer_action={steps}&customer_fields={}&params={}",
        r#"{"a":1,"b":"x"}"#, r#"{"k":true}"#
    );
    let entry = scene(&text);
    assert_eq!(entry.transfer_action.map(|list| list.values.len()), Some(1));
    assert_eq!(entry.customer_fields.get("a").map(String::as_str), Some("1"));
    assert_eq!(entry.params.get("k").map(String::as_str), Some("true"));
    assert!(entry.problems.is_empty());
}

#[test]
fn numbers_of_a_transfer_action_are_as_they_were_said_or_it_is_told() {
    let said = |steps: &str| {
        let entry = scene(&format!("transfer_action={steps}"));
        let list = entry
            .transfer_action
            .map(|list| serde_json::to_string(&list).expect("JSON"));
        (list.unwrap_or_default(), entry.problems)
    };
    let steps = r#"[{"z":1.5,"optionId":3}]"#;
    assert_eq!(said(steps), (r#"[{"optionId":3,"z":1.5}]"#.to_owned(), Vec::new()));
    let (list, problems) = said(r#"[{"deciId":12345678901234567}]"#);
    assert_eq!(
        (list.as_str(), problems.len()),
        (r#"[{"deciId":12345678901234568}]"#, 1)
    );
    assert!(
        problems[0].contains("transfer_action holds a number of 2^53"),
        "{problems:?}"
    );
    let (list, problems) = said(&format!("{}{}", "[".repeat(60), "]".repeat(60)));
    assert_eq!(
        (list.as_str(), problems.len()),
        ("", 1),
        "no event that cannot be read again"
    );
}

#[test]
fn what_is_registered_obeys_the_rules_of_a_link() {
    let lawful = Entry {
        reception_mode: 4,
        company_name: "某".repeat(200),
        extra_json: r#"{"a":1}"#.into(),
        transfer_action: Some(vec![Value::from(1); 4].into()),
        ..Entry::default()
    };
    assert_eq!((fault(&lawful), fault(&Entry::default())), (None, None));
    fn list(text: &str) -> Option<ListValue> {
        serde_json::from_str(text).expect("a list")
    }
    type Spoil = fn(&mut Entry);
    let faults: [(&str, Spoil); 7] = [
        ("receptionMode is 7, expected 0 to 4", |it| it.reception_mode = 7),
        ("companyName is longer than 200 characters", |it| {
            it.company_name.push('x')
        }),
        ("extraJson is not a JSON object", |it| it.extra_json = "{bad".into()),
        ("extraJson is not a JSON object", |it| it.extra_json = "[1]".into()),
        ("transferAction has more than 4 steps", |it| {
            it.transfer_action = list("[1,2,3,4,5]")
        }),
        ("transferAction is nested deeper", |it| {
            it.transfer_action = list(&format!("{}{}", "[".repeat(17), "]".repeat(17)))
        }),
        ("transferAction holds a number of 2^53 or more", |it| {
            it.transfer_action = list(r#"[{"deciId":12345678901234567}]"#)
        }),
    ];
    for (told, spoil) in faults {
        let mut entry = lawful.clone();
        spoil(&mut entry);
        let fault = fault(&entry).expect(told);
        assert!(fault.starts_with(told), "{fault}");
    }
}

#[test]
fn raw_json_is_read_only_where_the_account_allows_it() {
    let text = r#"{"groupid":"g2","company_name":"某某","x":{"y":1}}"#;
    let entry = from_menu_key(text, true);
    assert_eq!((entry.group_id.as_str(), entry.company_name.as_str()), ("g2", "某某"));
    assert_eq!(entry.extra_json, r#"{"x":{"y":1}}"#);
    let entry = from_menu_key(text, false);
    assert_eq!((entry.group_id.as_str(), entry.problems.len()), ("", 1));
    assert_eq!(from_menu_key("{\"a\":", true).problems.len(), 1);
}

#[test]
fn a_company_name_is_cut_at_200_characters() {
    let entry = scene(&format!("company_name={}", "某".repeat(201)));
    assert_eq!((entry.company_name.chars().count(), entry.problems.len()), (200, 1));
}

#[test]
fn a_token_is_recognised_alone_as_a_pair_and_encoded() {
    for entry in [
        scene("p=vip7"),
        scene("a=1&p=vip7"),
        from_kf_scene("s", "p%3Dvip7", false),
        from_menu_key("p=vip7", false),
        from_session_from("p=vip7", false),
        from_session_from("sobot|Li|http://x|p=vip7", false),
    ] {
        assert_eq!(token_of(&entry).as_deref(), Some("vip7"), "{entry:?}");
    }
    for text in ["vip7", "p=", "p=a b", "xp=1", &format!("p={}", "a".repeat(25))] {
        assert_eq!(token_of(&scene(text)), None, "{text}");
    }
}

#[test]
fn what_was_registered_wins_and_the_carrier_fills_the_gaps() {
    let registered = Entry {
        group_id: "g1".into(),
        params: [("k".to_owned(), "ours".to_owned())].into(),
        extra_json: r#"{"a":1}"#.into(),
        ..Entry::default()
    };
    let carried = scene("p=vip7&groupid=evil&robotid=5&k=theirs&source=10&b=2");
    let entry = merge(registered, carried);
    assert_eq!(entry.origin(), Origin::EntryToken);
    assert_eq!((entry.group_id.as_str(), entry.robot_id.as_str()), ("g1", "5"));
    assert_eq!(
        (entry.params.get("k").map(String::as_str), entry.params.get("p")),
        (Some("ours"), None)
    );
    assert_eq!(entry.qr_scene, "p=vip7&groupid=evil&robotid=5&k=theirs&source=10&b=2");
    assert_eq!(entry.extra_json, r#"{"a":1,"b":"2","k":"theirs"}"#);
    assert!(entry.opens_mini_program);
}

#[test]
fn the_sobot_dialect_names_nick_avatar_and_parameters() {
    let entry = from_session_from(r#"sobot|Li|http://x/a.png|{"groupid":"g2","note":"a|b"}|extra"#, false);
    assert_eq!(
        (entry.display_name.as_str(), entry.avatar_url.as_str()),
        ("Li", "http://x/a.png")
    );
    assert_eq!((entry.group_id.as_str(), entry.problems.len()), ("g2", 1));
    let short = from_session_from("sobot|Li|http://x/a.png", false);
    assert!(short.problems.is_empty() && short.opens_mini_program);
    let cut = from_session_from(r#"sobot|Li|http://x|{"groupid":"#, false);
    assert_eq!(
        (cut.display_name.as_str(), cut.group_id.as_str(), cut.problems.len()),
        ("Li", "", 1)
    );
}

#[test]
fn a_kf_scene_parameter_is_kept_verbatim_and_read_after_one_decoding() {
    let entry = from_kf_scene("shop", "source%3D1%26x%3D%2541", false);
    assert_eq!(
        (entry.scene.as_str(), entry.scene_param.as_str()),
        ("shop", "source%3D1%26x%3D%2541")
    );
    assert_eq!(
        (entry.declared_source, entry.params.get("x").map(String::as_str)),
        (Some(1), Some("%41"))
    );
}

/// Every carrier, with that text in it.
fn carried(text: &str) -> [Entry; 4] {
    [
        from_session_from(text, false),
        from_kf_scene("shop", text, false),
        from_qr_scene(text, false),
        from_menu_key(text, false),
    ]
}

#[test]
fn the_sobot_dialect_is_read_from_every_carrier() {
    let json = r#"sobot|Li|http://x/a.png|{"groupid":"g2","order":"a|b=c%41"}"#;
    let encoded =
        "sobot%7CLi%7Chttp%3A%2F%2Fx%2Fa.png%7C%7B%22groupid%22%3A%22g2%22%2C%22order%22%3A%22a%7Cb%3Dc%2541%22%7D";
    for text in [json, encoded, &json.replace("sobot", " Sobot ")] {
        for entry in carried(text) {
            assert_eq!(
                (
                    entry.display_name.as_str(),
                    entry.avatar_url.as_str(),
                    entry.group_id.as_str()
                ),
                ("Li", "http://x/a.png", "g2"),
                "{entry:?}"
            );
            assert_eq!(
                entry.params.get("order").map(String::as_str),
                Some("a|b=c%41"),
                "{entry:?}"
            );
            assert!(entry.problems.is_empty(), "{entry:?}");
        }
    }
    let [_, kf, qr, menu] = carried(json);
    assert_eq!(
        (kf.scene_param.as_str(), qr.qr_scene.as_str(), menu.menu_key.as_str()),
        (json, json, json)
    );
    assert!(![kf, qr, menu].iter().any(|entry| entry.opens_mini_program));
}

#[test]
fn pairs_in_the_sobot_dialect_are_decoded_once() {
    for text in [
        "sobot|Li|http://x|groupid=g2&a=%2541",
        "sobot%7CLi%7Chttp://x%7Cgroupid=g2%26a=%2541",
    ] {
        for entry in carried(text) {
            assert_eq!(
                (entry.display_name.as_str(), entry.group_id.as_str()),
                ("Li", "g2"),
                "{entry:?}"
            );
            assert_eq!(entry.params.get("a").map(String::as_str), Some("%41"), "{entry:?}");
        }
    }
}

#[test]
fn what_is_broken_in_the_sobot_dialect_is_said_on_every_carrier() {
    for text in [
        r#"sobot|Li|http://x|{"groupid":"#,
        r#"sobot|Li|http://x|{"groupid":"g2"}|extra"#,
    ] {
        for entry in carried(text) {
            assert_eq!(
                (entry.display_name.as_str(), entry.problems.len()),
                ("Li", 1),
                "{entry:?}"
            );
        }
    }
    for text in ["sobot", "sobots|a", "a|sobot|b", "a=sobot|b", "store|17"] {
        for entry in carried(text) {
            assert_eq!(
                (entry.display_name.as_str(), entry.avatar_url.as_str()),
                ("", ""),
                "{entry:?}"
            );
        }
    }
}

/// As the vendor's pages write one: two links everywhere, a button of each kind, and names that we have no field for.
const CARD_INFO: &str = r#"{"cardId":77,"cardType":1,"cardTrigger":2,"cardGuide":"看看这个","cardDesc":"外层说明","cardImg":"https://i/0.jpg",
    "cardLink":"https://shop/0","miniProgramUrl":"pages/0","cardMenus":[
        {"menuType":0,"menuName":"购买","menuLink":"https://shop/buy","menuLinkType":2,"menuMiniProgramUrl":"pages/buy?id=1"},
        {"menuType":0,"menuName":"详情","menuLink":"https://shop/more"},
        {"menuType":2,"menuName":"发送","menuTip":"已发送"},
        {"menuType":1,"menuName":"确认"}],
    "customCards":[{"customCardName":"蓝色水壶","customCardDesc":"1.5升","customCardThumbnail":"https://i/1.jpg",
        "customCardAmount":"99.00","customCardAmountSymbol":"¥","customCardLink":"https://shop/1","customMiniProgramUrl":"pages/1",
        "customCardQuestion":"怎么退货","odd":{"a":1}},{"customCardName":"第二张"}]}"#;

#[test]
fn the_vendors_card_is_the_entrys_card_and_nothing_of_it_is_lost() {
    let whole: Value = serde_json::from_str(CARD_INFO).expect("JSON");
    let as_text = serde_json::json!({ "card_info": CARD_INFO, "groupid": "g2" });
    let as_object = serde_json::json!({ "card_info": whole, "groupid": "g2" });
    for params in [as_text, as_object] {
        let entry = from_session_from(&format!("sobot|Li|https://a|{params}"), false);
        assert!(entry.problems.is_empty(), "{entry:?}");
        let kept: Value = serde_json::from_str(&entry.params["card_info"]).expect("JSON");
        assert_eq!(kept, whole, "as it came");
        assert!(entry.extra_json.contains("menuLinkType"));
        let card = entry.card.expect("a card");
        assert_eq!(
            (card.id.as_str(), card.title.as_str(), card.description.as_str()),
            ("77", "蓝色水壶", "1.5升")
        );
        assert_eq!(
            (card.image_url.as_str(), card.web_url.as_str()),
            ("https://i/1.jpg", "https://shop/1")
        );
        assert_eq!(
            card.mini_program.as_ref().map(|it| it.page_path.as_str()),
            Some("pages/1")
        );
        assert_eq!((card.question.as_str(), card.trigger()), ("怎么退货", Trigger::Both));
        assert_eq!(
            card.facts.iter().map(|it| it.value.as_str()).collect::<Vec<_>>(),
            ["¥99.00"]
        );
        let page = |path: &str| {
            let page_path = path.to_owned();
            Some(Kind::MiniProgram(MiniProgramCard {
                page_path,
                ..Default::default()
            }))
        };
        let does: Vec<_> = card
            .actions
            .iter()
            .map(|it| (it.label.as_str(), it.kind.clone(), it.web_fallback_url.as_str()))
            .collect();
        assert_eq!(
            does,
            [
                ("购买", page("pages/buy?id=1"), "https://shop/buy"),
                ("详情", Some(Kind::Url("https://shop/more".into())), ""),
                ("发送", Some(Kind::ReplyText("发送".into())), ""),
                ("确认", Some(Kind::ReplyText("确认".into())), ""),
            ]
        );
    }
}

#[test]
fn a_card_that_stands_alone_or_cannot_be_read_is_kept_too() {
    let simple = r#"sobot|Li||{"card_info":{"cardGuide":"看看","cardLink":"https://shop/0"}}"#;
    let card = from_session_from(simple, false).card.expect("a card");
    assert_eq!(
        (card.title.as_str(), card.web_url.as_str(), card.trigger()),
        ("看看", "https://shop/0", Trigger::Human)
    );
    for broken in ["7", r#""{""#, "[]"] {
        let entry = from_session_from(&format!(r#"sobot|Li||{{"card_info":{broken},"a":"1"}}"#), false);
        assert_eq!((entry.card.is_none(), entry.problems.len()), (true, 1), "{broken}");
        assert!(
            entry.params.contains_key("card_info") && entry.params.contains_key("a"),
            "{broken}"
        );
    }
}
