//! What do the plain parts become?

use super::*;

#[test]
fn a_text_goes_in_pieces_of_2048_bytes_with_its_links() {
    let shown = shown(&say(vec![text(&"长".repeat(1000))]), API);
    assert_eq!(shown.len(), 2);
    let html = part(Content::Text(Text {
        body: "<p>您好<br/><b>点</b><a href=\"https://x.example\">这里</a></p>".into(),
        format: Format::Html.into(),
    }));
    assert_eq!(
        self::shown(&say(vec![html]), API),
        [json!({ "msgtype": "text", "text": { "content": "您好\n点<a href=\"https://x.example\">这里</a>" } })]
    );
}

#[test]
fn media_go_by_their_id() {
    for (content, kind) in [
        (Content::Image(media("M")), "image"),
        (Content::Voice(media("M")), "voice"),
        (Content::File(media("M")), "file"),
    ] {
        assert_eq!(one(content)[kind], json!({ "media_id": "M" }), "{kind}");
    }
    let video = Media {
        name: "演示".into(),
        caption: "30 秒".into(),
        ..media("M")
    };
    assert_eq!(
        one(Content::Video(video))["video"],
        json!({ "media_id": "M", "title": "演示", "description": "30 秒" })
    );
}

#[test]
fn a_medium_that_is_not_on_the_platform_is_a_link() {
    let at = Media {
        url: "https://m.example/1".into(),
        name: "报价.pdf".into(),
        ..Default::default()
    };
    for (content, way) in [
        (Content::Image(at.clone()), "image→link"),
        (Content::Voice(at.clone()), "voice→link"),
        (Content::Video(at.clone()), "video→link"),
        (Content::File(at.clone()), "file→link"),
    ] {
        let (shown, lost) = lost(content, API);
        assert_eq!(lost, [way]);
        assert_eq!(shown[0]["news"]["articles"][0]["url"], "https://m.example/1");
    }
    let nowhere = say(vec![part(Content::Image(Media::default()))]);
    assert_eq!(refused(&nowhere, API), Code::InvalidRequest);
}

#[test]
fn words_stand_in_for_what_cannot_be_sent() {
    let forwarded = ForwardedChat {
        title: "记录".into(),
        items: vec![Message {
            summary: "在吗".into(),
            ..Default::default()
        }],
    };
    for (content, way) in [
        (
            Content::Location(Location {
                latitude: 23.1,
                longitude: 113.3,
                name: "店".into(),
                ..Default::default()
            }),
            "location→text",
        ),
        (
            Content::Contact(ContactCard {
                display_name: "李四".into(),
                ..Default::default()
            }),
            "contact→text",
        ),
        (Content::Forwarded(forwarded), "forwarded→text"),
        (
            Content::Music(Music {
                url: "https://m.example".into(),
                ..Default::default()
            }),
            "music→link",
        ),
        (
            Content::Reference(Reference {
                url: "https://r.example".into(),
                title: "会议".into(),
                ..Default::default()
            }),
            "reference→link",
        ),
    ] {
        assert_eq!(lost(content, API).1, [way]);
    }
    for content in [
        Content::Transfer(TransferToPlatform::default()),
        Content::Template(Template::default()),
        Content::Reference(Reference::default()),
    ] {
        assert_eq!(refused(&say(vec![part(content)]), API), Code::UnsupportedPart);
    }
    assert_eq!(
        refused(
            &Say {
                what: What::Typing,
                ..Default::default()
            },
            API
        ),
        Code::UnsupportedPart
    );
}

#[test]
fn articles_go_eight_to_a_message() {
    let items = (0..10)
        .map(|n| Link {
            url: format!("https://a.example/{n}"),
            title: format!("t{n}"),
            ..Default::default()
        })
        .collect::<Vec<_>>();
    let ten = || Content::Articles(Articles { items: items.clone() });
    let (shown, way) = lost(ten(), API);
    let counts: Vec<_> = shown
        .iter()
        .map(|it| it["news"]["articles"].as_array().map(Vec::len))
        .collect();
    assert_eq!((counts, way), (vec![Some(8), Some(2)], Vec::new()));
    let (shown, way) = lost(ten(), PASSIVE);
    assert_eq!(
        (shown[0]["msgtype"].as_str(), way),
        (Some("text"), vec!["articles→text".to_owned()])
    );
}

#[test]
fn a_field_is_cut_where_it_is_too_long_and_an_address_never() {
    let link = |url: usize, title: usize, description: usize| {
        Content::Link(Link {
            url: format!("https://a.example/{}", "u".repeat(url)),
            title: "题".repeat(title),
            description: "述".repeat(description),
            ..Default::default()
        })
    };
    for roads in [API, PASSIVE] {
        assert!(lost(link(1, 42, 170), roads).1.is_empty(), "as long as they may be");
        let (shown, way) = lost(link(1, 43, 171), roads);
        let article = &shown[0]["news"]["articles"][0];
        assert_eq!(article["title"].as_str(), Some(&*"题".repeat(42)));
        assert_eq!(article["description"].as_str(), Some(&*"述".repeat(170)));
        assert_eq!(way, ["text→text", "text→text"]);
        let strict = Say {
            degrade: Degrade::LosslessOnly,
            ..say(vec![part(link(1, 43, 1))])
        };
        assert_eq!(refused(&strict, roads), Code::TooLong);
        assert_eq!(refused(&say(vec![part(link(2048, 1, 1))]), roads), Code::TooLong);
    }
    let long = "https://a.example/".to_owned() + &"u".repeat(2048);
    let by_address = Card {
        web_url: long,
        ..card()
    };
    assert_eq!(refused(&say(vec![part(Content::Card(by_address))]), API), Code::TooLong);
    let titled = Content::Video(Media {
        name: "题".repeat(50),
        ..media("M")
    });
    let (shown, way) = lost(titled, API);
    assert_eq!(shown[0]["video"]["title"].as_str(), Some(&*"题".repeat(42)));
    assert_eq!(way, ["text→text"]);
}

#[test]
fn a_mini_program_is_a_notice_where_its_title_fits_and_else_an_article_that_opens_it() {
    let mini = |title: &str| {
        Content::MiniProgram(MiniProgramCard {
            appid: "wxaa".into(),
            page_path: "pages/t?id=2".into(),
            title: title.into(),
            ..Default::default()
        })
    };
    let notice = one(mini("工单处理提醒"));
    assert_eq!(
        notice["miniprogram_notice"],
        json!({ "appid": "wxaa", "page": "pages/t?id=2", "title": "工单处理提醒" })
    );
    let (path, body) = called(&say(vec![part(mini("工单处理提醒"))]));
    assert_eq!(
        (path, body.get("agentid"), body["touser"].as_str()),
        (SEND_PATH, None, Some("li.si"))
    );
    let long = say(vec![part(mini("一个对通知来说太长太长的标题"))]);
    let (_, body) = called(&long);
    assert_eq!(body["news"]["articles"][0]["pagepath"], "pages/t?id=2");
    assert_eq!(
        rides(&long, &to_message()),
        None,
        "a passive article opens no mini-program"
    );
}

#[test]
fn a_quote_is_written_into_the_text() {
    let mut it = say(vec![text("199元")]);
    it.what = What::Parts {
        parts: vec![text("199元")],
        quote: Some(Quote {
            summary: "多少钱".into(),
            ..Default::default()
        }),
    };
    assert_eq!(shown(&it, API)[0]["text"]["content"], "「多少钱」\n- - - -\n199元");
}
