//! How does a core's HTML read where only newlines and links are shown?
//!
//! `<p>`, `<br>`, `</li>` and line ends make one newline each; links stay links; entities are decoded; scripts and styles
//! vanish; everything else leaves its words. Tokens come from a parser that follows the HTML standard, so broken
//! markup reads as a browser would read it.

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

use super::{
    Image, Links, Lowered, Pictures, attribute, clean, label, line_ends, safe_link, travels,
    written::{Mark, Written},
};

/// Lowers `html` to text.
pub fn lower(html: &str, links: Links, pictures: Pictures) -> Lowered {
    let html = line_ends(html);
    let mut emitter = DefaultEmitter::default();
    // Without it the inside of a script would be read as markup.
    emitter.naively_switch_states(true);
    let mut writer = Writer::new(links, pictures);
    for token in Tokenizer::new_with_emitter(html.as_str(), emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => writer.open(&tag),
            Token::EndTag(tag) => writer.close(&utf8(&tag.name)),
            Token::String(text) => writer.text(&utf8(&text.value)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    writer.finish()
}

/// Elements that begin and end on a line of their own.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "dd",
    "div",
    "dl",
    "dt",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "nav",
    "ol",
    "pre",
    "section",
    "table",
    "tr",
    "ul",
];
/// Elements whose words are not for people.
const HIDDEN: &[&str] = &["script", "style", "title", "template", "iframe", "noembed", "noframes"];

struct Writer {
    links: Links,
    pictures: Pictures,
    out: Written,
    images: Vec<Image>,
    link_lost: bool,
    link: Option<Link>,
    /// The element whose words are being skipped.
    hidden: Option<String>,
    /// Depth of `<pre>`: white space counts.
    pre: usize,
    /// A blank seen, written once a word follows.
    blank: bool,
    /// A tag has just made a line: white space of the source that follows it means nothing.
    after_tag: bool,
    /// The last newline came from `<br>`: the end of its paragraph adds none, as in a browser.
    after_br: bool,
}

/// A link whose words are being collected at the end of the text.
struct Link {
    start: Mark,
    href: Option<String>,
    /// `data-miniprogram-…`, with which an official account opens a mini-program.
    extra: String,
}

impl Writer {
    fn new(links: Links, pictures: Pictures) -> Self {
        Self {
            links,
            pictures,
            out: Written::default(),
            images: Vec::new(),
            link_lost: false,
            link: None,
            hidden: None,
            pre: 0,
            blank: false,
            after_tag: true,
            after_br: false,
        }
    }

    fn open(&mut self, tag: &StartTag<()>) {
        if self.hidden.is_some() {
            return;
        }
        let name = utf8(&tag.name);
        match &*name {
            "br" => {
                self.newline();
                self.after_br = true;
            }
            "p" => self.fresh_line(),
            "a" => self.open_link(tag),
            "img" => self.image(tag),
            "td" | "th" => self.blank = !self.at_line_start(),
            _ if HIDDEN.contains(&&*name) && !tag.self_closing => self.hidden = Some(name),
            _ if BLOCKS.contains(&&*name) => {
                self.fresh_line();
                self.pre += usize::from(name == "pre");
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if self.hidden.is_some() {
            if self.hidden.as_deref() == Some(name) {
                self.hidden = None;
            }
            return;
        }
        match name {
            "p" if !self.after_br => self.newline(),
            "a" => self.close_link(),
            _ if BLOCKS.contains(&name) => {
                self.fresh_line();
                self.pre -= usize::from(name == "pre" && self.pre > 0);
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.hidden.is_some() {
            return;
        }
        for c in text.chars() {
            match c {
                '\n' if self.after_tag && self.pre == 0 => {}
                '\n' => self.raw_newline(),
                ' ' | '\t' | '\u{c}' if self.pre == 0 => self.blank = !self.at_line_start(),
                '\u{a0}' => self.word(' '),
                // An entity may stand for one.
                c if !travels(c) => {}
                c => self.word(c),
            }
        }
    }

    fn word(&mut self, c: char) {
        self.blank_seen();
        self.out.push(c);
        self.after_tag = false;
        self.after_br = false;
    }

    /// Writes the blank that was seen before what comes now.
    fn blank_seen(&mut self) {
        if std::mem::take(&mut self.blank) {
            self.out.push(' ');
        }
    }

    fn raw_newline(&mut self) {
        self.blank = false;
        self.out.push('\n');
        self.after_br = false;
    }

    /// A newline made by a tag.
    fn newline(&mut self) {
        self.raw_newline();
        self.after_tag = true;
    }

    fn fresh_line(&mut self) {
        if !self.at_line_start() {
            self.newline();
        }
        self.blank = false;
        self.after_tag = true;
    }

    fn at_line_start(&self) -> bool {
        let written = self.out.as_str();
        written.is_empty() || written.ends_with('\n')
    }

    fn open_link(&mut self, tag: &StartTag<()>) {
        self.close_link();
        self.blank_seen();
        self.link = Some(Link {
            start: self.out.begin(),
            href: value(tag, "href").and_then(|href| safe_link(&href)),
            extra: mini_program(tag),
        });
    }

    fn close_link(&mut self) {
        let Some(link) = self.link.take() else { return };
        let words = label(&link.start.end(&mut self.out));
        match (&link.href, self.links) {
            (Some(href), Links::Keep) if !link.extra.is_empty() => {
                let tag = format!(r#"<a href="{href}"{}>{}</a>"#, link.extra, or(&words, href));
                self.out.push_str(&tag);
            }
            (Some(href), links) => {
                self.link_lost |= !links.hold(href);
                self.out.push_link(href, &words, links);
            }
            (None, Links::Keep) if !link.extra.is_empty() && !words.is_empty() => {
                self.out.push_str(&format!("<a{}>{words}</a>", link.extra));
            }
            (None, _) if words.is_empty() => return,
            (None, _) => self.out.push_str(&words),
        }
        self.after_tag = false;
        self.after_br = false;
    }

    fn image(&mut self, tag: &StartTag<()>) {
        let image = Image {
            src: value(tag, "src").unwrap_or_default(),
            alt: label(&value(tag, "alt").unwrap_or_default()),
        };
        let name = or(&image.alt, "[图片]").to_owned();
        match image.url() {
            // A link cannot hold a link: the outer one wins, and needs words to tap on.
            Some(url) if self.link.is_none() => {
                if self.pictures == Pictures::Linked {
                    self.link_lost |= !self.links.hold(&url);
                    self.blank_seen();
                    self.out.push_link(&url, &name, self.links);
                    self.after_tag = false;
                    self.after_br = false;
                }
            }
            _ => name.chars().for_each(|c| self.word(c)),
        }
        self.images.push(image);
    }

    fn finish(mut self) -> Lowered {
        self.close_link();
        Lowered {
            text: trim_line_ends(self.out.as_str().trim_matches('\n')),
            images: self.images,
            link_lost: self.link_lost,
        }
    }
}

/// Blanks before a newline come from the layout of the source.
fn trim_line_ends(text: &str) -> String {
    text.split('\n').map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn mini_program(tag: &StartTag<()>) -> String {
    ["data-miniprogram-appid", "data-miniprogram-path"]
        .iter()
        .filter_map(|name| value(tag, name).map(|value| format!(r#" {name}="{}""#, attribute(&value))))
        .collect()
}

fn value(tag: &StartTag<()>, name: &str) -> Option<String> {
    tag.attributes
        .get(name.as_bytes())
        .map(|value| clean(&utf8(&value.value)))
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(html: &str, expected: &str) {
        assert_eq!(lower(html, Links::Keep, Pictures::Linked).text, expected, "{html}");
    }

    #[test]
    fn paragraphs_breaks_and_items_make_one_newline_each() {
        check("1. 退货\r\n2. 换货<br/>3. 人工", "1. 退货\n2. 换货\n3. 人工");
        check("<p>a</p><p>b</p>", "a\nb");
        check("<p>a</p>\n<p>b</p>\n", "a\nb");
        check("a<p>b</p>c", "a\nb\nc");
        check("<p>a<br></p><p>b</p>", "a\nb");
        check("<p>a</p><p><br></p><p>b</p>", "a\n\nb");
        check("<p>a</p><p></p><p>b</p>", "a\n\nb");
        check("a<br><br>b", "a\n\nb");
        check(
            "<ul>\n  <li>a</li>\n  <li>b<ul><li>c</li></ul></li>\n</ul>d",
            "a\nb\nc\nd",
        );
        check("<h1>t</h1><div>a</div><div>b</div>", "t\na\nb");
        check(
            "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
            "a b\nc",
        );
    }

    #[test]
    fn links_stay_and_dangerous_ones_leave_their_words() {
        check(
            r#"<p>您好<br/><b>点</b><a href="https://x">这里</a></p>"#,
            r#"您好
点<a href="https://x">这里</a>"#,
        );
        check(r#"<a href="javascript:x()">tap</a>"#, "tap");
        check(r#"<a href="data:text/html,x">tap</a>"#, "tap");
        check(r#"<a name=x>here</a>"#, "here");
        check(r#"<a href="https://x"></a>"#, r#"<a href="https://x">https://x</a>"#);
        check(
            r#"<a href='https://x?a=1&amp;b="'>q</a>"#,
            r#"<a href="https://x?a=1&b=%22">q</a>"#,
        );
        check(
            r#"a <a href="https://x">b <b>c</b></a> d"#,
            r#"a <a href="https://x">b c</a> d"#,
        );
        check(r#"<a href="https://x">open"#, r#"<a href="https://x">open</a>"#);
        check(
            r#"<a href="https://x"><p>a</p><p>b</p></a>"#,
            r#"<a href="https://x">a b</a>"#,
        );
    }

    #[test]
    fn a_link_to_a_mini_program_keeps_its_attributes() {
        check(
            r#"<a href="https://x" data-miniprogram-appid="wx1" data-miniprogram-path="p?a=1">go</a>"#,
            r#"<a href="https://x" data-miniprogram-appid="wx1" data-miniprogram-path="p?a=1">go</a>"#,
        );
    }

    #[test]
    fn a_channel_without_links_spells_the_address() {
        let html = r#"<p>您好<br/><b>点</b><a href="https://x">这里</a></p>"#;
        assert_eq!(
            lower(html, Links::Spell(2048), Pictures::Linked).text,
            "您好\n点这里 https://x"
        );
    }

    #[test]
    fn entities_are_decoded_and_white_space_of_the_source_collapses() {
        check("a&nbsp;&nbsp;b &lt;c&gt; &#20320; &unknown;", "a  b <c> 你 &unknown;");
        check("  a   b\t c ", "a b c");
        check("<pre>  x\n   y</pre>", "  x\n   y");
    }

    #[test]
    fn scripts_styles_and_comments_vanish() {
        check(
            "a<script>if (a<b) { x('</p>') }</script><style>p{}</style><!-- c -->b",
            "ab",
        );
    }

    #[test]
    fn what_stands_behind_an_address_is_no_part_of_it() {
        for (html, expected) in [
            (
                r#"点<a href="https://x.org/p">这里</a>abc"#,
                "点这里 https://x.org/p abc",
            ),
            (
                r#"<a href="https://pay.example.cn">付款</a>.net"#,
                "付款 https://pay.example.cn .net",
            ),
            (
                r#"<a href="https://x">a</a><a href="https://y">b</a>"#,
                "a https://x b https://y",
            ),
            (
                r#"<a href="https://x"></a><b><a href="https://y"></a></b>你"#,
                "https://x https://y 你",
            ),
            (
                r#"<img src="https://x/a.png">你<img src="https://y" alt="b">c"#,
                "[图片] https://x/a.png 你b https://y c",
            ),
            (r#"<a href="https://x">a</a><a name=t></a><a>b</a>"#, "a https://x b"),
            // A blank is there already, or nothing follows.
            (
                r#"<a href="https://x">a</a> b<br><a href="https://y">c</a><br>d"#,
                "a https://x b\nc https://y\nd",
            ),
            (r#"<p><a href="https://x">a</a></p>"#, "a https://x"),
            (r#"<pre><a href="https://x">a</a>  b</pre>"#, "a https://x  b"),
            // Of an address that is too long the words are left, and nothing has to be kept from them.
            (&format!(r#"<a href="https://x/{}">a</a>b"#, "y".repeat(64)), "ab"),
        ] {
            assert_eq!(lower(html, Links::Spell(64), Pictures::Linked).text, expected, "{html}");
        }
        check(r#"<a href="https://x">a</a>b"#, r#"<a href="https://x">a</a>b"#);
    }

    #[test]
    fn a_picture_becomes_a_link_and_is_reported() {
        let lowered = lower(
            r#"see <img src="https://x/a.png" alt="图"> <img src="cid:1">"#,
            Links::Keep,
            Pictures::Linked,
        );
        assert_eq!(lowered.text, r#"see <a href="https://x/a.png">图</a> [图片]"#);
        assert_eq!(lowered.images.len(), 2);
    }

    #[test]
    fn a_picture_that_goes_apart_leaves_nothing_but_what_a_link_is_tapped_by() {
        let html = r#"a <img src="//x/a.png" alt="图"> b <a href="https://y"><img src="https://x/b.png"></a> <img src="cid:1">"#;
        let lowered = lower(html, Links::Keep, Pictures::LeftOut);
        assert_eq!(lowered.text, r#"a b <a href="https://y">[图片]</a> [图片]"#);
        let urls: Vec<_> = lowered.images.iter().map(Image::url).collect();
        let expected = [Some("https://x/a.png"), Some("https://x/b.png"), None];
        assert_eq!(urls, expected.map(|url| url.map(str::to_owned)));
    }

    proptest! {
        #[test]
        fn anything_is_read_without_a_panic(html in "(<|>|/|a|p|li|br|img|script| |href=|\"|'|&|;|x|\n|é|你){0,60}") {
            let _ = lower(&html, Links::Keep, Pictures::Linked);
            let _ = lower(&html, Links::Spell(64), Pictures::Linked);
        }
    }
}
