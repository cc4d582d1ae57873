//! What rides in a request, what goes by the API, and what does each body hold?

use super::*;

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
    assert_eq!(out::lost_marks(piece)[0].from_type, "ai_generated");
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
        "{\"touser\":\"oUser\",\"msgtype\":\"text\",\"text\":{\"content\":\"a]]>b\\tc\"}}"
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
