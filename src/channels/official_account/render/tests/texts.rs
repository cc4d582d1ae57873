//! Is every text shown as the core wrote it, split or cut where it must be, with what it quotes?

use super::*;

#[test]
fn line_breaks_of_every_spelling_survive_on_both_roads() {
    let piece = &rendered(text("1. 退货\r\n2. 换货<br/>3. 人工"), BOTH).pieces[0];
    let (_, body) = sent(piece);
    assert_eq!(
        body,
        r#"{"touser":"oUser","msgtype":"text","text":{"content":"1. 退货\n2. 换货\n3. 人工"}}"#
    );
    let xml = xml(piece, true).expect("rides passively");
    assert!(
        xml.contains("<Content><![CDATA[1. 退货\n2. 换货\n3. 人工]]></Content>"),
        "{xml}"
    );
}

#[test]
fn plain_text_is_kept_but_for_its_ends() {
    check(text("\n\na\n\nb  <b> & \\n\n"), API, &[words("a\n\nb  <b> & \\n")], &[]);
    let strict = AccountSettings::default();
    let strict = AccountSettings {
        text_html_breaks: false,
        ..strict
    };
    let it = pieces(&strict, &say(vec![text("a<br>b")]), API).expect("renders");
    assert_eq!(it.pieces[0].native, words("a<br>b"));
}

#[test]
fn html_and_markdown_are_lowered_and_pictures_in_them_reported() {
    let html = r#"<p>您好<br/><b>点</b><a href="https://x">这里</a></p>"#;
    check(
        formatted(html, Format::Html),
        API,
        &[words("您好\n点<a href=\"https://x\">这里</a>")],
        &[],
    );
    check(formatted("**a**", Format::Markdown), API, &[words("a")], &[]);
    let picture = r#"<img src="https://x/a.png"><img src="cid:1" alt="b">"#;
    check(
        formatted(picture, Format::Html),
        API,
        &[words("<a href=\"https://x/a.png\">[图片]</a>b")],
        &["image>link", "image>text"],
    );
    let apart = Say {
        pictures_apart: true,
        ..say(vec![formatted(&format!("a{picture}"), Format::Html)])
    };
    let apart = pieces(&settings(), &apart, API).expect("said");
    assert_eq!(apart.pieces[0].native, words("ab"));
    let told: Vec<_> = apart.degradations.iter().map(|lost| &*lost.to_type).collect();
    assert_eq!(told, ["image", "text"]);
}

#[test]
fn an_empty_text_is_refused_because_the_customer_would_see_a_fault() {
    for empty in ["", "\n\n", "  "] {
        assert_eq!(refused(&say(vec![text(empty)]), BOTH), Code::InvalidRequest);
    }
    assert_eq!(refused(&say(Vec::new()), BOTH), Code::InvalidRequest);
    assert_eq!(refused(&say(vec![Part::default()]), BOTH), Code::InvalidRequest);
}

#[test]
fn a_long_text_is_split_by_api_and_cut_passively() {
    let long = "好".repeat(1000);
    let (bodies, lost) = shown(text(&long), BOTH);
    assert_eq!((bodies.len(), lost.len()), (2, 0));
    let (bodies, lost) = shown(text(&long), PASSIVE);
    assert_eq!((bodies.len(), lost), (1, vec!["text>text".to_owned()]));
    for degrade in [Degrade::Refuse, Degrade::LosslessOnly] {
        let say = Say {
            degrade,
            ..say(vec![text(&long)])
        };
        assert_eq!(refused(&say, PASSIVE), Code::TooLong);
        assert!(pieces(&settings(), &say, API).is_ok());
    }
}

#[test]
fn a_text_that_no_window_lets_through_is_refused_at_once() {
    assert_eq!(refused(&say(vec![text(&"x".repeat(65_537))]), API), Code::TooLong);
}

#[test]
fn the_operator_may_set_another_limit() {
    let mut own = settings();
    own.limits.insert("text_bytes".into(), 600);
    let it = pieces(&own, &say(vec![text(&"好".repeat(1000))]), API).expect("renders");
    assert_eq!(it.pieces.len(), 5);
}

fn quoting(summary: &str, parts: Vec<Part>) -> Say {
    Say {
        what: What::Parts {
            parts,
            quote: Some(Quote {
                summary: summary.into(),
                ..Default::default()
            }),
        },
        ..Default::default()
    }
}

#[test]
fn a_quote_is_written_into_the_text_and_reported() {
    let it = pieces(&settings(), &quoting("多少钱", vec![text("199元")]), BOTH).expect("renders");
    assert_eq!(it.pieces[0].native, words("「多少钱」\n- - - -\n199元"));
    assert_eq!(it.degradations[0].from_type, "quote");
    let it = pieces(&settings(), &quoting(&"长".repeat(60), vec![text("ok")]), API).expect("renders");
    assert_eq!(
        it.pieces[0].native,
        words(&format!("「{}…」\n- - - -\nok", "长".repeat(50)))
    );
}

/// What the texts of it say, and what its quote became.
fn quoted(parts: Vec<Part>, roads: Roads) -> (Vec<String>, String) {
    let it = pieces(&settings(), &quoting(&"长".repeat(60), parts), roads).expect("renders");
    let texts = it.pieces.iter().map(|piece| {
        let text = piece.native["text"]["content"].as_str().expect("a text");
        assert!(text.len() <= 2048, "{text}");
        text.to_owned()
    });
    let quote = it.degradations.iter().find(|it| it.from_type == "quote");
    (texts.collect(), quote.expect("reported").to_type.clone())
}

#[test]
fn a_quote_takes_the_room_that_a_text_leaves_and_no_more() {
    // The frame of a quote takes 15 bytes, the mark of a cut 3, each of its characters 3.
    for (left, shown) in [
        (15 + 150 + 3, 50),
        (15 + 149 + 3, 49),
        (15 + 15, 4),
        (15 + 14, 0),
        (1, 0),
        (0, 0),
    ] {
        let answer = "x".repeat(2048 - left);
        for roads in [API, PASSIVE, BOTH] {
            let (texts, to) = quoted(vec![text(&answer)], roads);
            let expected = match shown {
                0 => answer.clone(),
                shown => format!("「{}…」\n- - - -\n{answer}", "长".repeat(shown)),
            };
            assert_eq!(texts, [expected], "{left} bytes are left");
            assert_eq!(to.is_empty(), shown == 0);
        }
    }
    let short = quoting("好", vec![text(&"x".repeat(2048 - 18))]);
    let it = pieces(&settings(), &short, API).expect("renders");
    assert_eq!(it.degradations[0].to_type, "text", "all of a short one is shown");
}

#[test]
fn a_quote_leaves_as_many_messages_as_there_were_and_stands_in_none_alone() {
    let rule = "」\n- - - -\n";
    for (answer, messages) in [
        (format!("{}\n{}", "x".repeat(2000), "y".repeat(500)), 2),
        (format!("{}\n{}", "x".repeat(2048), "y".repeat(500)), 2),
        ("x".repeat(3000), 2),
        ("x".repeat(4090), 2),
        (
            format!("<a href=\"https://x/{}\">y</a>\n{}", "x".repeat(1900), "y".repeat(500)),
            2,
        ),
    ] {
        let (texts, to) = quoted(vec![text(&answer)], API);
        assert_eq!(texts.len(), messages);
        let behind = texts[0].split_once(rule).map(|(_, words)| words);
        assert_eq!(behind.is_some(), to == "text");
        assert!(behind.is_none_or(|words| !words.is_empty() && answer.starts_with(words)));
    }
}

#[test]
fn in_a_passive_answer_all_texts_leave_the_room() {
    let parts = || vec![text(&"x".repeat(1016)), text(&"y".repeat(1000))];
    let (texts, _) = quoted(parts(), PASSIVE);
    assert!(texts[0].starts_with("「长长长长…」") && texts[0].ends_with(&"y".repeat(1000)));
    let (texts, _) = quoted(parts(), API);
    assert!(texts[0].starts_with(&format!("「{}…」", "长".repeat(50))));
}

#[test]
fn a_quote_without_words_or_place_is_dropped_and_reported() {
    let it = pieces(&settings(), &quoting("", vec![text("ok")]), API).expect("renders");
    assert_eq!(it.pieces[0].native, words("ok"));
    assert_eq!(
        (
            it.degradations[0].from_type.as_str(),
            it.degradations[0].to_type.as_str()
        ),
        ("quote", "")
    );
    let say = Say {
        degrade: Degrade::LosslessOnly,
        ..quoting("", vec![text("ok")])
    };
    assert_eq!(refused(&say, API), Code::UnsupportedPart);
}
