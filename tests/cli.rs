//! Does the command line keep its promises? The real binary: exit codes, faults, masks, no daemon where none is needed.

mod support;

use std::{
    path::Path,
    process::{Command, Output},
};

use support::{
    bridge::{Bridge, Setup},
    papers::Papers,
};

/// The binary with an environment of its own.
fn wxbridge(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wxbridge"));
    command.args(args).current_dir(dir).env_clear();
    command.envs(env.iter().copied());
    command.output().expect("the binary runs")
}

fn check(args: &[&str], env: &[(&str, &str)]) -> (i32, String, String) {
    let dir = tempfile::tempdir().expect("a folder");
    check_in(dir.path(), args, env)
}

fn check_in(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> (i32, String, String) {
    let output = wxbridge(dir, args, env);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// A folder with a configuration in it.
fn with_config(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("w.toml"), text).expect("written");
    dir
}

const CORE: &str = "[[core]]\nname = \"main\"\nurl = \"http://127.0.0.1:9/in\"\nsecrets = [\"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"]\n";

#[test]
fn without_a_file_the_configuration_is_right_and_shown() {
    assert_eq!(check(&["config", "check"], &[]).1, "ok\n");
    let (exit, shown, _) = check(&["config", "show"], &[]);
    assert_eq!(exit, 0);
    assert!(shown.contains("[public]\nlisten = \"0.0.0.0:8080\""), "{shown}");
}

#[test]
fn every_fault_is_told_at_once_with_its_place() {
    let dir = with_config("[store]\nreserve = \"lots\"\n[public]\ncolour = 1\n");
    let env = [("WXBRIDGE__RETENTION__EVENTS", "1d"), ("WXBRIDGE__NO__SUCH", "1")];
    let (exit, out, told) = check_in(dir.path(), &["config", "check", "-c", "w.toml"], &env);
    assert_eq!((exit, out.as_str()), (78, ""));
    for part in [
        "w.toml:2: store.reserve: found \"lots\"; expected a size",
        "w.toml:4: public.colour: found an unknown key",
        "environment variable WXBRIDGE__RETENTION__EVENTS: retention.events: found \"1d\"; expected a duration of at least 7days",
        "environment variable WXBRIDGE__NO__SUCH: no: found an unknown key",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert_eq!(told.lines().count(), 4, "{told}");
}

#[test]
fn faults_are_told_in_the_language_of_the_operator() {
    let dir = with_config("[public]\nlisten = \"nope\"\ncolour = 1\n");
    let env = [
        ("LANG", "zh_CN.UTF-8"),
        ("WXBRIDGE__RETENTION__EVENTS", "1d"),
        ("WXBRIDGE_TOKEN", "t"),
    ];
    let (exit, _, told) = check_in(dir.path(), &["config", "check", "-c", "w.toml"], &env);
    assert_eq!(exit, 78, "{told}");
    for line in [
        "w.toml:2：public.listen：当前为 \"nope\"；应为 形如 \"127.0.0.1:8081\" 的地址",
        "w.toml:3：public.colour：当前为 未知的键；应为 以下之一：",
        "环境变量 WXBRIDGE__RETENTION__EVENTS：retention.events：当前为 \"1d\"；应为 不少于7days的时长，如 \"7d\"",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    let accounts = "[[account]]\nid = \"shop\"\nchannel = \"official_account\"\napp_id = \"wx 1\"\n";
    std::fs::write(dir.path().join("accounts.toml"), accounts).expect("written");
    let (exit, _, told) = check_in(dir.path(), &["account", "apply", "accounts.toml"], &env);
    assert_eq!(exit, 78, "{told}");
    for line in [
        "accounts.toml:4：account[0].app_id：当前为 wx 1；应为 AppID：由字母、数字、'_'、'-'组成",
        "account[0].app_secret：当前为 未填写；应为 管理后台“基本配置”页面上的AppSecret",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    let (exit, _, told) = check(
        &["--lang", "zh", "account", "rotate", "shop", "--token", "no token!"],
        &[],
    );
    assert_eq!(
        (exit, told.as_str()),
        (64, "--token：当前为 ***；应为 3到32个字母和数字\n")
    );
}

#[test]
fn the_file_may_be_named_by_variable_and_a_missing_one_is_a_fault() {
    let dir = with_config(CORE);
    let shown = check_in(dir.path(), &["config", "show"], &[("WXBRIDGE_CONFIG", "w.toml")]);
    assert_eq!(shown.0, 0, "{}", shown.2);
    assert!(
        shown.1.contains("secrets = [\"***\"]") && !shown.1.contains("MDEy"),
        "{}",
        shown.1
    );
    let json = check_in(dir.path(), &["--json", "config", "show", "-c", "w.toml"], &[]).1;
    assert!(json.contains("\"url\": \"http://127.0.0.1:9/in\""), "{json}");
    let missing = check_in(dir.path(), &["config", "check", "-c", "none.toml"], &[]);
    assert_eq!(missing.0, 78);
    assert!(missing.2.contains("none.toml"), "{}", missing.2);
}

#[test]
fn postgres_is_78_until_that_store_exists() {
    let dir = with_config("[store]\nurl = \"postgres://u:hush@db/x\"\n");
    let (exit, _, told) = check_in(dir.path(), &["config", "check", "-c", "w.toml"], &[]);
    assert_eq!(exit, 78);
    assert!(told.contains("until") && !told.contains("hush"), "{told}");
}

#[test]
fn a_word_that_is_no_command_is_64_and_help_is_0() {
    assert_eq!(check(&["dance"], &[]).0, 64);
    assert_eq!(check(&["token", "create", "--scope", "core"], &[]).0, 64);
    assert_eq!(check(&["account", "rotate", "shop"], &[]).0, 64);
    assert_eq!(check(&["sim", "--listen", "nowhere"], &[]).0, 64);
    assert_eq!(check(&["replay", "--core", "main", "--from", "yesterday"], &[]).0, 64);
    for wrong in [
        ["--encoding-aes-key", "short"],
        ["--token", "no token!"],
        ["--token", ""],
    ] {
        let (exit, _, told) = check(&[&["account", "rotate", "shop"][..], &wrong].concat(), &[]);
        assert_eq!(exit, 64, "{wrong:?}: {told}");
        assert!(!told.contains("no token!"), "{told}");
    }
    let (exit, help, _) = check(&["--help"], &[]);
    assert_eq!(exit, 0);
    for command in [
        "account", "doctor", "parked", "replay", "send", "backup", "explain", "proto",
    ] {
        assert!(help.contains(command), "{command}");
    }
}

#[test]
fn a_code_is_explained_in_the_language_of_the_operator() {
    let (exit, english, _) = check(&["explain", "window_closed"], &[("LANG", "en_US.UTF-8")]);
    assert_eq!(exit, 0);
    assert!(
        english.starts_with("WINDOW_CLOSED (HTTP 409, gRPC FAILED_PRECONDITION)") && english.contains("What to do: "),
        "{english}"
    );
    let chinese = check(
        &["explain", "WINDOW_CLOSED"],
        &[("LC_ALL", "zh_CN.UTF-8"), ("LANG", "C")],
    )
    .1;
    assert!(chinese.contains("处理办法："), "{chinese}");
    assert_eq!(check(&["--lang", "zh", "explain", "WINDOW_CLOSED"], &[]).1, chinese);
    let (exit, number, _) = check(&["explain", "45015"], &[]);
    assert_eq!(exit, 0);
    assert!(number.contains("45015") && number.contains("WINDOW_CLOSED"), "{number}");
    let number = check(&["--lang", "zh", "explain", "45015"], &[]).1;
    assert!(
        number.starts_with("公众号 45015: 回复时限已过 (不再重试)\n处理办法："),
        "{number}"
    );
    let (exit, busy, _) = check(&["explain", "-1"], &[]);
    assert_eq!(exit, 0);
    assert!(busy.contains("PLATFORM_DOWN"), "{busy}");
    let (exit, _, told) = check(&["explain", "NO_SUCH"], &[]);
    assert_eq!(exit, 64);
    assert!(told.contains("WINDOW_CLOSED"), "{told}");
}

#[test]
fn the_schema_is_printed_as_it_is() {
    let (exit, proto, _) = check(&["proto"], &[]);
    assert_eq!(exit, 0);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/proto/wxbridge/v1/wxbridge.proto");
    assert_eq!(proto, std::fs::read_to_string(file).expect("the schema"));
}

#[test]
fn a_daemon_that_is_not_there_is_69() {
    let env = [("WXBRIDGE_URL", "http://127.0.0.1:1"), ("WXBRIDGE_TOKEN", "t")];
    let (exit, _, told) = check(&["account", "list"], &env);
    assert_eq!(exit, 69, "{told}");
    assert_eq!(
        check(&["doctor"], &[]).0,
        69,
        "no state folder: nobody started a daemon here"
    );
}

#[test]
fn an_address_that_is_none_is_64_and_a_missing_token_77() {
    let env = [("WXBRIDGE_URL", "bridge"), ("WXBRIDGE_TOKEN", "t")];
    assert_eq!(check(&["account", "list"], &env).0, 64);
    let (exit, _, told) = check(&["account", "list"], &[("WXBRIDGE_URL", "http://127.0.0.1:1")]);
    assert_eq!(exit, 77);
    assert!(told.contains("WXBRIDGE_TOKEN"), "{told}");
}

#[test]
fn the_faults_of_an_accounts_file_are_78_before_any_daemon_is_asked() {
    let dir = with_config("");
    let file =
        "[[account]]\nid = \"Shop\"\nchannel = \"official_account\"\napp_secrett = \"hush\"\ntoken_file = \"none\"\n";
    std::fs::write(dir.path().join("a.toml"), file).expect("written");
    let (exit, _, told) = check_in(dir.path(), &["account", "apply", "a.toml"], &[]);
    assert_eq!(exit, 78);
    for part in [
        "a.toml:1: account[0].app_id: found nothing; expected the AppID",
        "a.toml:2: account[0].id: found \"Shop\"",
        "a.toml:4: account[0].app_secrett: found an unknown key",
        "a.toml:5: account[0].token_file: found \"none\"; expected a readable file",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(!told.contains("hush"), "{told}");
    assert_eq!(check_in(dir.path(), &["account", "apply", "none.toml"], &[]).0, 78);
}

/// A daemon that answers every request alike, and keeps what it was asked.
fn daemon(status: &'static str, body: &'static str) -> (String, std::sync::mpsc::Receiver<String>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (asked, questions) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let (mut seen, mut chunk) = (Vec::new(), [0; 4096]);
            while !whole(&seen) {
                match stream.read(&mut chunk) {
                    Ok(read) if read > 0 => seen.extend_from_slice(&chunk[..read]),
                    _ => break,
                }
            }
            let _ = asked.send(String::from_utf8_lossy(&seen).into_owned());
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (url, questions)
}

fn whole(seen: &[u8]) -> bool {
    let text = String::from_utf8_lossy(seen).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}

#[test]
fn a_refused_token_is_77_and_a_refusal_1_with_code_and_remedy() {
    let problem = r#"{"code":"UNAUTHENTICATED","detail":"no such token","remedy":"make one"}"#;
    let (url, _questions) = daemon("401 Unauthorized", problem);
    let (exit, _, told) = check(&["token", "list"], &[("WXBRIDGE_URL", &url), ("WXBRIDGE_TOKEN", "t")]);
    assert_eq!(
        (exit, told.as_str()),
        (77, "UNAUTHENTICATED: no such token\nmake one\n")
    );
    let (url, _questions) = daemon("404 Not Found", r#"{"code":"NOT_FOUND","detail":"no account x"}"#);
    let (exit, _, told) = check(
        &["account", "remove", "x"],
        &[("WXBRIDGE_URL", &url), ("WXBRIDGE_TOKEN", "t")],
    );
    assert_eq!((exit, told.as_str()), (1, "NOT_FOUND: no account x\n"));
}

#[test]
fn what_is_not_parked_is_looked_for_among_the_bodies_unless_it_is_to_be_forgotten() {
    let (url, questions) = daemon(
        "404 Not Found",
        r#"{"code":"NOT_FOUND","detail":"no such parked event"}"#,
    );
    let asked = |what: &str| {
        let (exit, _, told) = check(
            &["parked", what, "7"],
            &[("WXBRIDGE_URL", &url), ("WXBRIDGE_TOKEN", "t")],
        );
        assert_eq!((exit, told.as_str()), (1, "7: NOT_FOUND: no such parked event\n"));
        let heads = questions
            .try_iter()
            .map(|it| it.lines().next().unwrap_or_default().to_owned());
        heads.collect::<Vec<_>>()
    };
    assert_eq!(
        asked("retry"),
        [
            "POST /admin/v1/parked/7/retry HTTP/1.1",
            "POST /admin/v1/quarantine/7/retry HTTP/1.1"
        ]
    );
    assert_eq!(asked("discard"), ["POST /admin/v1/parked/7/discard HTTP/1.1"]);
}

#[test]
fn a_red_finding_and_a_failed_send_are_1() {
    let findings =
        r#"{"items":[{"id":"token","level":"red","account":"shop","seen":"40125","do":"paste the secret"}],"next":""}"#;
    let (url, questions) = daemon("200 OK", findings);
    let env = [("WXBRIDGE_URL", url.as_str()), ("WXBRIDGE_TOKEN", "secret")];
    let (exit, out, _) = check(&["--lang", "zh", "account", "doctor", "shop"], &env);
    assert_eq!(
        (exit, out.as_str()),
        (1, "故障 shop token: 40125\n    处理: paste the secret\n")
    );
    let asked = questions.recv().expect("asked");
    assert!(
        asked.starts_with("GET /admin/v1/doctor?lang=zh&account=shop "),
        "{asked}"
    );
    assert!(asked.contains("authorization: Bearer secret"), "{asked}");

    let failed = r#"{"messageId":"m","status":"FAILED","error":{"code":"WINDOW_CLOSED","platformMessage":"too late"}}"#;
    let (url, questions) = daemon("200 OK", failed);
    let env = [("WXBRIDGE_URL", url.as_str()), ("WXBRIDGE_TOKEN", "t")];
    let (exit, out, _) = check(&["send", "--to", "k", "--text", "您好"], &env);
    assert_eq!(exit, 1);
    assert!(
        out.starts_with("m FAILED: WINDOW_CLOSED: too late\nWait for the customer"),
        "{out}"
    );
    let asked = questions.recv().expect("asked");
    assert!(
        asked.starts_with("POST /v1/messages?wait=5s ") && asked.contains("您好"),
        "{asked}"
    );
}

#[test]
fn a_new_token_is_printed_alone() {
    let (url, questions) = daemon("201 Created", r#"{"id":"1","name":"n","token":"wxb_x"}"#);
    let env = [("WXBRIDGE_URL", url.as_str()), ("WXBRIDGE_TOKEN", "t")];
    let (exit, out, _) = check(
        &[
            "token",
            "create",
            "--name",
            "n",
            "--scope",
            "core",
            "--accounts",
            "shop-*",
        ],
        &env,
    );
    assert_eq!((exit, out.as_str()), (0, "wxb_x\n"));
    assert!(
        questions
            .recv()
            .expect("asked")
            .ends_with(r#"{"accounts":["shop-*"],"name":"n","scope":"core"}"#)
    );
}

#[test]
fn an_accounts_file_is_handed_over_with_its_secret_files_read() {
    let (url, questions) = daemon(
        "200 OK",
        r#"{"created":["shop"],"updated":[],"unchanged":[],"removed":[]}"#,
    );
    let dir = with_config("");
    std::fs::write(dir.path().join("secret"), "s3cret\n").expect("written");
    let file = "[[account]]\nid = \"shop\"\nchannel = \"official_account\"\napp_id = \"wx1\"\napp_secret_file = \"secret\"\n\
                token = \"token1\"\nencoding_aes_key = \"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG\"\n";
    std::fs::write(dir.path().join("a.toml"), file).expect("written");
    let env = [("WXBRIDGE_URL", url.as_str()), ("WXBRIDGE_TOKEN", "t")];
    let (exit, out, told) = check_in(dir.path(), &["account", "apply", "a.toml", "--prune"], &env);
    assert_eq!((exit, out.as_str()), (0, "created: shop\n"), "{told}");
    let asked = questions.recv().expect("asked");
    assert!(asked.starts_with("POST /admin/v1/accounts?prune=true "), "{asked}");
    assert!(asked.contains(r#""app_secret":"s3cret""#), "{asked}");
}

#[test]
fn a_core_is_examined_without_a_daemon() {
    for words in [
        &["core-check"][..],
        &["core-check", "ftp://127.0.0.1/"],
        &["core-check", "http://127.0.0.1:9/", "--secret", "not-a-key"],
        &["core-check", "http://127.0.0.1:9/", "--timeout", "soon"],
    ] {
        let (exit, out, told) = check(words, &[]);
        assert_eq!((exit, out.as_str()), (64, ""), "{words:?}: {told}");
        assert!(!told.contains("not-a-key"), "{told}");
    }
    let nobody = ["core-check", "http://127.0.0.1:9/", "--lang", "en"];
    let (exit, out, _) = check(&nobody, &[]);
    assert_eq!(exit, 1);
    assert!(
        out.starts_with("FAULT taken: ") && out.contains("do: start the core"),
        "{out}"
    );
    let (exit, out, _) = check(
        &["core-check", "http://127.0.0.1:9/", "--json"],
        &[("LANG", "zh_CN.UTF-8")],
    );
    assert_eq!(exit, 1);
    let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(
        (&report["holds"], &report["items"][0]["level"]),
        (&false.into(), &"red".into())
    );
    assert!(
        report["items"][0]["do"]
            .as_str()
            .is_some_and(|text| text.starts_with("启动核心")),
        "{report}"
    );
}

#[test]
fn the_contract_is_printed() {
    let (exit, out, _) = check(&["openapi"], &[]);
    let committed = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json"));
    assert_eq!((exit, out), (0, committed.expect("committed")));
}

#[test]
fn files_that_cannot_be_used_are_told_by_the_check_all_of_them_and_by_the_start() {
    let dir = tempfile::tempdir().expect("a folder");
    for file in ["cert.pem", "key.pem", "ca.pem", "ring"] {
        std::fs::write(dir.path().join(file), "nothing of the kind\n").expect("written");
    }
    let tls = "tls = { cert_file = \"cert.pem\", key_file = \"key.pem\" }";
    let config = format!(
        "[internal]\n{tls}\n[grpc]\n{tls}\n[store]\nmaster_key_file = \"ring\"\n{CORE}\
         [[core]]\nname = \"far\"\nkind = \"grpc\"\nurl = \"https://core.example\"\nca_file = \"ca.pem\"\n\
         [log]\nlevel = \"loud\"\n"
    );
    std::fs::write(dir.path().join("w.toml"), config).expect("written");
    for args in [
        ["config", "check", "-c", "w.toml"].as_slice(),
        &["serve", "-c", "w.toml"],
    ] {
        let (exit, out, told) = check_in(dir.path(), args, &[]);
        assert_eq!((exit, out.as_str()), (78, ""), "{args:?}: {told}");
        for part in [
            "w.toml:2: internal.tls: found",
            "w.toml:4: grpc.tls: found",
            "w.toml:6: store.master_key_file: found",
            "w.toml:11: core[1]: found",
            "w.toml:17: log.level: found",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
        assert!(told.contains("cert.pem") && told.contains("ca.pem"), "{told}");
    }
    assert!(
        !dir.path().join("state").exists() && !dir.path().join("data").exists(),
        "nothing was begun"
    );
}

#[test]
fn what_no_address_and_no_header_can_carry_is_told_before_anybody_is_asked() {
    let at = |token: &'static str| [("WXBRIDGE_URL", "http://127.0.0.1:1"), ("WXBRIDGE_TOKEN", token)];
    for name in [".", "..", ""] {
        let (exit, _, told) = check(&["account", "show", name], &at("t"));
        assert_eq!(exit, 64, "{name:?}: {told}");
    }
    let (exit, _, told) = check(&["account", "list"], &at("wxb_a\nb"));
    assert_eq!(exit, 77, "{told}");
    assert!(told.contains("WXBRIDGE_TOKEN") && !told.contains("wxb_a"), "{told}");
    // A file with the line ends of another system: it is the daemon that is not there.
    let (exit, _, told) = check(&["account", "list"], &at("wxb_ab\r"));
    assert_eq!(exit, 69, "{told}");
}

#[tokio::test]
async fn a_daemon_that_wants_a_certificate_is_shown_one_at_home_and_from_afar() {
    let papers = Papers::new();
    let mut bridge = Bridge::prepare(Setup::new());
    let config = std::fs::read_to_string(bridge.config()).expect("a configuration");
    let listens = format!("[internal]\nlisten = \"127.0.0.1:{}\"", bridge.internal_port());
    let (server, key, authority) = (
        papers.file("server.pem"),
        papers.file("server.key"),
        papers.file("ca.pem"),
    );
    let tls = format!(
        "{listens}\ntls = {{ cert_file = \"{server}\", key_file = \"{key}\", client_ca_file = \"{authority}\" }}"
    );
    assert!(config.contains(&listens), "{config}");
    std::fs::write(bridge.config(), config.replace(&listens, &tls)).expect("written");
    bridge.spawn();
    bridge.ready().await;

    let (certificate, private) = (papers.file("client.pem"), papers.file("client.key"));
    let shown = [
        ("WXBRIDGE_CERT_FILE", certificate.as_str()),
        ("WXBRIDGE_KEY_FILE", private.as_str()),
    ];
    let (url, token) = (
        format!("https://localhost:{}", bridge.internal_port()),
        bridge.operator_token(),
    );
    let far = [("WXBRIDGE_URL", url.as_str()), ("WXBRIDGE_TOKEN", token.as_str())];
    let trusts = [("WXBRIDGE_CA_FILE", authority.as_str())];
    let home = bridge.config();
    let home = home.to_str().expect("a path");
    let dir = home.trim_end_matches("wxbridge.toml");
    for (args, env, expected) in [
        (vec!["account", "list", "-c", home], shown.to_vec(), 0),
        (vec!["account", "list", "-c", home], Vec::new(), 69),
        (vec!["account", "list"], [&far[..], &shown, &trusts].concat(), 0),
        (vec!["account", "list"], [&far[..], &trusts].concat(), 69),
        (vec!["account", "list"], [&far[..], &shown].concat(), 69),
        (vec!["account", "list"], [&far[..], &shown[..1]].concat(), 64),
    ] {
        let (exit, out, told) = check_in(Path::new(dir), &args, &env);
        assert_eq!(exit, expected, "{args:?} {env:?}: {out}{told}");
    }
}
