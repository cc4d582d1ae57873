use super::*;
use crate::{ports::platform::CallBody, settings::Security};

fn whole() -> AccountSettings {
    AccountSettings {
        id: "platform".into(),
        channel: "open_platform".into(),
        app_id: "wxcomponent00000001".into(),
        app_secret: Secret::new("s3cret"),
        token: Secret::new("pamtest"),
        encoding_aes_key: Secret::new("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"),
        ..AccountSettings::default()
    }
}

fn notice(fields: &str) -> Result<Notice, Code> {
    let plain = format!("<xml><AppId>wxcomponent00000001</AppId><CreateTime>1752002000</CreateTime>{fields}</xml>");
    notices::read("wxcomponent00000001", plain.as_bytes()).map_err(|refusal| refusal.fault().code)
}

#[test]
fn each_notice_is_read_and_what_lacks_its_point_is_set_aside() {
    let ticket = "<InfoType>component_verify_ticket</InfoType><ComponentVerifyTicket><![CDATA[ticket@@@abc]]></ComponentVerifyTicket>";
    assert_eq!(
        notice(ticket),
        Ok(Notice::Ticket {
            ticket: Secret::new("ticket@@@abc"),
            created: 1_752_002_000_000,
        })
    );
    let authorized = "<AuthorizerAppid>wx1</AuthorizerAppid><AuthorizationCode>queryauthcode@@@x</AuthorizationCode>\
                      <AuthorizationCodeExpiredTime>1752005700</AuthorizationCodeExpiredTime><PreAuthCode>p</PreAuthCode>";
    for (name, again) in [("authorized", false), ("updateauthorized", true)] {
        let read = notice(&format!("<InfoType>{name}</InfoType>{authorized}"));
        let Ok(Notice::Authorized(it)) = read else {
            panic!("{name}: {read:?}");
        };
        assert_eq!((it.app_id.as_str(), it.again), ("wx1", again));
        assert_eq!((it.code.expose(), it.pre_auth.expose()), ("queryauthcode@@@x", "p"));
    }
    let gone = notice("<InfoType>unauthorized</InfoType><AuthorizerAppid>wx1</AuthorizerAppid>");
    assert!(matches!(gone, Ok(Notice::Unauthorized { app_id, .. }) if app_id == "wx1"));
    assert!(matches!(
        notice("<InfoType>notify_3rd_wxa_auth</InfoType>"),
        Ok(Notice::Other { .. })
    ));
    for odd in [
        "",
        "<InfoType>component_verify_ticket</InfoType>",
        "<InfoType>unauthorized</InfoType>",
        "<InfoType>authorized</InfoType><AuthorizerAppid>wx1</AuthorizerAppid>",
    ] {
        assert_eq!(notice(odd), Err(Code::Undecodable), "{odd}");
    }
    let other = notices::read("wxanother", b"<xml><AppId>wx2</AppId><InfoType>x</InfoType></xml>");
    assert_eq!(other.map_err(|it| it.fault().code), Err(Code::WrongReceiver));
}

#[test]
fn an_authorizer_is_a_mini_program_only_by_the_field_that_says_so() {
    let about = |more: &str| {
        let body = format!(
            r#"{{"authorizer_info":{{"nick_name":"店","user_name":"gh_1","principal_name":"公司","service_type_info":{{"id":2}},
            "verify_type_info":{{"id":0}}{more}}},"authorization_info":{{"authorizer_refresh_token":"r","func_info":
            [{{"funcscope_category":{{"id":1}}}},{{"funcscope_category":{{"id":15}},"confirm_info":{{"need_confirm":0}}}}]}}}}"#
        );
        answers::about(&Answer::json(200, body)).expect("an authorizer")
    };
    let it = about("");
    assert_eq!(
        (it.channel.as_str(), it.original_id.as_str(), it.verified),
        ("official_account", "gh_1", true)
    );
    assert_eq!((it.sets.as_slice(), it.refresh.expose()), (&[1, 15][..], "r"));
    assert_eq!(about(r#","MiniProgramInfo":{"network":{}}"#).channel, "mini_program");
}

#[test]
fn sets_are_sorted_and_named_and_an_unknown_one_is_shown_by_its_number() {
    assert!(sets::SETS.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert!(
        sets::SETS
            .iter()
            .all(|set| !set.name_zh.is_empty() && !set.name_en.is_empty())
    );
    assert_eq!((sets::named(1).name_zh, sets::named(4).exclusive), ("消息管理", true));
    assert_eq!((sets::named(9_999).id, sets::named(9_999).name_en), (9_999, ""));
}

#[test]
fn the_pages_are_the_platforms_and_say_where_to_come_back() {
    let pre_auth = PreAuth {
        code: Secret::new("preauthcode@@@x"),
        lives_for: 1,
    };
    let back = "https://bridge.example.com/open/p/bound?bind=1&state=2";
    let pages = pages::pages(&whole(), "https://mp.weixin.qq.com/", &pre_auth, back, Some("wx1"));
    let query = "component_appid=wxcomponent00000001&pre_auth_code=preauthcode%40%40%40x&\
                 redirect_uri=https%3A%2F%2Fbridge.example.com%2Fopen%2Fp%2Fbound%3Fbind%3D1%26state%3D2&auth_type=3&biz_appid=wx1";
    assert_eq!(
        pages.pc,
        format!("https://mp.weixin.qq.com/cgi-bin/componentloginpage?{query}")
    );
    assert_eq!(
        pages.phone,
        format!(
            "https://open.weixin.qq.com/wxaopen/safe/bindcomponent?action=bindcomponent&no_scan=1&{query}#wechat_redirect"
        )
    );
}

#[test]
fn the_release_test_hears_what_it_wants_and_nobody_else_does() {
    let text = |content: &str| {
        format!(
            "<xml><ToUserName>gh_3c884a361561</ToUserName><FromUserName>o1</FromUserName><MsgType>text</MsgType><Content>{content}</Content></xml>"
        )
    };
    let app_id = "wx570bc396a51b8ff8";
    let said = release::played(
        app_id,
        text("TESTCOMPONENT_MSG_TYPE_TEXT").as_bytes(),
        1_752_003_000_000,
    );
    let Some(Played::Passive(document)) = said else {
        panic!("{said:?}");
    };
    assert_eq!(
        String::from_utf8_lossy(&document),
        "<xml><ToUserName><![CDATA[o1]]></ToUserName><FromUserName><![CDATA[gh_3c884a361561]]></FromUserName>\
         <CreateTime>1752003000</CreateTime><MsgType><![CDATA[text]]></MsgType>\
         <Content><![CDATA[TESTCOMPONENT_MSG_TYPE_TEXT_callback]]></Content></xml>"
    );
    let code = release::played(app_id, text("QUERY_AUTH_CODE:queryauthcode@@@a:b").as_bytes(), 0);
    let code = match code {
        Some(Played::Api { code, to }) if to == "o1" => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        code.expose(),
        "queryauthcode@@@a:b",
        "everything behind the first colon"
    );
    let CallBody::Json(body) = release::call(&code, "o1").body else {
        panic!("JSON");
    };
    let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body["text"]["content"], "queryauthcode@@@a:b_from_api");
    assert_eq!(
        release::played(app_id, text("hello").as_bytes(), 0),
        Some(Played::Nothing)
    );
    assert_eq!(
        release::played("wx0123456789abcdef", text("TESTCOMPONENT_MSG_TYPE_TEXT").as_bytes(), 0),
        None
    );
}

#[test]
fn what_an_operator_enters_is_looked_at_whole() {
    assert!(CHANNEL.open(&whole()).is_ok());
    for (settings, key) in [
        (
            AccountSettings {
                auth_type: Some(7),
                ..whole()
            },
            "auth_type",
        ),
        (
            AccountSettings {
                security: Security::Plain,
                ..whole()
            },
            "security",
        ),
        (
            AccountSettings {
                via: "x".into(),
                ..whole()
            },
            "via",
        ),
        (
            AccountSettings {
                app_secret: Secret::default(),
                ..whole()
            },
            "app_secret",
        ),
        (
            AccountSettings {
                original_id: "gh_1".into(),
                ..whole()
            },
            "original_id",
        ),
    ] {
        let faults = CHANNEL.open(&settings).err().expect("faulty");
        assert!(faults.iter().any(|fault| fault.key == key), "{key}: {faults:?}");
    }
}

#[test]
fn every_code_of_the_table_is_judged_as_it_is_explained() {
    use crate::channels::contract::Tables as _;
    let account = CHANNEL.open(&whole()).expect("open");
    for number in CHANNEL.numbers() {
        let told = CHANNEL.explain(number).expect("explained");
        let answer = Answer::json(200, format!(r#"{{"errcode":{number},"errmsg":"x"}}"#));
        let error = match account.judge(&calls::pre_auth(&whole()), &answer) {
            Verdict::RefreshToken(error) | Verdict::RetryLater(error) | Verdict::UploadAgain(error) => error,
            Verdict::Failed { error, .. } => error,
            other => panic!("{number}: {other:?}"),
        };
        assert_eq!(error.code, told.code.name(), "{number}");
    }
}
