//! Do the core's own template cards and bodies go as they are, and change what was sent before?

use super::*;

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
    let answer = |body: &str| Answer::json(200, body);
    let kept =
        super::super::ticket(&call, &answer(r#"{"errcode":0,"msgid":"m","response_code":"rc-7"}"#)).expect("kept");
    assert_eq!((kept.code.as_str(), kept.about.as_str()), ("rc-7", "c1"));
    assert_eq!(
        super::super::ticket(&call, &answer(r#"{"errcode":0,"msgid":"m"}"#)),
        None
    );
}

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
