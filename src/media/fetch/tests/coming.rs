//! Does every file come, and does nobody wait for one that does not?

use super::*;

#[tokio::test]
async fn a_file_comes_under_the_handle_that_its_message_gave() {
    let peer = Peer::start(|path, _| match path.contains("media_id=THUMB") {
        true => file(b"\xff\xd8\xffthumb"),
        false => file(PNG),
    })
    .await;
    let rig = Rig::new(&peer);
    let running = rig.run().await;
    let message = rig.image("shop", "ID", "").await;
    let card = rig
        .said("shop", Content::MiniProgram(v1::MiniProgramCard::default()), "THUMB")
        .await;
    let told = rig.tells(2).await;
    for (stored, bytes, mime) in [
        (&message, PNG, "image/png"),
        (&card, &b"\xff\xd8\xffthumb"[..], "image/jpeg"),
    ] {
        let handle = handle(stored);
        let of_it = |it: &&v1::Signal| it.media.as_ref().is_some_and(|media| media.handle == handle);
        let signal = told.iter().find(of_it).expect("told");
        let media = signal.media.clone().expect("media");
        assert_eq!(
            (media.state(), media.mime.as_str(), media.size),
            (State::Ready, mime, bytes.len() as u64)
        );
        assert_eq!(signal.fields["event_id"], stored.event.id);
        let found = rig.library.get(&handle).await.expect("readable").expect("there");
        assert_eq!(std::fs::read(found.path).expect("readable"), bytes);
        assert_eq!(
            (found.meta.account.as_str(), found.meta.name.as_str()),
            ("shop", "a.png")
        );
    }
    // One commit later the record is gone.
    for _ in 0..500 {
        if rig.jobs().await == 0 {
            running.abort();
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the record stays");
}

#[tokio::test]
async fn the_url_is_asked_first_then_the_id_and_a_stale_token_is_refreshed() {
    let peer = Peer::start(|path, before| match path {
        path if path.starts_with("/pic/good") => file(PNG),
        path if path.starts_with("/pic") => says("404 Not Found", b""),
        path if path.contains("access_token=T0") => json(r#"{"errcode":40001,"errmsg":"invalid credential"}"#),
        path if path.contains("VIDEO") && before == 0 => json(r#"{"video_url":"BASE/pic/good"}"#),
        _ => file(PNG),
    })
    .await;
    let rig = Rig::new(&peer);
    let _running = rig.run().await;
    rig.image("shop", "ID", &format!("{}/pic/good", peer.base)).await;
    rig.tells(1).await;
    assert_eq!(
        (peer.asked("/pic/good"), peer.asked(GET)),
        (1, 0),
        "a URL costs no quota"
    );
    rig.image("shop", "ID", &format!("{}/pic/gone", peer.base)).await;
    let told = rig.tells(2).await;
    assert_eq!(state(&told[1]), State::Ready);
    assert_eq!(
        peer.asked(GET),
        2,
        "refused with the old token, served with the new one"
    );
}

#[tokio::test]
async fn a_video_lies_behind_a_url_that_is_fetched_as_a_strangers() {
    let elsewhere = Peer::start(|_, _| file(b"\0\0\0\x18ftypmp42")).await;
    let (video, private) = (
        format!("{{\"video_url\":\"{}/v.mp4\"}}", elsewhere.base),
        r#"{"video_url":"http://169.254.169.254/latest"}"#,
    );
    let peer = Peer::start(move |path, _| json(if path.contains("EVIL") { private } else { &video })).await;
    let rig = Rig::new(&peer);
    let _running = rig.run().await;
    rig.said("shop", Content::Video(pending("EVIL", "")), "").await;
    let told = rig.tells(1).await;
    assert_eq!(state(&told[0]), State::Blocked, "{told:?}");
    // The stranger is on loopback too, which nobody allowed.
    rig.said("shop", Content::Video(pending("V", "")), "").await;
    let told = rig.tells(2).await;
    assert_eq!((state(&told[1]), elsewhere.asked("/")), (State::Blocked, 0));
}

#[tokio::test]
async fn a_download_that_hangs_lies_or_never_ends_costs_no_message_and_no_other_file() {
    let peer = Peer::start(|path, before| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n";
        match path {
            path if !path.contains("access_token") => file(PNG),
            path if path.contains("HANG") && before < 2 => Does::Hangs(Vec::new()),
            path if path.contains("STALL") && before == 0 => {
                Does::Hangs(format!("{head}content-length: 1000\r\n\r\n\u{1}PNG").into_bytes())
            }
            path if path.contains("SHORT") && before == 0 => {
                Does::Says(format!("{head}content-length: 1000\r\n\r\n\u{1}PNG").into_bytes())
            }
            path if path.contains("HUGE") => {
                Does::Hangs(format!("{head}content-length: 10737418240\r\n\r\n").into_bytes())
            }
            path if path.contains("ENDLESS") => {
                Does::Endless(format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes())
            }
            path if path.contains("PAGE") && before == 0 => {
                says("200 OK\r\ncontent-type: text/html", b"<html>Bad gateway</html>")
            }
            path if path.contains("EMPTY") && before == 0 => says("200 OK\r\ncontent-type: image/png", b""),
            _ => file(PNG),
        }
    })
    .await;
    let rig = Rig::new(&peer);
    let _running = rig.run().await;
    let bad = ["HANG", "STALL", "SHORT", "HUGE", "ENDLESS", "PAGE", "EMPTY"];
    let mut handles = Vec::new();
    for id in bad {
        // Durable at once, whatever its file does.
        handles.push(handle(&*rig.image("shop", id, "").await));
    }
    let other = handle(&*rig.image("other", "GOOD", "").await);
    // No time passes here but what the others hang.
    let mut count = 1;
    let of_other = |it: &v1::Signal| it.media.as_ref().is_some_and(|media| media.handle == other);
    while !rig.tells(count).await.iter().any(of_other) {
        count += 1;
    }
    let told = rig.until_told(bad.len() + 1, 1).await;
    for (id, handle) in bad.iter().zip(&handles) {
        let of_it = |it: &&v1::Signal| it.media.as_ref().is_some_and(|media| media.handle == *handle);
        let signal = told.iter().find(of_it).unwrap_or_else(|| panic!("{id} is told"));
        let expected = match *id {
            "HUGE" | "ENDLESS" => State::TooLarge,
            _ => State::Ready,
        };
        assert_eq!(state(signal), expected, "{id}: {signal:?}");
    }
    let drafts = std::fs::read_dir(rig.dir.path().join("media/drafts")).expect("made");
    assert_eq!(drafts.count(), 0, "what broke off is gone from the disk");
}

#[tokio::test]
async fn what_was_under_way_or_never_heard_of_comes_after_a_restart() {
    let peer = Peer::start(|path, before| match path.contains("LATER") && before == 0 {
        true => says("500 Internal Server Error", b""),
        false => file(PNG),
    })
    .await;
    let rig = Rig::new(&peer);
    let running = rig.run().await;
    rig.image("shop", "LATER", "").await;
    rig.until_asked(&peer, GET, 1).await;
    running.abort();
    let _ = running.await;
    assert_eq!((rig.jobs().await, rig.told().await.len()), (1, 0));
    // Nobody hears of these: as if the process had died right after their commits.
    rig.ears.deaf.store(true, Ordering::SeqCst);
    for at in 0..450 {
        rig.image("other", &format!("UNHEARD{at}"), "").await;
    }
    let _running = rig.run().await;
    let told = rig.until_told(451, 1).await;
    assert!(told.iter().all(|it| state(it) == State::Ready));
    let handles: std::collections::HashSet<_> = told
        .iter()
        .map(|it| it.media.as_ref().map(|media| &media.handle))
        .collect();
    assert_eq!((handles.len(), told.len()), (451, 451), "each once");
}

#[tokio::test]
async fn what_the_platform_has_forgotten_is_told_so_once() {
    let peer = Peer::start(|path, _| match path.contains("DEAD") {
        true => json(r#"{"errcode":40007,"errmsg":"invalid media_id"}"#),
        false => says("500 Internal Server Error", b""),
    })
    .await;
    let rig = Rig::new(&peer);
    let _running = rig.run().await;
    rig.image("shop", "DOWN", "").await;
    let told = rig.until_told(1, HOUR).await;
    assert_eq!(state(&told[0]), State::Expired);
    assert!(rig.clock.now() - NOW >= 72 * 3_600_000, "not given up before");
    rig.image("other", "DEAD", "").await;
    let before = rig.clock.now();
    let told = rig.until_told(2, 1).await;
    assert_eq!(state(&told[1]), State::Expired);
    assert!(
        rig.clock.now() - before < 3_600_000,
        "the platform's word, said three times, is believed"
    );
    assert!(told[1].fields["reason"].contains("40007"), "{:?}", told[1].fields);
}

#[tokio::test]
async fn a_url_into_private_places_is_blocked() {
    let peer = Peer::start(|_, _| file(PNG)).await;
    let rig = Rig::new(&peer);
    let _running = rig.run().await;
    let link = v1::Link {
        image_url: "http://[::ffff:10.0.0.1]/x".into(),
        ..Default::default()
    };
    rig.said("shop", Content::Link(link), "").await;
    let told = rig.tells(1).await;
    assert_eq!(
        (state(&told[0]), told[0].fields["kind"].as_str()),
        (State::Blocked, "thumb")
    );
}

#[tokio::test]
async fn a_file_of_the_app_that_the_account_had_before_is_not_asked_for_at_another() {
    let peer = Peer::start(|_, _| file(PNG)).await;
    let rig = Rig::new(&peer);
    let job = serde_json::json!({
        "event": "e", "account": "shop", "key": "official_account:wxbefore:u:o1", "kind": "image", "media_id": "OLD",
        "url": "", "name": "", "mime": "", "expires": i64::MAX, "attempts": 0, "next": 0
    });
    let put = crate::ports::store::RecordWrite::Put {
        space: JOBS,
        key: "sha256-old".to_owned(),
        value: job.to_string().into_bytes(),
    };
    rig.store.write_records(vec![put]).await.expect("written");
    let _running = rig.run().await;
    rig.image("shop", "ID", "").await;
    rig.tells(1).await;
    for _ in 0..500 {
        let kept = rig.store.record(JOBS, "sha256-old").await.expect("readable");
        let job: serde_json::Value = serde_json::from_slice(&kept.expect("it stays")).expect("JSON");
        if job["attempts"] != 0 {
            assert_eq!(peer.asked(GET), 1, "for the other one");
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it was not tried");
}
