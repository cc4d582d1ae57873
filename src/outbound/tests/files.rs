//! Which files go to the platform with a link, a card or a video, and what is said where one cannot be had?

use super::*;
use crate::settings::AccountSettings;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const WEBP: &[u8] = b"RIFF\0\0\0\0WEBPVP8 ";

/// An account whose platform wants the pictures of links, and thumbnails of videos, as files.
fn house(default_thumb: &str) -> House {
    let settings = AccountSettings {
        limits: [("link_pictures".to_owned(), 1), ("video_thumbs".to_owned(), 1)].into(),
        default_thumb: default_thumb.to_owned(),
        ..Default::default()
    };
    let links: LinkMaker = Arc::new(|handle| Some(format!("https://media/{}", handle.len())));
    let house = asleep_as(opened_with(settings), Some(links), core());
    house.web.has("https://x/1.png");
    house.wake();
    house
}

fn message(part: serde_json::Value) -> serde_json::Value {
    json!({ "conversationKey": KEY, "message": { "parts": [part] } })
}

fn link(picture: serde_json::Value) -> serde_json::Value {
    let mut link = json!({ "url": "https://shop.example/", "title": "Shop" });
    for (name, value) in picture.as_object().expect("fields") {
        link[name] = value.clone();
    }
    json!({ "link": link })
}

async fn sent(house: &House, asked: serde_json::Value) -> (String, Vec<v1::Degradation>) {
    let result = house.submit(asked).await.expect("accepted");
    let result = house.becomes(&result, Status::Sent).await;
    (house.platform.sent().pop().expect("said"), result.degradations)
}

#[tokio::test]
async fn the_picture_of_a_link_is_a_file_where_the_platform_wants_one() {
    let house = house("");
    let (said, lost) = sent(&house, message(link(json!({ "imageUrl": " https://x/1.png " })))).await;
    assert_eq!((said.as_str(), lost.len()), ("Shop M1 https://x/1.png ", 0));
    let own = house.kept(PNG).await;
    let both = json!({ "imageHandle": own.handle, "imageUrl": "https://x/gone.png" });
    assert_eq!(
        sent(&house, message(link(both))).await.0,
        "Shop M1https://x/gone.png",
        "its own goes first"
    );
    let (said, lost) = sent(&house, message(link(json!({})))).await;
    assert_eq!((said.as_str(), lost.len()), ("Shop ", 0), "none is wanted");
    let items = json!({ "articles": { "items": [link(json!({ "imageHandle": own.handle }))["link"]] } });
    assert_eq!(sent(&house, message(items)).await.0, "Shop M1");
}

#[tokio::test]
async fn a_link_goes_without_a_picture_that_cannot_be_had_unless_nothing_may_be_lost() {
    for (wrong, why) in [
        ("https://x/gone.png", "the other side answered 404"),
        ("https://x/down.png", "not reachable"),
    ] {
        let house = house("");
        let mut asked = message(link(json!({ "imageUrl": wrong })));
        let (said, lost) = sent(&house, asked.clone()).await;
        assert_eq!(said, format!("Shop {wrong}"));
        assert_eq!((lost.len(), lost[0].from_type.as_str()), (1, "thumb"));
        assert!(lost[0].reason.contains(why), "{}", lost[0].reason);
        asked["degrade"] = "REFUSE".into();
        asked["notAfter"] = crate::schema::Timestamp::from_millis(START + 900)
            .to_rfc3339_millis()
            .into();
        let refused = house.submit(asked).await.expect("accepted");
        house.becomes(&refused, Status::Failed).await;
        assert_eq!(house.platform.sent().len(), 1);
    }
}

#[tokio::test]
async fn elsewhere_the_picture_of_a_link_is_an_address() {
    let house = awake();
    let own = house.kept(PNG).await;
    let signed = format!("https://media/{}", own.handle.len());
    let (said, _) = sent(&house, message(link(json!({ "imageHandle": own.handle })))).await;
    assert_eq!(said, format!("Shop {}{signed}", own.handle));
    let given = json!({ "imageHandle": own.handle, "imageUrl": "https://x/gone.png" });
    let (said, _) = sent(&house, message(link(given))).await;
    assert_eq!(
        said,
        format!("Shop {}https://x/gone.png", own.handle),
        "given, it stands"
    );
    assert!(house.platform.asked("/upload").is_empty());
    let items = json!({ "articles": { "items": [link(json!({ "imageHandle": own.handle }))["link"]] } });
    assert_eq!(
        sent(&house, message(items)).await.0,
        format!("Shop {}{signed}", own.handle)
    );
}

fn video(media: serde_json::Value) -> serde_json::Value {
    message(json!({ "video": media }))
}

#[tokio::test]
async fn a_video_has_the_thumbnail_that_it_was_given_or_else_the_accounts() {
    let plain = house("");
    let film = plain.kept(b"film").await.handle;
    plain
        .platform
        .will("/upload", [Does::Says(json!({"media_id": "FILM"}))]);
    assert_eq!(
        sent(&plain, video(json!({ "handle": film }))).await.0,
        "video FILM under"
    );
    let thumb = plain.kept(PNG).await.handle;
    let own = video(json!({ "handle": film, "thumbHandle": thumb }));
    assert_eq!(sent(&plain, own).await.0, "video FILM under M1");

    let known = video(json!({ "platformMediaId": "THERE", "handle": film }));
    assert_eq!(
        sent(&plain, known).await.0,
        "video THERE under",
        "it is on the platform"
    );
    assert_eq!(plain.platform.asked("/upload").len(), 2);
}

#[tokio::test]
async fn the_accounts_own_thumbnail_stands_where_a_core_gives_none() {
    let thumb = {
        let house = house("");
        house.kept(PNG).await.handle
    };
    let house = house(&thumb);
    assert_eq!(house.kept(PNG).await.handle.len(), thumb.len());
    let page = json!({ "miniProgram": { "appid": "wx1", "pagePath": "p" }, "title": "Kettle" });
    let (_, lost) = sent(&house, message(json!({ "card": page }))).await;
    let thumb = lost.iter().find(|it| it.from_type == "thumb").expect("told");
    assert!(
        thumb.reason.contains("MEDIA_EXPIRED"),
        "no such file here: {}",
        thumb.reason
    );
}

#[tokio::test]
async fn a_thumbnail_of_its_own_that_the_platform_does_not_take_is_left_out() {
    let house = house("");
    let bad = house.kept(WEBP).await.handle;
    let film = house.kept(b"film").await.handle;
    let mut asked = video(json!({ "handle": film, "thumbHandle": bad }));
    let (said, lost) = sent(&house, asked.clone()).await;
    assert_eq!((said.as_str(), lost[0].from_type.as_str()), ("video M1 under", "thumb"));
    asked["degrade"] = "REFUSE".into();
    let refused = house.submit(asked).await.expect("accepted");
    let refused = house.becomes(&refused, Status::Failed).await;
    assert_eq!(code(&refused), "UNSUPPORTED_PART");
}

#[tokio::test]
async fn what_the_platform_does_not_take_goes_as_a_link_and_says_why() {
    let house = house("");
    let bad = house.kept(WEBP).await.handle;
    let picture = message(json!({ "image": { "handle": bad } }));
    let (said, lost) = sent(&house, picture).await;
    assert_eq!(said, format!("https://media/{}", bad.len()));
    assert_eq!((lost.len(), lost[0].to_type.as_str()), (1, "link"));
}

#[tokio::test]
async fn an_id_that_died_is_made_anew_where_there_is_a_file_and_ends_the_message_where_there_is_none() {
    let house = house("");
    let own = house.kept(PNG).await.handle;
    house.platform.will("/send", [says(40007)]);
    let both = message(json!({ "image": { "platformMediaId": "DEAD", "handle": own } }));
    assert_eq!(sent(&house, both).await.0, "M1");
    assert_eq!(house.platform.sent(), ["DEAD", "M1"]);
    house.platform.will("/send", [says(40007), says(40007)]);
    let alone = message(json!({ "image": { "platformMediaId": "DEAD" } }));
    let failed = house.submit(alone).await.expect("accepted");
    let failed = house.becomes(&failed, Status::Failed).await;
    assert_eq!(code(&failed), "MEDIA_EXPIRED");
}
