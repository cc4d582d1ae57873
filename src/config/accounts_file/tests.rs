use super::*;

fn faults(text: &str) -> Vec<String> {
    match parse("accounts.toml", text, Form::of(text), true, |_| Vec::new()) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.0.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn toml_and_json_say_the_same() {
    let toml = r#"
        [[account]]
        id = "shop"
        channel = "official_account"
        app_id = " wx1 "
        token = "t"
        plain_until = 2026-01-31T00:00:00Z
        previous = { token = "old", grace = "1h" }
        quotas = { message = { count = 5, window = "48h" } }
        welcome = { text = "hi", menu = ["a"] }
        limits = { text_bytes = 600 }
    "#;
    let nothing: Check = |_| Vec::new();
    let read = parse("a", toml, Form::Toml, true, nothing).expect("lawful");
    assert_eq!(read[0].app_id, "wx1");
    assert!(read[0].text_html_breaks);
    let json = to_json(&read).expect("JSON").to_string();
    assert_eq!(
        parse("b", &json, Form::of(&json), false, nothing).expect("lawful"),
        read
    );
}

#[test]
fn a_welcome_is_one_message() {
    let item = |text: &str, count: usize| format!("[{}]", vec![format!("{text:?}"); count].join(","));
    for (welcome, lawful) in [
        (format!("{:?}", "长".repeat(682)), true),
        (format!("{:?}", "长".repeat(683)), false),
        (
            format!("{{ text = {:?}, menu = {} }}", "h".repeat(1024), item("a", 10)),
            true,
        ),
        (
            format!("{{ text = {:?}, menu = {} }}", "h".repeat(1025), item("a", 1)),
            false,
        ),
        (format!("{{ text = \"hi\", menu = {} }}", item("a", 11)), false),
        (
            format!("{{ text = \"hi\", menu = {} }}", item(&"a".repeat(129), 1)),
            false,
        ),
        (format!("{{ text = \"hi\", menu = {} }}", item("", 1)), false),
    ] {
        let told = faults(&format!(
            "[[account]]\nid = \"kf\"\nchannel = \"x\"\nwelcome = {welcome}\n"
        ));
        let refused = told
            .iter()
            .any(|fault| fault.contains("welcome") && fault.contains("one message"));
        assert_eq!(
            (refused, told.len()),
            (!lawful, usize::from(!lawful)),
            "{welcome}: {told:?}"
        );
    }
}

#[test]
fn an_agent_is_named_by_its_number_in_both_spellings() {
    let read =
        |text: &str| parse("a", text, Form::of(text), false, |_| Vec::new()).map(|read| read[0].agent_id.clone());
    for text in [
        "[[account]]\nid = \"app\"\nchannel = \"wecom_app\"\nagent_id = 1000012\n",
        "[[account]]\nid = \"app\"\nchannel = \"wecom_app\"\nagent_id = \"1000012\"\n",
        r#"{"account":[{"id":"app","channel":"wecom_app","agent_id":1000012}]}"#,
        r#"{"account":[{"id":"app","channel":"wecom_app","agent_id":" 1000012 "}]}"#,
    ] {
        assert_eq!(read(text).as_deref(), Ok("1000012"), "{text}");
    }
    let told = read(r#"{"account":[{"id":"app","channel":"wecom_app","agent_id":true}]}"#).expect_err("refused");
    assert_eq!(told.0[0].expected, "a number such as 1000002, or the same as a text");
}

#[test]
fn what_surrounds_a_pasted_secret_is_no_part_of_it() {
    let text = "[[account]]\nid = \"shop\"\nchannel = \"x\"\napp_secret = \" hush hush\\n\"\n\
        token = \"abc \"\nprevious = { token = \" cba\" }\n";
    let read = parse("accounts.toml", text, Form::Toml, true, |_| Vec::new()).expect("lawful");
    let previous = read[0].previous.as_ref().expect("one");
    let secrets = [&read[0].app_secret, &read[0].token, &previous.token].map(Secret::expose);
    assert_eq!(secrets, ["hush hush", "abc", "cba"]);
}

#[test]
fn the_dots_of_an_example_are_no_secret() {
    for (secret, lawful) in [
        ("…", false),
        ("hush hush", true),
        ("hu\u{a0}sh", false),
        ("hu-sh_1", true),
    ] {
        for key in ["app_secret", "secret"] {
            let told = faults(&format!(
                "[[account]]\nid = \"shop\"\nchannel = \"x\"\n{key} = \"{secret}\"\n"
            ));
            match lawful {
                true => assert_eq!(told, [] as [&str; 0]),
                false => assert!(
                    matches!(told.as_slice(), [one] if one.starts_with(&format!("accounts.toml:4: account[0].{key}: found ***"))),
                    "{told:?}"
                ),
            }
        }
    }
}

#[test]
fn every_fault_is_told_at_once_and_no_secret_with_it() {
    let told = faults(
        "[[account]]\nid = \"Shop\"\ntoken = 7\nhold = \"two\"\nquotas = { tap = {} }\n[[account]]\nid = \"b\"\nchannel = \"x\"\nsecretz = \"hush\"\n",
    );
    for part in [
        "accounts.toml:2: account[0].id: found \"Shop\"",
        "accounts.toml:1: account[0].channel: found nothing",
        "accounts.toml:3: account[0].token: found ***",
        "account[0].hold: found \"two\"; expected \"one\" or \"three\"",
        "account[0].quotas.tap: found an unknown key",
        "accounts.toml:9: account[1].secretz: found an unknown key",
    ] {
        assert!(told.iter().any(|fault| fault.contains(part)), "{part} in {told:#?}");
    }
    assert_eq!(told.len(), 6, "{told:#?}");
    assert!(!told.concat().contains("hush"));
}

#[test]
fn what_the_channel_has_against_it_is_told_in_the_same_run_at_its_place() {
    let text = "[[account]]\nid = \"a\"\nchannel = \"c\"\ntoken = 7\nhold = \"two\"\nprevious = { token = \"x\" }\n[[account]]\nid = \"a\"\nchannel = \"c\"\n";
    let check: Check = |_| {
        let fault = |key: &str| SettingFault {
            key: key.into(),
            found: "it".into(),
            expected: "a text".into(),
        };
        vec![fault("token"), fault("previous.token"), fault("app_id")]
    };
    let told = parse("f", text, Form::Toml, true, check).expect_err("faults");
    let told: Vec<String> = told.0.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "f:4: account[0].token: found ***; expected a text",
            "f:5: account[0].hold: found \"two\"; expected \"one\" or \"three\"",
            "f:6: account[0].previous.token: found it; expected a text",
            "f:1: account[0].app_id: found it; expected a text",
            "f:8: account[1].id: found \"a\" a second time; expected an id that no other has",
            "f:7: account[1].token: found it; expected a text",
            "f:7: account[1].previous.token: found it; expected a text",
            "f:7: account[1].app_id: found it; expected a text",
        ]
    );
}

#[test]
fn a_limit_that_the_channel_has_not_is_a_fault_that_names_those_it_has() {
    let of = |channel: &str, limits: &str| {
        faults(&format!(
            "[[account]]\nid = \"a\"\nchannel = \"{channel}\"\nlimits = {{ {limits} }}\n"
        ))
    };
    let unknown = |name: &str, known: &str| {
        format!("accounts.toml:4: account[0].limits.{name}: found an unknown key; expected one of: {known}")
    };
    let known = "image_bytes, text_bytes, thumb_bytes, video_bytes, voice_bytes";
    assert_eq!(
        of("official_account", "image_byte = 5, file_bytes = 1, text_bytes = 9"),
        [unknown("file_bytes", known), unknown("image_byte", known)]
    );
    assert_eq!(
        of("mini_program", "voice_bytes = 1"),
        [unknown("voice_bytes", "image_bytes, text_bytes, thumb_bytes")]
    );
    assert!(
        of("open_platform", "text_bytes = 1")[0]
            .ends_with("limits.text_bytes: found an unknown key; expected no key here")
    );
    for (channel, limits) in [
        (
            "official_account",
            "image_bytes = 1, voice_bytes = 1, video_bytes = 1, thumb_bytes = 1",
        ),
        ("wecom_app", "text_bytes = 1, file_bytes = 1"),
        ("wechat_kf", "text_bytes = 1, file_bytes = 1, thumb_bytes = 1"),
        // Which channel it is decides over everything else.
        ("none", "whatever = 1"),
    ] {
        assert_eq!(of(channel, limits), [""; 0], "{channel}");
    }
}

#[test]
fn files_are_never_read_for_a_request() {
    let text = r#"{"account":[{"id":"a","channel":"official_account","app_secret_file":"/etc/hostname"}]}"#;
    let told = parse("request", text, Form::Json, false, |_| Vec::new()).expect_err("refused");
    assert_eq!(told.0[0].key, "account[0].app_secret_file");
}

#[test]
fn broken_json_is_told_by_place_alone() {
    let told = faults("{\"account\":[{\"token\":\"hush\"");
    assert!(
        told[0].contains("no JSON at line 1") && !told[0].contains("hush"),
        "{told:?}"
    );
}

#[test]
fn a_name_that_stands_twice_is_told_by_place_alone() {
    let told = faults("{\"account\":[{\"token\":\"hush\",\n\"token\":\"hush\"}]}");
    assert!(
        told.len() == 1 && told[0].contains("a name twice at line 2") && !told[0].contains("hush"),
        "{told:?}"
    );
}

#[test]
fn an_id_is_what_the_url_can_carry() {
    for (id, lawful) in [
        ("a", true),
        ("0-a_b", true),
        ("", false),
        ("-a", false),
        ("A", false),
        ("a b", false),
    ] {
        assert_eq!(is_id(id), lawful, "{id}");
    }
    assert!(is_id(&"a".repeat(63)) && !is_id(&"a".repeat(64)));
}
