//! What is said in place of what the platform does not take, and where do files go?

use super::*;

#[tokio::test]
async fn a_dead_media_id_is_uploaded_again_once() {
    let house = awake();
    let media = house.kept(b"\x89PNG\r\n\x1a\n").await;
    let image = json!({"conversationKey": KEY, "message": {"parts": [{"image": {"handle": media.handle}}]}});
    let first = house.submit(image.clone()).await.expect("accepted");
    house.becomes(&first, Status::Sent).await;
    house.platform.will("/send", [says(40007)]);
    house.platform.will("/upload", [Does::Says(json!({"media_id": "M2"}))]);
    let second = house.submit(image).await.expect("accepted");
    house.becomes(&second, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["M1", "M1", "M2"]);
    assert_eq!(house.platform.asked("/upload").len(), 2, "kept in between");
}

#[test]
fn the_same_bytes_by_another_name_are_another_file_but_the_same_picture() {
    let house = asleep();
    let place = |kind, called| resolve::place(&house.opened, kind, "00ff", called);
    assert_ne!(place("file", "one.pdf"), place("file", "two.pdf"));
    assert_eq!(place("image", "one.png"), place("image", "two.png"));
}

#[tokio::test]
async fn a_file_is_for_those_who_may_use_its_account() {
    let house = awake();
    let label = Label {
        account: "other".to_owned(),
        ..Default::default()
    };
    let bytes = futures_util::stream::iter([Ok::<_, std::io::Error>(&b"\x89PNG\r\n\x1a\n"[..])]);
    let kept = house.outbound.parts.library.put(label, bytes).await;
    let handle = kept.expect("kept").handle;
    let image = json!({"conversationKey": KEY, "message": {"parts": [{"image": {"handle": handle}}]}});
    let own = Caller {
        accounts: vec![house.opened.settings.id.clone()],
        ..Default::default()
    };
    for preview in [false, true] {
        let refused = house.outbound.submit(&own, request(image.clone()), preview).await;
        assert_eq!(refused.expect_err("somebody else's").code, Code::Forbidden);
    }
    let sent = house.submit(image).await.expect("every account is theirs");
    house.becomes(&sent, Status::Sent).await;
}

#[tokio::test]
async fn an_account_without_api_is_learned_told_and_tried_again_later() {
    let house = awake();
    house.platform.will("/send", [says(48001)]);
    let refused = house.say("a").await;
    house.becomes(&refused, Status::Failed).await;
    assert_eq!(house.opened.observe(|it| it.api_shut), Some(Code::NotEntitled));
    let again = house.say("b").await;
    let again = house.becomes(&again, Status::Failed).await;
    assert_eq!(code(&again), "NOT_ENTITLED");
    assert_eq!(house.platform.sent(), ["a"]);
    house.clock.advance(Duration::from_secs(601));
    let probe = house.say("c").await;
    house.becomes(&probe, Status::Sent).await;
    assert_eq!(house.opened.observe(|it| it.api_shut), None);
    let changes = house.store.events_now();
    assert_eq!(changes.len(), 2, "shut and open again");
    assert_eq!(
        changes[0].event.conversation.as_ref().map(|it| it.key.as_str()),
        Some("official_account:wx1:a:-")
    );
}

#[tokio::test]
async fn a_change_of_an_account_is_told_once_the_store_takes_it() {
    let house = awake();
    for _ in 0..2 {
        house.store.refuses(1);
        house.opened.observe(|it| it.api_shut = Some(Code::NotEntitled));
        house.outbound.account_changed(&house.opened).await;
    }
    assert_eq!(house.store.events_now().len(), 0, "the store refused");
    let told = || {
        house.clock.advance(Duration::from_secs(1));
        !house.store.events_now().is_empty()
    };
    until(told, "told").await;
    until(|| house.outbound.untold().is_empty(), "nobody waits to tell it").await;
    house.outbound.account_changed(&house.opened).await;
    assert_eq!(house.store.events_now().len(), 1, "once");
}

#[tokio::test]
async fn a_harmless_call_that_works_opens_the_api_again_unless_messages_alone_are_refused() {
    let house = awake();
    let shut = || house.opened.observe(|it| it.api_shut);
    let refused = async |text: &str| {
        house.platform.will("/send", [says(48001)]);
        let message = house.say(text).await;
        house.becomes(&message, Status::Failed).await;
        assert_eq!(shut(), Some(Code::NotEntitled));
    };
    refused("a").await;
    let told = house.store.events_now().len();
    house.outbound.probed(&house.opened, None).await;
    assert_eq!(shut(), None, "the operator may have mended it");
    assert_eq!(house.store.events_now().len(), told + 1, "the core hears of it");
    refused("b").await;
    let told = house.store.events_now().len();
    house.outbound.probed(&house.opened, None).await;
    assert_eq!(shut(), Some(Code::NotEntitled), "that call shows nothing of messages");
    assert_eq!(house.store.events_now().len(), told, "nothing changed");
    house.clock.advance(Duration::from_secs(24 * 3_600));
    house.outbound.probed(&house.opened, None).await;
    assert_eq!(shut(), None, "messages are tried once a day");
    let good = house.say("c").await;
    house.becomes(&good, Status::Sent).await;
    refused("d").await;
    house.outbound.probed(&house.opened, None).await;
    assert_eq!(shut(), None, "since then a message went");
    house.outbound.probed(&house.opened, Some(Code::NotEntitled)).await;
    house.outbound.probed(&house.opened, None).await;
    assert_eq!(shut(), None, "refused itself, it shows when it works again");
}

#[tokio::test]
async fn an_address_that_is_not_on_the_list_is_the_accounts_warning_until_a_call_works() {
    let house = awake();
    let warned = || house.opened.observe(|it| it.warnings.get(&Code::IpNotAllowed).cloned());
    house.platform.will("/send", [says(89503), says(40003)]);
    let refused = house.say("a").await;
    let refused = house.becomes(&refused, Status::Failed).await;
    assert_eq!(code(&refused), "IP_NOT_ALLOWED");
    assert!(warned().is_some_and(|said| said.contains("89503")), "{:?}", warned());
    let other = house.say("b").await;
    house.becomes(&other, Status::Failed).await;
    assert!(warned().is_some(), "what is refused for another reason shows nothing");
    let good = house.say("c").await;
    house.becomes(&good, Status::Sent).await;
    assert_eq!(warned(), None);
}

#[tokio::test]
async fn a_refused_card_is_said_otherwise_once_unless_the_core_forbids_it() {
    let house = awake();
    house
        .platform
        .will("/send", [says(45064), says(0), says(45064), says(45064), says(45064)]);
    let result = house.say("card").await;
    let result = house.becomes(&result, Status::Sent).await;
    assert_eq!(result.degradations.len(), 1);
    let twice = house.say("card").await;
    house.becomes(&twice, Status::Failed).await;
    let strict = json!({"conversationKey": KEY, "text": "card", "degrade": "REFUSE"});
    let strict = house.submit(strict).await.expect("accepted");
    house.becomes(&strict, Status::Failed).await;
    assert_eq!(house.platform.sent(), ["card", "web link", "card", "web link", "card"]);
}

#[tokio::test]
async fn a_file_that_goes_as_a_link_is_called_as_it_was_stored() {
    let house = asleep();
    let label = Label {
        name: "Prices.pdf".into(),
        ..Label::default()
    };
    let bytes = futures_util::stream::iter([Ok::<_, std::io::Error>(b"%PDF-1.7".as_slice())]);
    let stored = house.outbound.parts.library.put(label, bytes).await.expect("stored");
    for (own, shown) in [("", "Prices.pdf"), ("Ours.pdf", "Ours.pdf")] {
        let file = v1::Media {
            handle: stored.handle.clone(),
            name: own.into(),
            ..Default::default()
        };
        let part = v1::Part {
            content: Some(v1::part::Content::File(file)),
            ..Default::default()
        };
        let (resolver, allow) = (&house.outbound.resolver, v1::send_request::Degrade::Allow);
        let placed = resolver
            .resolve(&house.opened, vec![part], allow, resolve::How::Kept)
            .await;
        let parts = placed.map_err(|_| ()).expect("a link").parts;
        let Some(v1::part::Content::File(file)) = &parts[0].content else {
            panic!("{parts:?}")
        };
        assert_eq!((file.name.as_str(), file.url.as_str()), (shown, "https://media/32"));
    }
}

#[tokio::test]
async fn a_file_that_the_platform_does_not_take_keeps_an_address() {
    let house = awake();
    let media = house.kept(b"%PDF-1.7").await;
    let file = json!({"conversationKey": KEY, "message": {"parts": [{"file": {"handle": media.handle}}]}});
    let sent = house.submit(file).await.expect("accepted");
    house.becomes(&sent, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["https://media/32"]);
    assert!(house.platform.asked("/upload").is_empty());
}

/// An image of this type, in the library.
async fn kept_image(house: &House, mime: &str, bytes: &'static [u8]) -> String {
    let label = Label {
        mime: mime.to_owned(),
        ..Default::default()
    };
    let bytes = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes)]);
    house
        .outbound
        .parts
        .library
        .put(label, bytes)
        .await
        .expect("stored")
        .handle
}

/// What a preview says, and what becomes of the message: the two must agree.
async fn previewed_and_sent(house: &House, handle: &str, degrade: &str) -> v1::SendResult {
    let image =
        json!({"conversationKey": KEY, "degrade": degrade, "message": {"parts": [{"image": {"handle": handle}}]}});
    let preview = house
        .outbound
        .submit(&Caller::default(), request(image.clone()), true)
        .await
        .expect("a preview");
    let sent = house.submit(image).await.expect("accepted");
    until(
        || !matches!(house.now_of(&sent).status(), Status::Accepted | Status::Sending),
        "final",
    )
    .await;
    let sent = house.now_of(&sent);
    assert_eq!(
        (code(&preview), &preview.degradations),
        (code(&sent), &sent.degradations),
        "{degrade}"
    );
    sent
}

#[tokio::test]
async fn a_picture_that_the_account_cannot_take_goes_as_a_link_where_the_core_allows_and_the_preview_agrees() {
    let house = awake();
    for (mime, refused) in [("image/webp", "UNSUPPORTED_PART"), ("image/huge", "MEDIA_TOO_LARGE")] {
        let handle = kept_image(&house, mime, b"no known kind").await;
        for degrade in ["ALLOW", "LOSSLESS_ONLY"] {
            let sent = previewed_and_sent(&house, &handle, degrade).await;
            assert_eq!(
                (sent.status(), sent.degradations.len()),
                (Status::Sent, 1),
                "{mime} {degrade}"
            );
        }
        let sent = previewed_and_sent(&house, &handle, "REFUSE").await;
        assert_eq!((sent.status(), code(&sent)), (Status::Failed, refused));
    }
    assert_eq!(house.platform.sent(), ["https://media/32"; 4]);
    assert!(house.platform.asked("/upload").is_empty());
    let fine = kept_image(&house, "", b"\x89PNG\r\n\x1a\n").await;
    assert!(
        previewed_and_sent(&house, &fine, "REFUSE")
            .await
            .degradations
            .is_empty()
    );
}

#[tokio::test]
async fn an_address_of_the_core_that_nobody_answers_holds_up_its_customer_for_seconds() {
    let house = awake();
    house.wrote(5);
    let image = json!({"conversationKey": KEY, "message": {"parts": [{"image": {"url": "https://down/1.png"}}]}});
    let image = house.submit(image).await.expect("accepted");
    let behind = house.say("the words behind it").await;
    for pause in [1, 2] {
        until(
            || house.now_of(&image).error.is_some() && house.web.asked() == pause,
            "tried",
        )
        .await;
        assert_eq!(house.now_of(&image).status(), Status::Accepted);
        house.clock.advance(Duration::from_secs(pause as u64));
    }
    let failed = house.becomes(&image, Status::Failed).await;
    assert_eq!((code(&failed), house.web.asked()), ("INVALID_REQUEST", 3));
    assert!(
        failed
            .error
            .is_some_and(|it| it.platform_message.contains("the media url: "))
    );
    house.becomes(&behind, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["the words behind it"]);
}

#[tokio::test]
async fn what_the_platform_does_not_take_is_brought_here_from_its_address_and_linked_to() {
    let house = awake();
    house.wrote(5);
    house.web.has("http://10.0.0.7/offer.pdf");
    let file = |url: &str| json!({"conversationKey": KEY, "message": {"parts": [{"file": {"url": url}}]}});
    let sent = house.submit(file("http://10.0.0.7/offer.pdf")).await.expect("accepted");
    house.becomes(&sent, Status::Sent).await;
    assert_eq!(
        house.platform.sent(),
        ["https://media/32"],
        "no address of the house's own network"
    );
    let gone = house.submit(file("http://10.0.0.7/gone.pdf")).await.expect("accepted");
    let gone = house.becomes(&gone, Status::Failed).await;
    assert_eq!(code(&gone), "INVALID_REQUEST");
}

#[tokio::test]
async fn no_link_leads_to_a_file_that_is_not_there() {
    let house = awake();
    let (resolver, mut url) = (&house.outbound.resolver, String::new());
    let picture = resolver.picture("gone", &mut url).await;
    let mut media = v1::Media {
        handle: "gone".into(),
        ..Default::default()
    };
    let address = resolver.address(&mut media).await;
    for refused in [picture, address] {
        assert!(matches!(refused, Err(resolve::Unresolved::Refused(ref error)) if error.code == "MEDIA_EXPIRED"));
    }
    assert_eq!((url.as_str(), media.url.as_str()), ("", ""));
    media.handle = house.kept(b"bytes").await.handle;
    resolver.address(&mut media).await.expect("it is there");
    assert!(media.url.starts_with("https://media/"), "{media:?}");
}

#[tokio::test]
async fn what_is_said_in_place_of_a_refused_message_reports_its_own_losses_alone() {
    let house = awake();
    let handle = kept_image(&house, "image/webp", b"no known kind").await;
    house.platform.will("/send", [says(45064)]);
    let image = json!({"conversationKey": KEY, "message": {"parts": [{"image": {"handle": handle}}]}});
    let sent = house.submit(image).await.expect("accepted");
    let sent = house.becomes(&sent, Status::Sent).await;
    assert_eq!(
        sent.degradations,
        [v1::Degradation::default()],
        "the link of the picture was not sent"
    );
    assert_eq!(house.platform.sent(), ["https://media/32", "web link"]);
}

#[tokio::test]
async fn without_an_address_for_links_a_medium_that_needs_one_is_too_large() {
    let house = asleep_with(None, core());
    house.wake();
    let handle = kept_image(&house, "image/webp", b"no known kind").await;
    let sent = previewed_and_sent(&house, &handle, "ALLOW").await;
    assert_eq!((sent.status(), code(&sent)), (Status::Failed, "MEDIA_TOO_LARGE"));
}

#[tokio::test]
async fn a_file_says_by_its_bytes_what_it_is() {
    let house = asleep();
    let handle = kept_image(&house, "image/png", b"GIF89a").await;
    let image = request(json!({"message": {"parts": [{"image": {"handle": handle}}]}}));
    let Some(v1::send_request::What::Message(message)) = image.what.clone() else {
        panic!("a message")
    };
    let resolved = house
        .outbound
        .resolver
        .resolve(&house.opened, message.parts, image.degrade(), resolve::How::Kept);
    let parts = resolved.await.expect("uploaded").parts;
    let Some(v1::part::Content::Image(media)) = &parts[0].content else {
        panic!("an image")
    };
    assert_eq!(
        (media.mime.as_str(), media.platform_media_id.as_str()),
        ("image/gif", "M1")
    );
}

#[tokio::test]
async fn what_would_go_too_late_is_previewed_as_it_ends() {
    let house = awake();
    let over = crate::schema::Timestamp::from_millis(START - 1).to_rfc3339_millis();
    // The zero times of protobuf and of languages.
    for over in [over.as_str(), "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"] {
        let late = json!({"conversationKey": KEY, "text": "hi", "notAfter": over});
        let preview = house
            .outbound
            .submit(&Caller::default(), request(late.clone()), true)
            .await;
        let preview = preview.expect("a preview");
        let sent = house.submit(late).await.expect("accepted");
        let ended = house.becomes(&sent, Status::Expired).await;
        assert_eq!(preview.error, ended.error);
        assert_eq!(code(&preview), "EXPIRED");
    }
}

#[tokio::test]
async fn figures_that_the_platform_does_not_share_say_that_somebody_else_sends() {
    let suspected = |house: &House| house.opened.observe(|it| it.suspected.is_some());
    let house = awake();
    house.wrote(2);
    house.becomes(&house.say("a").await, Status::Sent).await;
    assert!(!suspected(&house));
    house.platform.will("/send", [says(45047)]);
    house.becomes(&house.say("b").await, Status::Failed).await;
    assert!(suspected(&house), "one was left");

    let in_part = awake();
    in_part.wrote(5);
    in_part.platform.will("/send", [says(0), says(45047)]);
    in_part.becomes(&in_part.say("a|b").await, Status::Failed).await;
    assert!(
        !suspected(&in_part),
        "how the platform counts pieces is not known so well"
    );

    let uncounted = awake();
    uncounted.platform.will("/send", [says(45047)]);
    uncounted.becomes(&uncounted.say("a").await, Status::Failed).await;
    assert!(!suspected(&uncounted), "we had counted nothing");
}

#[tokio::test]
async fn what_an_admin_did_not_tick_no_harmless_call_opens() {
    let house = awake();
    let shut = |code: Code, warned: bool| {
        house.opened.observe(|it| {
            it.api_shut = Some(code);
            it.reopened = None;
            it.warnings.clear();
            if warned {
                it.warnings.insert(code, "not ticked".into());
            }
        });
    };
    for (code, warned, opens) in [
        (Code::ScopeNotGranted, true, false),
        (Code::ScopeNotGranted, false, true),
        (Code::NotEntitled, true, true),
    ] {
        shut(code, warned);
        house.outbound.probed(&house.opened, None).await;
        assert_eq!(
            house.opened.observe(|it| it.api_shut.is_none()),
            opens,
            "{code:?} {warned}"
        );
    }
}

#[tokio::test]
async fn an_account_that_is_refused_again_is_left_alone_as_long_once_more() {
    let house = awake();
    house.platform.will("/send", [says(48001), says(48001)]);
    let tried = async |text: &str| {
        house.becomes(&house.say(text).await, Status::Failed).await;
        house.platform.sent().len()
    };
    assert_eq!(tried("a").await, 1);
    house.clock.advance(Duration::from_millis(599_999));
    assert_eq!(tried("b").await, 1);
    house.clock.advance(Duration::from_millis(1));
    assert_eq!(tried("c").await, 2, "tried again");
    house.clock.advance(Duration::from_millis(599_999));
    assert_eq!(tried("d").await, 2, "from then on");
}
