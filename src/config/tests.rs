use super::*;

fn read(text: &str, env: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let env: Vec<_> = env
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    Config::read(Some(("wxbridge.toml", text)), &env)
        .map_err(|faults| faults.0.iter().map(ToString::to_string).collect())
}

const CORE: &str = "[[core]]\nname = \"main\"\nurl = \"https://core.example/in\"\nsecrets = [\"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"]\n";

#[test]
fn without_any_file_the_defaults_hold() {
    let config = Config::default();
    assert_eq!(config.public.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(config.internal.listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.health.listen.to_string(), "127.0.0.1:8083");
    assert_eq!(config.store.reserve, 1 << 30);
    assert_eq!(config.retention.events, 7 * 24 * 3600 * 1000);
    assert_eq!(config.session.idle, 48 * 3600 * 1000);
    assert_eq!(config.platform.weixin_api, "https://api.weixin.qq.com");
    assert!(config.cores.0.is_empty() && config.cloud.is_none() && config.notes.is_empty());
}

#[test]
fn what_is_in_force_is_shown_also_where_nothing_was_written() {
    let shown = read(CORE, &[]).expect("lawful").shown;
    let core = &shown["core"][0];
    for (key, value) in [
        ("kind", "http"),
        ("reply_budget", "4000ms"),
        ("timeout", "30s"),
        ("delivery_updates", "problems"),
        ("raw", "off"),
    ] {
        assert_eq!(core[key].as_str(), Some(value), "{key}");
    }
    let text = shown.to_string();
    let again = read(&text.replace("***", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"), &[]).expect("lawful");
    assert_eq!(again.cores.0, read(CORE, &[]).expect("lawful").cores.0);
}

#[test]
fn the_core_shown_in_the_default_file_is_the_core_that_leaves_everything_out() {
    let shown: String = sources::DEFAULTS
        .lines()
        .skip_while(|line| *line != "# [[core]]")
        .take_while(|line| *line != "#")
        .map(|line| format!("{}\n", line.trim_start_matches("# ")))
        .collect();
    let shown = read(&shown, &[]).expect("the example is lawful");
    let bare = read(&CORE.replace("/in", "/wxbridge"), &[]).expect("lawful");
    assert_eq!(shown.cores.0, bare.cores.0);
}

#[test]
fn every_fault_is_told_at_once_with_line_key_found_and_expected() {
    let text = "[store]\nreserve = \"lots\"\ncolour = 1\n[retention]\nevents = \"6d\"\n[internal]\nlisten = \"0.0.0.0:1\"\n[[core]]\nname = \"a b\"\nkind = \"feed\"\nsecrets = [\"hush\"]\nreply_budget = \"5s\"\n[colour]\n";
    let told = read(text, &[("WXBRIDGE__STORE__DIRR", "x"), ("WXBRIDGE__KF__PULLS", "many")]).expect_err("faults");
    for part in [
        "wxbridge.toml:2: store.reserve: found \"lots\"; expected a size such as \"1GiB\"",
        "wxbridge.toml:3: store.colour: found an unknown key",
        "wxbridge.toml:5: retention.events: found \"6d\"; expected a duration of at least 7days",
        "wxbridge.toml:7: internal.listen: found \"0.0.0.0:1\" without TLS",
        "wxbridge.toml:9: core[0].name: found \"a b\"",
        "wxbridge.toml:11: core[0].secrets: found ***; expected whsec_",
        "wxbridge.toml:12: core[0].reply_budget: found \"5s\"; expected a duration of at most 4200ms",
        "wxbridge.toml: colour: found an unknown key",
        "environment variable WXBRIDGE__STORE__DIRR: store.dirr: found an unknown key",
        "environment variable WXBRIDGE__KF__PULLS: kf.pulls: found \"many\"",
    ] {
        assert!(told.iter().any(|fault| fault.starts_with(part)), "{part} in {told:#?}");
    }
    assert_eq!(told.len(), 10, "{told:#?}");
    assert!(!told.concat().contains("hush"));
}

#[test]
fn a_core_that_pulls_has_a_name_and_no_address() {
    let feed = "[[core]]\nname = \"main\"\nkind = \"feed\"\nreply_budget = \"3s\"\n";
    let config = read(feed, &[]).expect("lawful");
    let core = config.cores.named("main").expect("configured");
    assert_eq!(
        (core.kind, core.url.as_str(), core.reply_budget),
        (crate::cores::Kind::Feed, "", 3_000)
    );
    let told = read(&format!("{feed}url = \"http://127.0.0.1:9\"\n"), &[]).expect_err("nobody calls it");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("core[0].url: found an unknown key"), "{told:#?}");
}

#[test]
fn a_variable_that_leaves_a_lists_index_out_is_told_itself_and_not_the_file() {
    for name in ["WXBRIDGE__CORE__MAIN__NAME", "WXBRIDGE__FORWARDER__URL"] {
        let told = read(CORE, &[(name, "y")]).expect_err("a fault");
        assert_eq!(told.len(), 1, "{told:#?}");
        let part = format!("environment variable {name}: found a name that is no setting");
        assert!(told[0].starts_with(&part), "{told:#?}");
    }
}

#[test]
fn the_environment_sets_any_key_also_in_lists_of_tables() {
    let env = [
        ("WXBRIDGE__CORE__0__URL", "http://127.0.0.1:9/x"),
        ("WXBRIDGE__CORE__0__MATCH__ACCOUNTS", "[\"shop-*\"]"),
        ("WXBRIDGE__CORE__0__REPLY_BUDGET", "0"),
        ("WXBRIDGE__CORE__1__NAME", "second"),
        ("WXBRIDGE__CORE__1__URL", "http://127.0.0.1:9/y"),
        (
            "WXBRIDGE__CORE__1__SECRETS",
            "[\"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"]",
        ),
        ("WXBRIDGE__INTERNAL__BEHIND_TLS_PROXY", "true"),
        ("WXBRIDGE__INTERNAL__LISTEN", "[::]:1"),
        ("WXBRIDGE__PUBLIC__TRUSTED_PROXIES", "[\"10.0.0.0/8\", \"::1\"]"),
        ("WXBRIDGE_CONFIG", "ignored here"),
    ];
    let config = read(CORE, &env).expect("lawful");
    let [first, second] = &*config.cores.0 else {
        panic!("two cores")
    };
    assert_eq!(
        (&*first.name, first.url.as_str(), first.reply_budget),
        ("main", "http://127.0.0.1:9/x", 0)
    );
    assert_eq!(first.matches.accounts, ["shop-*"]);
    assert_eq!(&*second.name, "second");
    assert_eq!(config.public.trusted_proxies.len(), 2);
}

#[test]
fn the_environment_alone_makes_a_core() {
    let env = [
        ("WXBRIDGE__CORE__0__NAME", "main"),
        ("WXBRIDGE__CORE__0__URL", "http://127.0.0.1:9/x"),
        (
            "WXBRIDGE__CORE__0__SECRETS",
            "[\"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"]",
        ),
    ];
    assert_eq!(read("", &env).expect("lawful").cores.0.len(), 1);
}

#[test]
fn a_hole_in_a_list_or_an_absurd_index_is_a_fault() {
    let told = read("", &[("WXBRIDGE__CORE__2__URL", "http://127.0.0.1:9")]).expect_err("holes");
    assert!(
        told.iter().any(|fault| fault.contains("core[0]: found nothing")),
        "{told:#?}"
    );
    let told = read("", &[("WXBRIDGE__CORE__99999999999__URL", "x")]).expect_err("absurd");
    assert!(told[0].contains("a name that is no setting"), "{told:#?}");
}

#[test]
fn text_that_is_not_toml_is_told_with_its_line() {
    let told = read("[store]\ndir = \n[retention]\nevents = \"1d\"\n", &[]).expect_err("faults");
    assert!(
        told[0].starts_with("wxbridge.toml:2: found text that is not TOML"),
        "{told:#?}"
    );
    assert!(
        told.iter().any(|fault| fault.contains("retention.events")),
        "the rest is read too: {told:#?}"
    );
}

#[test]
fn secrets_come_from_files_too_and_are_never_shown() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("keys");
    std::fs::write(
        &file,
        "# both\nwhsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\nwhsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI0\n",
    )
    .expect("written");
    let inline = CORE.lines().last().expect("secrets").to_owned();
    let text = CORE.replace(&inline, &format!("secrets_file = {:?}", file.display().to_string()));
    let config = read(&text, &[]).expect("lawful");
    assert_eq!(config.cores.0[0].secrets.len(), 2);
    let both = read(&format!("{text}{inline}\n"), &[]).expect_err("both");
    assert!(both[0].contains("one of them"), "{both:?}");
    let shown = read(CORE, &[]).expect("lawful");
    assert!(!format!("{:?} {}", shown, shown.shown).contains("MDEy"));
    assert!(shown.shown.to_string().contains("***"));
}

#[test]
fn a_password_inside_an_address_is_masked_in_the_fault() {
    let told = read(
        "[store]\nurl = \"postgres://u:hush@db/x\"\n[platform]\nweixin_api = \"https://u:hush@h\"\n",
        &[],
    )
    .expect_err("faults");
    assert_eq!(told.len(), 2);
    assert!(
        told[0].contains("postgres://***@db/x") && told[0].contains("until that of postgres:// exists"),
        "{told:?}"
    );
    assert!(!told.concat().contains("hush"));
}

#[test]
fn listeners_that_would_show_tokens_or_unsigned_pushes_to_the_world_are_refused() {
    for (text, lawful) in [
        ("[grpc]\nlisten = \"10.0.0.1:1\"", false),
        ("[grpc]\nlisten = \"10.0.0.1:1\"\nbehind_tls_proxy = true", true),
        ("[internal]\nlisten = \"[::1]:1\"", true),
        ("[cloud]\nlisten = \"0.0.0.0:1\"", false),
        ("[cloud]\nlisten = \"8.8.8.8:1\"", false),
        ("[cloud]\nlisten = \"10.0.0.1:1\"", true),
        ("[cloud]\nlisten = \"127.0.0.1:1\"", true),
    ] {
        assert_eq!(read(text, &[]).is_ok(), lawful, "{text}");
    }
    let private = read("[cloud]\nlisten = \"10.0.0.1:1\"", &[]).expect("lawful");
    assert_eq!(private.cloud, Some(([10, 0, 0, 1], 1).into()));
}

#[test]
fn two_listeners_of_one_port_are_a_fault_unless_any_free_one_will_do() {
    let faults = read(
        "[internal]\nlisten = \"127.0.0.1:8080\"\n[cloud]\nlisten = \"10.0.0.1:8083\"\n",
        &[],
    )
    .expect_err("a fault");
    assert_eq!(
        faults,
        [
            "wxbridge.toml:2: internal.listen: found \"127.0.0.1:8080\", and public.listen is \"0.0.0.0:8080\"; expected a port of its own"
        ]
    );
    let any = "[public]\nlisten = \"127.0.0.1:0\"\n[internal]\nlisten = \"127.0.0.1:0\"\n";
    read(any, &[]).expect("each gets its own");
    read("[internal]\nlisten = \"[::1]:8080\"\n", &[]).expect("IPv4 and IPv6 are two");
}

#[test]
fn two_cores_of_one_name_are_a_fault() {
    let told = read(&format!("{CORE}{CORE}"), &[]).expect_err("twice");
    assert!(
        told[0].contains("core[1].name: found \"main\" a second time"),
        "{told:?}"
    );
}

#[test]
fn a_name_that_stood_before_is_told_beside_other_faults() {
    let second = CORE.replace("https:", "gopher:");
    let told = read(&format!("{CORE}{second}"), &[]).expect_err("two faults");
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(
        told[1].contains("core[1].name: found \"main\" a second time"),
        "{told:#?}"
    );
    let forwarder = "[[forwarder]]\nname = \"a\"\nurl = \"nowhere\"\ntypes = [\"msg\"]\nkey = \"k\"\n";
    let told = read(&format!("{forwarder}{forwarder}"), &[]).expect_err("three faults");
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(
        told[2].contains("forwarder[1].name: found \"a\" a second time"),
        "{told:#?}"
    );
}

#[test]
fn what_could_not_be_read_is_not_missing_or_unknown_as_well() {
    let keys = CORE.lines().last().expect("secrets");
    let forwarder = "[[forwarder]]\nname = \"a\"\nurl = \"https://a.example/\"\n";
    for (text, part) in [
        (
            CORE.replace(keys, "secrets_file = \"/nowhere/at/all\""),
            "core[0].secrets_file",
        ),
        (
            format!("{forwarder}types = [\"moon\"]\nkey = \"k\"\n"),
            "forwarder[0].types[0]",
        ),
        (
            format!("{forwarder}types = [\"msg\"]\nkey_file = \"/nowhere/at/all\"\n"),
            "forwarder[0].key_file",
        ),
        (
            "[public\nlisten = \"127.0.0.1:1\"\n".to_owned(),
            "text that is not TOML",
        ),
    ] {
        let told = read(&text, &[]).expect_err("a fault");
        assert!(told.len() == 1 && told[0].contains(part), "{told:#?}");
    }
}

#[test]
fn a_header_that_names_people_needs_the_address_of_who_says_it() {
    let told = read("[internal]\ntrusted_user_header = \"X-User\"\n", &[]).expect_err("anybody could say it");
    let [told] = told.as_slice() else { panic!("{told:#?}") };
    for words in [
        "wxbridge.toml:2: internal.trusted_user_header: found \"x-user\" without internal.trusted_proxies; expected beside it",
        "trusted_proxies = [\"10.0.0.5\"], the addresses of the proxy that sets this header",
    ] {
        assert!(told.contains(words), "{told}");
    }
    let text = "[internal]\ntrusted_user_header = \"X-User\"\ntrusted_proxies = [\"10.0.0.1\"]\n";
    let login = read(text, &[]).expect("lawful").internal.proxy_login.expect("set");
    assert_eq!((login.header.as_str(), login.operators.len()), ("x-user", 0));
}

#[test]
fn a_log_level_that_would_silence_the_log_is_a_fault() {
    for level in [
        "warning",
        "loud",
        "info;debug",
        "info;wxbridge=debug",
        "wxbridge",
        "info, debug",
        ",",
        "",
    ] {
        let told = read(&format!("[log]\nlevel = {level:?}\n"), &[]).expect_err(level);
        let found =
            format!("wxbridge.toml:2: log.level: found {level:?}; expected error, warn, info, debug, trace or off");
        assert!(told.len() == 1 && told[0].starts_with(&found), "{told:#?}");
        let told = read("", &[("WXBRIDGE__LOG__LEVEL", level)]);
        assert!(level.is_empty() || told.expect_err(level)[0].contains("WXBRIDGE__LOG__LEVEL"));
    }
    for level in [
        "warn",
        "INFO",
        "off",
        "info,wxbridge::store=debug",
        "wxbridge[offer{key=1}]=trace,error",
    ] {
        let config = read(&format!("[log]\nlevel = {level:?}\n"), &[]).expect("lawful");
        assert_eq!(config.log.level, level);
    }
}

#[test]
fn a_key_in_an_address_is_not_shown_and_is_where_it_is_sent() {
    let core = CORE.replace("/in", "/in?key=hush");
    let forwarder =
        "[[forwarder]]\nname = \"a\"\nurl = \"https://a.example/b?key=hush&v\"\ntypes = [\"msg\"]\nkey = \"hush\"\n";
    let config = read(&format!("{core}{forwarder}"), &[]).expect("lawful");
    let shown = config.shown.to_string();
    assert!(!shown.contains("hush"), "{shown}");
    assert!(shown.contains("\"https://core.example/in?key=***\""), "{shown}");
    assert!(shown.contains("\"https://a.example/b?key=***&***\""), "{shown}");
    assert_eq!(config.forwarders[0].url, "https://a.example/b?key=hush&v");
    assert!(config.cores.0[0].url.ends_with("?key=hush"));
}

#[test]
fn a_password_in_an_address_is_not_told_however_it_is_mistyped() {
    for url in [
        "https://u:hush@a.example",
        "http:/u:hush@a.example/b",
        "u:hush@a.example",
        "https:u:hush@a.example",
    ] {
        let told = read(&format!("[platform]\nweixin_api = {url:?}\n"), &[]).expect_err(url);
        assert!(
            told[0].contains("***@a.example") && !told[0].contains("hush"),
            "{told:?}"
        );
    }
    let told = read("[platform]\nweixin_api = \"a.example:80/b@c\"\n", &[]).expect_err("no scheme");
    assert!(told[0].contains("found \"a.example:80/b@c\""), "{told:?}");
}

#[test]
fn who_misspells_a_key_hears_of_all_there_are() {
    let forwarder = "[[forwarder]]\nname = \"a\"\nurl = \"https://a.example/\"\ntypes = [\"msg\"]\nkey = \"k\"\nmoed = \"hmac-sha256\"\n";
    for (text, key) in [
        (format!("{CORE}knd = \"http\"\n"), "kind"),
        (forwarder.to_owned(), "mode"),
    ] {
        let told = read(&text, &[]).expect_err("a fault");
        assert!(
            told.iter()
                .any(|fault| fault.contains("unknown key") && fault.contains(&format!(" {key}"))),
            "{told:#?}"
        );
    }
}

#[test]
fn a_key_that_nobody_would_sign_with_is_a_fault_and_a_short_one_is_told() {
    let with = |key: &str| CORE.replace("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", key);
    let told = read(&with("whsec_MDEyMzQ1Njc4OTAxMjM0"), &[]).expect_err("15 bytes");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with("wxbridge.toml:4: core[0].secrets: found ***; expected a key of at least 16 bytes"));
    let notes = read(&with("whsec_MDEyMzQ1Njc4OTAxMjM0NQ=="), &[])
        .expect("16 bytes")
        .notes;
    assert!(notes.len() == 1 && notes[0].contains("a key of 16 bytes"), "{notes:?}");
}
