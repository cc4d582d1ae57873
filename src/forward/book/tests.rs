use super::*;

/// A plain forwarder from before, of all six types, as it is configured for the first time.
fn old(name: &str) -> Forwarder {
    Forwarder {
        name: name.into(),
        url: "https://archive.example/a".into(),
        types: Kind::ALL.to_vec(),
        key: Secret::new("0123456789ab"),
        mode: Mode::SobotMd5,
        company_id: "C1".into(),
        encrypt: false,
        legacy_plain: true,
    }
}

fn new(name: &str) -> Forwarder {
    Forwarder {
        legacy_plain: false,
        ..old(name)
    }
}

fn imported(on: bool, forwarder: &Forwarder) -> Book {
    let mut book = Book { on, ..Book::default() };
    book.settle(std::slice::from_ref(forwarder));
    book
}

/// The types that are protected.
fn protected(book: &Book, name: &str) -> Vec<&'static str> {
    let kinds = Kind::ALL.into_iter().filter(|kind| book.protects(name, *kind));
    kinds.map(Kind::name).collect()
}

const ALL: [&str; 6] = ["conversation", "evaluation", "user", "userinfo", "msg", "summary"];
const FORMERLY: [&str; 2] = ["user", "userinfo"];
const NONE: [&str; 0] = [];

#[test]
fn the_switch_starts_on() {
    assert!(Book::default().on);
}

#[test]
fn one_that_was_plain_while_the_switch_was_on_keeps_its_four_newer_types_plain() {
    assert_eq!(protected(&imported(true, &old("a")), "a"), FORMERLY);
}

#[test]
fn one_that_came_while_the_switch_was_off_or_was_never_plain_is_protected_when_the_switch_is_on() {
    assert_eq!(protected(&imported(true, &new("a")), "a"), ALL);
    let mut book = imported(false, &old("a"));
    assert!(!book.known["a"].legacy_plain, "row two: otherwise false");
    assert_eq!(protected(&book, "a"), NONE);
    book.switch(true);
    assert_eq!(protected(&book, "a"), ALL);
}

#[test]
fn another_address_other_types_mode_or_company_change_nothing() {
    let changed = [
        Forwarder {
            url: "https://archive.example/b".into(),
            ..old("a")
        },
        Forwarder {
            types: vec![Kind::Msg],
            ..old("a")
        },
        Forwarder {
            mode: Mode::HmacSha256,
            encrypt: true,
            ..old("a")
        },
        Forwarder {
            company_id: "C2".into(),
            ..old("a")
        },
        // Said anew: read once, when the name was first seen.
        new("a"),
    ];
    for next in changed {
        let mut book = imported(true, &old("a"));
        book.settle(&[next]);
        assert_eq!(protected(&book, "a"), FORMERLY);
        let mut book = imported(true, &new("a"));
        book.settle(&[old("a")]);
        assert_eq!(protected(&book, "a"), ALL);
    }
}

#[test]
fn a_type_that_an_old_forwarder_takes_up_later_is_plain_as_its_others() {
    let narrow = Forwarder {
        types: vec![Kind::User],
        ..old("a")
    };
    let mut book = imported(true, &narrow);
    book.settle(&[old("a")]);
    assert_eq!(protected(&book, "a"), FORMERLY);
}

#[test]
fn another_name_is_the_same_forwarder() {
    let mut book = imported(true, &old("a"));
    // As the file might say it by then.
    let settled = book.settle(&[new("b")]);
    assert_eq!(settled.renamed, [("a".to_owned(), "b".to_owned())]);
    assert_eq!(protected(&book, "b"), FORMERLY);
    assert!(!book.known.contains_key("a"));
    let said: Vec<_> = settled.changes.iter().map(|change| change.what).collect();
    assert_eq!(said, ["forwarder.rename"]);
}

#[test]
fn another_name_with_another_key_is_another_forwarder() {
    let mut book = imported(true, &old("a"));
    let stranger = Forwarder {
        key: Secret::new("another key"),
        ..new("b")
    };
    assert_eq!(book.settle(&[stranger]).renamed, []);
    assert_eq!(protected(&book, "b"), ALL);
    assert!(!book.known["a"].present && book.known["a"].legacy_plain);
}

fn of(name: &str, types: &[Kind]) -> Forwarder {
    Forwarder {
        types: types.to_vec(),
        ..old(name)
    }
}

/// Who went on under which name, when those of `before` became those of `after`.
fn renamed(before: &[Forwarder], after: &[Forwarder]) -> Vec<(String, String)> {
    let mut book = Book::default();
    book.settle(before);
    let mut renamed = book.settle(after).renamed;
    renamed.sort();
    renamed
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn several_that_go_to_one_place_are_told_apart_by_their_types() {
    let before = [of("p", &[Kind::Msg]), of("q", &[Kind::User])];
    for after in [
        [of("p2", &[Kind::Msg]), of("q2", &[Kind::User])],
        [of("q2", &[Kind::User]), of("p2", &[Kind::Msg])],
    ] {
        assert_eq!(renamed(&before, &after), pairs(&[("p", "p2"), ("q", "q2")]));
    }
    let crossed = [of("a", &[Kind::User]), of("b", &[Kind::Msg])];
    assert_eq!(renamed(&before, &crossed), pairs(&[("p", "b"), ("q", "a")]));
    let one_went = [of("a", &[Kind::User])];
    assert_eq!(renamed(&before, &one_went), pairs(&[("q", "a")]));
    let one_changed = [of("a", &[Kind::Msg, Kind::Summary]), of("b", &[Kind::Msg])];
    assert_eq!(renamed(&before, &one_changed), pairs(&[("p", "b"), ("q", "a")]));
    let both_changed = [
        of("a", &[Kind::User, Kind::Summary]),
        of("b", &[Kind::Msg, Kind::Summary]),
    ];
    assert_eq!(renamed(&before, &both_changed), pairs(&[("p", "b"), ("q", "a")]));
}

#[test]
fn of_several_that_could_be_the_old_one_the_first_by_name_is() {
    let before = [old("b"), old("a")];
    assert_eq!(
        renamed(&before, &[new("d"), new("c")]),
        pairs(&[("a", "c"), ("b", "d")])
    );
    assert_eq!(renamed(&before, &[new("c")]), pairs(&[("a", "c")]));
    assert_eq!(renamed(&[old("a")], &[new("d"), new("c")]), pairs(&[("a", "c")]));
    assert_eq!(
        renamed(&before, &[old("a"), new("c")]),
        pairs(&[("b", "c")]),
        "who stays is nobody else"
    );
}

#[test]
fn another_key_protects_everything_also_together_with_another_address() {
    for url in ["https://archive.example/a", "https://archive.example/b"] {
        let mut book = imported(true, &old("a"));
        let rotated = Forwarder {
            key: Secret::new("fedcba98769f"),
            url: url.into(),
            ..old("a")
        };
        let settled = book.settle(&[rotated]);
        assert_eq!(protected(&book, "a"), ALL);
        let change = &settled.changes[0];
        assert_eq!((change.what, &*change.target), ("forwarder.rotate", "a"));
        assert_eq!(
            (&change.before["key"], &change.after["key"]),
            (&json!("****ab"), &json!("****9f"))
        );
    }
}

#[test]
fn the_same_key_again_is_no_rotation_and_no_change() {
    let mut book = imported(true, &old("a"));
    assert_eq!(book.settle(&[old("a")]), Settled::default());
    assert_eq!(protected(&book, "a"), FORMERLY);
}

#[test]
fn a_key_that_changes_while_the_switch_is_off_takes_effect_when_it_goes_on() {
    let mut book = imported(true, &old("a"));
    book.switch(false);
    let rotated = Forwarder {
        key: Secret::new("fedcba98769f"),
        ..old("a")
    };
    book.settle(&[rotated]);
    assert_eq!(protected(&book, "a"), NONE);
    assert!(!book.known["a"].legacy_plain);
    book.switch(true);
    assert_eq!(protected(&book, "a"), ALL);
}

#[test]
fn off_protects_nothing_and_off_and_on_again_protects_everything_of_all() {
    let mut book = imported(true, &old("a"));
    book.settle(&[old("a"), new("b")]);
    let off = book.switch(false).expect("a change");
    assert_eq!(
        (off.what, &off.before["on"], &off.after["on"]),
        ("forwarder.switch", &json!(true), &json!(false))
    );
    assert_eq!(
        (protected(&book, "a"), protected(&book, "b")),
        (NONE.to_vec(), NONE.to_vec())
    );
    assert!(book.known["a"].legacy_plain, "unchanged by off");
    let on = book.switch(true).expect("a change");
    assert_eq!(on.after["legacyPlainEnded"], json!(["a"]));
    assert_eq!(
        (protected(&book, "a"), protected(&book, "b")),
        (ALL.to_vec(), ALL.to_vec())
    );
}

#[test]
fn on_while_it_is_on_changes_nothing() {
    let mut book = imported(true, &old("a"));
    assert_eq!(book.switch(true), None);
    assert_eq!(protected(&book, "a"), FORMERLY);
    book.switch(false);
    assert_eq!(book.switch(false), None);
}

#[test]
fn what_a_forwarder_was_outlives_its_absence() {
    let mut book = imported(true, &old("a"));
    let gone = book.settle(&[]);
    assert_eq!(gone.changes[0].what, "forwarder.remove");
    assert_eq!(book.settle(&[]), Settled::default(), "said once");
    let back = book.settle(&[new("a")]);
    assert_eq!(back.changes[0].what, "forwarder.create");
    assert_eq!(protected(&book, "a"), FORMERLY);
    // The switch reaches whoever is away as well.
    book.settle(&[]);
    book.switch(false);
    book.switch(true);
    book.settle(&[old("a")]);
    assert_eq!(protected(&book, "a"), ALL);
}

#[test]
fn nothing_that_is_written_down_holds_a_key() {
    let mut book = Book::default();
    let mut said = book.settle(&[old("a")]).changes;
    said.extend(book.settle(&[]).changes);
    assert!(!format!("{said:?}").contains("0123456789ab"), "{said:?}");
}

#[test]
fn a_key_in_the_address_is_seen_no_more_than_the_key_itself() {
    let with = Forwarder {
        url: "https://archive.example/a?code=0123456789ab".into(),
        ..old("a")
    };
    let mut book = Book::default();
    let told = book.settle(&[with]).changes;
    assert_eq!(told[0].after["url"], "https://archive.example/a?code=****ab");
    let gone = book.settle(&[]).changes;
    assert_eq!(gone[0].before["url"], "https://archive.example/a?code=****ab");
    assert_eq!(book.known["a"].url, "https://archive.example/a?code=0123456789ab");
}
