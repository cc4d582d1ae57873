//! How do the pages of a scan look? Plain HTML in both languages, without a script; whatever came from outside is escaped.

use std::fmt::Write as _;

use crate::{
    channels::{self, contract::PermissionSet},
    component::links::{BindPage, Bound, Refused},
    error::pages,
};

/// No script, nothing from elsewhere.
pub const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = "body{font:16px/1.6 system-ui,sans-serif;margin:0 auto;max-width:40rem;padding:2rem 1rem;color:#222;background:#fff}\
h1{font-size:1.3rem}a.go{display:block;margin:1rem 0;padding:.8rem 1rem;border-radius:.5rem;background:#07c160;color:#fff;\
text-align:center;text-decoration:none}p.code{font-family:monospace;color:#a00}small{color:#555}li.need{color:#a00}";

/// The ways to the platform's pages.
pub fn bind(page: &BindPage) -> String {
    let mut body = format!(
        "<h1>绑定微信账号 · Bind a WeChat account</h1>\
         <p>账号 ID / account id: <b>{}</b></p>\
         <p>请由公众号或小程序的管理员扫码，并勾选全部权限。<br>The account's admin scans, and ticks every permission.</p>",
        escaped(&page.account)
    );
    for (class, to, zh, en) in [
        (
            "pc",
            &page.pages.pc,
            "在电脑上扫码授权",
            "On a computer: show the code to scan",
        ),
        (
            "phone",
            &page.pages.phone,
            "在手机微信中授权",
            "On a telephone, inside WeChat",
        ),
    ] {
        let _ = write!(
            body,
            "<a class=\"go\" id=\"{class}\" href=\"{}\">{zh}<br>{en}</a>",
            escaped(to)
        );
    }
    let minutes = (page.lives_for / 60_000).max(1);
    let _ = write!(
        body,
        "<p><small>本页 {minutes} 分钟内有效，过期请刷新。 This page is good for {minutes} min; reload it after that.</small></p>"
    );
    whole("绑定 · Bind", &body)
}

/// What a scan brought.
pub fn bound(bound: &Bound) -> String {
    let about = bound.known.about.clone().unwrap_or_default();
    let mut body = String::from("<h1>绑定成功 · Bound</h1><dl>");
    let kind = channels::named(&about.channel).map(|channel| channel.card());
    let kind = kind.map_or_else(String::new, |card| format!("{} · {}", card.title_zh, card.title_en));
    let verified = if about.verified {
        "已认证 · verified"
    } else {
        "未认证 · not verified"
    };
    for (name, value) in [
        ("账号 ID · account id", bound.account.as_str()),
        ("名称 · name", about.name.as_str()),
        ("主体 · principal", about.principal.as_str()),
        ("AppID", bound.app_id.as_str()),
        ("类型 · kind", kind.as_str()),
        ("认证 · verification", verified),
    ] {
        if !value.is_empty() {
            let _ = write!(body, "<dt><small>{name}</small></dt><dd>{}</dd>", escaped(value));
        }
    }
    body.push_str("</dl><p>已授权的权限集 · permissions granted</p><ul>");
    for set in &bound.sets {
        let _ = write!(body, "<li>{}</li>", set_line(*set));
    }
    for missing in &bound.missing {
        let missing = escaped(missing);
        let _ = write!(
            body,
            "<li class=\"need\">未勾选 {missing}：无法收发消息，请重新扫码并勾选。 \
             Not ticked: {missing}. Without it no message comes or goes; scan again and tick it.</li>"
        );
    }
    body.push_str("</ul><p>可以关闭本页。 You may close this page.</p>");
    whole("绑定成功 · Bound", &body)
}

fn set_line(set: PermissionSet) -> String {
    match set.name_zh {
        "" => format!("{}", set.id),
        name => format!("{} {name} · {}", set.id, set.name_en),
    }
}

/// Why nothing was bound, and what to do.
pub fn refused(refused: &Refused) -> String {
    let page = pages::page(refused.code);
    let body = format!(
        "<h1>未能绑定 · Not bound</h1><p>{}</p><p>{}</p><p class=\"code\">{}</p><p>{}</p><p>{}</p>",
        escaped(&refused.zh),
        escaped(&refused.en),
        refused.code,
        escaped(page.remedy_zh),
        escaped(page.remedy_en),
    );
    whole("未能绑定 · Not bound", &body)
}

fn whole(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title><style>{STYLE}</style></head>\
         <body>{body}</body></html>"
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{channels::contract::About, component::book::Authorizer, error::Code};

    #[test]
    fn whatever_a_stranger_named_is_text_on_the_page() {
        const EVIL: &str = "<script>alert('1')</script>\"&";
        let known = Authorizer {
            about: Some(About {
                name: EVIL.into(),
                principal: EVIL.into(),
                channel: "official_account".into(),
                ..About::default()
            }),
            ..Authorizer::default()
        };
        let page = bound(&Bound {
            account: EVIL.into(),
            app_id: EVIL.into(),
            known,
            sets: Vec::new(),
            missing: vec![EVIL.into()],
        });
        assert!(
            !page.contains("<script") && page.contains("&lt;script&gt;alert(&#39;1&#39;)"),
            "{page}"
        );
        let page = refused(&Refused {
            code: Code::Forbidden,
            en: EVIL.into(),
            zh: EVIL.into(),
        });
        assert!(!page.contains("<script") && page.contains("FORBIDDEN"), "{page}");
    }
}
