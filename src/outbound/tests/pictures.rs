//! Does a picture inside a text become a message of its own, and a link where it cannot?

use super::*;

const PICTURED: &str = r#"see <img src="https://x/1.png">"#;

fn html(body: &str) -> serde_json::Value {
    let text = json!({ "text": { "body": body, "format": "HTML" } });
    json!({ "conversationKey": KEY, "message": { "parts": [text] } })
}

/// What the result tells of pictures.
fn told(result: &v1::SendResult) -> Vec<&str> {
    let of_pictures = result.degradations.iter().filter(|lost| lost.from_type == "image");
    of_pictures.map(|lost| &*lost.to_type).collect()
}

fn house() -> House {
    let house = awake();
    house.web.has("https://x/1.png");
    house
}

#[tokio::test]
async fn a_picture_follows_its_text_and_costs_a_message() {
    let house = house();
    house.wrote(3);
    let sent = house.submit(html(PICTURED)).await.expect("accepted");
    let result = house.becomes(&sent, Status::Sent).await;
    assert_eq!(house.platform.sent(), [PICTURED, "M1"]);
    assert_eq!(told(&result), ["image"]);
    let after = house
        .outbound
        .submit(&Caller::default(), request(html("a")), true)
        .await;
    assert_eq!(after.expect("looked at").allowances[0].remaining, Some(1));
}

#[tokio::test]
async fn where_there_is_no_room_for_it_or_it_cannot_be_had_it_is_a_link() {
    let house = house();
    house.wrote(1);
    let narrow = house.submit(html(PICTURED)).await.expect("accepted");
    assert_eq!(told(&house.becomes(&narrow, Status::Sent).await), ["link"]);
    house.wrote(3);
    let gone = r#"<img src="https://x/1.png"><img src="https://x/gone.png">"#;
    let sent = house.submit(html(gone)).await.expect("accepted");
    let missed = house.becomes(&sent, Status::Sent).await;
    assert_eq!(told(&missed), ["link"]);
    assert_eq!(house.platform.sent(), [PICTURED, gone]);
    let why = |result: &v1::SendResult| result.degradations[0].reason.clone();
    let because = "(INVALID_REQUEST: the media url: the other side answered 404)";
    assert!(why(&missed).ends_with(because), "{}", why(&missed));
    assert!(
        !why(&house.now_of(&narrow)).contains('('),
        "there was no room for it, and nobody looked"
    );
}

#[tokio::test]
async fn the_words_ride_and_the_picture_follows() {
    let house = house();
    let event = house.wrote(3);
    house.windows.open(&event.event.id, START + 4_000, true);
    let messages = house.answer(&event, vec![html(PICTURED)]).await;
    house.becomes(&messages[0].result, Status::Sent).await;
    assert_eq!(house.windows.handed(&event.event.id), [PICTURED]);
    assert_eq!(house.platform.sent(), ["M1"]);
}

#[tokio::test]
async fn words_do_not_wait_for_a_picture_longer_than_their_request_is_open() {
    let house = house();
    let event = house.wrote(3);
    house.windows.open(&event.event.id, START + 4_000, true);
    let slow = r#"see <img src="https://x/slow.png">"#;
    let (answering, time) = (house.answer(&event, vec![html(slow)]), house.clock.clone());
    let waiting = async {
        until(|| house.web.asked() > 0, "the picture is being fetched").await;
        time.advance(Duration::from_secs(4));
    };
    let (messages, ()) = tokio::join!(answering, waiting);
    assert_eq!(house.windows.handed(&event.event.id), [slow]);
    let result = house.now_of(&messages[0].result);
    assert_eq!((result.status(), told(&result)), (Status::HandedOver, vec!["link"]));
}

#[tokio::test]
async fn words_do_not_miss_their_request_for_a_picture_that_the_platform_does_not_take_now() {
    let house = house();
    let event = house.wrote(3);
    house.windows.open(&event.event.id, START + 4_000, true);
    house.platform.will("/upload", [says(-1)]);
    let messages = house.answer(&event, vec![html(PICTURED)]).await;
    assert_eq!(house.windows.handed(&event.event.id), [PICTURED]);
    let result = house.now_of(&messages[0].result);
    assert_eq!((result.status(), told(&result)), (Status::HandedOver, vec!["link"]));
}

#[tokio::test]
async fn what_has_begun_goes_on_as_it_began() {
    let house = house();
    house.wrote(2);
    house.platform.will("/send", [says(0), says(-1)]);
    let sent = house.submit(html(PICTURED)).await.expect("accepted");
    until(|| house.platform.sent().len() == 2, "the picture is refused for now").await;
    house.becomes(&sent, Status::Accepted).await;
    // One message is left, and a new one of text and picture would be a text with a link.
    house.clock.advance(Duration::from_secs(2));
    house.becomes(&sent, Status::Sent).await;
    assert_eq!(house.platform.sent(), [PICTURED, "M1", "M1"]);
}

#[tokio::test]
async fn a_preview_tells_which_it_would_be() {
    let house = house();
    house.wrote(2);
    let preview = |json| async { house.outbound.submit(&Caller::default(), request(json), true).await };
    assert_eq!(told(&preview(html(PICTURED)).await.expect("looked at")), ["image"]);
    let three = r#"<img src="https://x/1.png"><img src="https://x/2.png">and"#;
    assert_eq!(told(&preview(html(three)).await.expect("looked at")), ["link"]);
    assert!(house.platform.sent().is_empty());
    assert_eq!(house.web.asked(), 0);
}

fn card_with(handle: &str, more: serde_json::Value) -> serde_json::Value {
    let mut card = json!({
        "title": "Kettle", "webUrl": "https://shop.example/k", "imageHandle": handle,
        "miniProgram": {"appid": "wx1", "pagePath": "pages/k"},
    });
    for (name, value) in more.as_object().expect("fields") {
        card[name] = value.clone();
    }
    json!({"conversationKey": KEY, "message": {"parts": [{"card": card}]}})
}

#[tokio::test]
async fn the_picture_of_a_card_is_the_thumbnail_that_its_page_lacks() {
    let house = awake();
    let picture = house.kept(b"\x89PNG\r\n\x1a\n").await;
    let sent = house
        .submit(card_with(&picture.handle, json!({})))
        .await
        .expect("accepted");
    house.becomes(&sent, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["page M1"]);
    let buttons = json!({"actions": [{"label": "Buy"}]});
    let sent = house
        .submit(card_with(&picture.handle, buttons))
        .await
        .expect("accepted");
    house.becomes(&sent, Status::Sent).await;
    assert_eq!(
        house.platform.sent(),
        ["page M1", "Kettle"],
        "no picture is shown there"
    );
}

#[tokio::test]
async fn why_a_cards_picture_is_not_its_thumbnail_is_told() {
    let house = awake();
    let gone = |degrade: &str| {
        let mut card = card_with("", json!({"imageUrl": "https://x/gone.png"}));
        card["degrade"] = degrade.into();
        card
    };
    let sent = house.submit(gone("ALLOW")).await.expect("accepted");
    let result = house.becomes(&sent, Status::Sent).await;
    let told = result
        .degradations
        .iter()
        .find(|it| it.from_type == "thumb")
        .expect("told");
    assert!(
        told.reason
            .contains("(INVALID_REQUEST: the media url: the other side answered 404)"),
        "{}",
        told.reason
    );
    let sent = house.submit(gone("REFUSE")).await.expect("accepted");
    let refused = house.becomes(&sent, Status::Failed).await;
    assert_eq!(code(&refused), "INVALID_REQUEST");
}

#[tokio::test]
async fn a_picture_that_nothing_shows_is_not_put_on_the_platform() {
    let house = awake();
    let picture = house.kept(b"\x89PNG\r\n\x1a\n").await;
    let buttons = json!({
        "actions": [{"label": "Buy"}],
        "miniProgram": {"appid": "wx1", "thumbHandle": picture.handle},
    });
    let sent = house
        .submit(card_with(&picture.handle, buttons))
        .await
        .expect("accepted");
    house.becomes(&sent, Status::Sent).await;
    assert!(house.platform.asked("/upload").is_empty());
}

#[tokio::test]
async fn a_thumbnail_that_the_platform_does_not_take_is_told_as_the_documents_have_it() {
    use crate::channels::common::degrade::THUMB_LOST;
    let house = awake();
    let (page, picture) = (
        house.kept(b"RIFF\0\0\0\0WEBPVP8 ").await,
        house.kept(b"\x89PNG\r\n\x1a\n").await,
    );
    let lent = json!({ "miniProgram": {"appid": "wx1", "thumbHandle": page.handle} });
    let sent = house.submit(card_with(&picture.handle, lent)).await.expect("accepted");
    let result = house.becomes(&sent, Status::Sent).await;
    let told = &result.degradations[0];
    assert_eq!((&*told.from_type, &*told.to_type), (THUMB_LOST.from, THUMB_LOST.to));
    let expected = format!("{} (UNSUPPORTED_PART: no webp here)", THUMB_LOST.reason);
    assert_eq!(told.reason, expected);
}
