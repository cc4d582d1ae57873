//! Does every choice of a menu find its way back?

use super::*;

#[test]
fn choices_are_a_msgmenu_or_links_that_answer() {
    let menu = Menu {
        head: "满意吗?\r\n".into(),
        actions: vec![
            action("101", "是", None),
            action("", "否 & 其他", Some(Kind::ReplyText("否".into()))),
        ],
        tail: "谢谢".into(),
    };
    let list = json!([{"id":"101","content":"是"},{"id":"2","content":"否 & 其他"}]);
    let body = json!({"head_content":"满意吗?","list":list,"tail_content":"谢谢"});
    check(
        part(Content::Menu(menu.clone())),
        BOTH,
        &[json!({"msgtype":"msgmenu","msgmenu":body})],
        &[],
    );
    let links = "满意吗?\n<a href=\"weixin://bizmsgmenu?msgmenucontent=是&msgmenuid=101\">是</a>\n\
                 <a href=\"weixin://bizmsgmenu?msgmenucontent=否&msgmenuid=2\">否 & 其他</a>\n谢谢";
    check(
        part(Content::Menu(menu.clone())),
        PASSIVE,
        &[words(links)],
        &["menu>text"],
    );
    let say = Say {
        degrade: Degrade::Refuse,
        ..say(vec![part(Content::Menu(menu))])
    };
    assert_eq!(refused(&say, PASSIVE), Code::UnsupportedPart);
}

#[test]
fn a_menu_with_links_is_a_text_and_an_item_without_words_is_refused() {
    let mixed = Menu {
        head: "h".into(),
        actions: vec![
            action("1", "a", None),
            action("2", "b", Some(Kind::Url("https://x".into()))),
        ],
        tail: String::new(),
    };
    let links = "h\n<a href=\"weixin://bizmsgmenu?msgmenucontent=a&msgmenuid=1\">a</a>\n<a href=\"https://x\">b</a>";
    check(part(Content::Menu(mixed)), API, &[words(links)], &["menu>text"]);
    let nameless = Menu {
        actions: vec![action("1", "", None)],
        ..Default::default()
    };
    assert_eq!(
        refused(&say(vec![part(Content::Menu(nameless))]), API),
        Code::InvalidRequest
    );
    let escaped = Menu {
        actions: vec![action("a&b", "x\"<y", None)],
        ..Default::default()
    };
    let (bodies, _) = shown(part(Content::Menu(escaped)), PASSIVE);
    assert_eq!(
        bodies[0]["text"]["content"],
        "<a href=\"weixin://bizmsgmenu?msgmenucontent=x%22%3Cy&msgmenuid=a%26b\">x\"＜y</a>"
    );
}
