//! What does an operator read about a code? Cause and remedy, in English and Chinese.
//!
//! A remedy names what to click: paths in the console of mp.weixin.qq.com (公众号后台) in the platform's own words, because
//! that is what stands on the buttons.

mod account;
mod callback;
mod core_api;
mod send;
mod warning;

use std::fmt::Display;

use super::{Class, Code};

/// The page of one code.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    pub cause_en: &'static str,
    pub remedy_en: &'static str,
    pub cause_zh: &'static str,
    pub remedy_zh: &'static str,
}

/// The page of `code`: what `wxbridge explain` prints and the console shows.
pub fn page(code: Code) -> &'static Page {
    let pages = match code.class() {
        Class::Callback => callback::PAGES,
        Class::Account => account::PAGES,
        Class::Send => send::PAGES,
        Class::CoreApi => core_api::PAGES,
        Class::Warning => warning::PAGES,
    };
    pages
        .iter()
        .find(|(of, _)| *of == code)
        .map_or(&MISSING, |(_, page)| page)
}

/// Never shown: the tests walk every code.
static MISSING: Page = Page {
    cause_en: "",
    remedy_en: "",
    cause_zh: "",
    remedy_zh: "",
};

/// The page of `code` as text, both languages.
pub fn text(code: Code) -> String {
    let page = page(code);
    format!(
        "{code}\n\n{}\n\nWhat to do: {}\n\n{}\n\n处理办法：{}\n",
        page.cause_en, page.remedy_en, page.cause_zh, page.remedy_zh
    )
}

/// Stands between the English and the Chinese of a text that travels in both.
pub const BOTH: &str = " / ";

/// Stands between what went wrong and what helps, in English and in Chinese, where one sentence holds both.
pub const HELPS: (&str, &str) = ("; what to do: ", "；处理办法：");

/// The English and the Chinese of such a text: English words may hold the mark themselves, Chinese ones have ／ for it.
pub fn halves(text: &str) -> Option<(&str, &str)> {
    text.rsplit_once(BOTH)
}

/// What the platform said and what helps, in one sentence of both languages, each with its own beginning.
pub fn refused(begins: (&str, &str), said: impl Display, remedy: &str) -> String {
    let (en, zh) = halves(remedy).unwrap_or((remedy, remedy));
    let told = |begins, helps, remedy| format!("{begins}{said}{helps}{remedy}");
    format!("{}{BOTH}{}", told(begins.0, HELPS.0, en), told(begins.1, HELPS.1, zh))
}

/// Every code with its page: `docs/error-codes.md`.
#[cfg(test)]
fn document() -> String {
    let mut out = String::from(
        "# Error codes\n\n<!-- Made from src/error by `UPDATE=1 cargo test --lib error::pages`. -->\n\n\
         `wxbridge explain CODE` prints one page; what each number of the platform becomes stands in \
         [platform-codes.md](platform-codes.md).\nHTTP and gRPC status are those of calls that have no result of their own to \
         carry the code.\n",
    );
    let classes = [
        (Class::Callback, "Callbacks"),
        (Class::Account, "Accounts"),
        (Class::Send, "Sending"),
        (Class::CoreApi, "Core API"),
        (Class::Warning, "Warnings"),
    ];
    for (class, title) in classes {
        out.push_str(&format!("\n## {title}\n"));
        for code in Code::ALL.iter().filter(|code| code.class() == class) {
            let page = page(*code);
            out.push_str(&format!(
                "\n### {code}\n\nHTTP {}, gRPC {}\n\n{}\n\nWhat to do: {}\n\n{}\n\n处理办法：{}\n",
                code.http(),
                code.grpc_name(),
                page.cause_en,
                page.remedy_en,
                page.cause_zh,
                page.remedy_zh
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_of_codes_says_what_the_code_says() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/error-codes.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(file, document()).expect("writable");
        }
        let written = std::fs::read_to_string(file).expect("docs/error-codes.md");
        assert_eq!(
            written,
            document(),
            "docs/error-codes.md is old: UPDATE=1 makes it anew"
        );
    }

    #[test]
    fn every_code_has_a_page_in_both_languages() {
        for code in Code::ALL {
            let page = page(*code);
            for english in [page.cause_en, page.remedy_en] {
                assert!(english.len() > 20 && english.ends_with('.'), "{code}: {english}");
            }
            for chinese in [page.cause_zh, page.remedy_zh] {
                assert!(
                    chinese.contains(|c: char| ('一'..='鿿').contains(&c)) && chinese.ends_with('。'),
                    "{code}: {chinese}"
                );
            }
        }
    }

    #[test]
    fn no_page_stands_twice_or_in_the_wrong_place() {
        let groups = [
            callback::PAGES,
            account::PAGES,
            send::PAGES,
            core_api::PAGES,
            warning::PAGES,
        ];
        let written: usize = groups.iter().map(|pages| pages.len()).sum();
        assert_eq!(written, Code::ALL.len());
    }

    #[test]
    fn the_remedies_of_accounts_say_where_to_click() {
        for code in [
            Code::BadSignature,
            Code::PlaintextRefused,
            Code::AccountRevoked,
            Code::NotEntitled,
            Code::ScopeNotGranted,
            Code::IpNotAllowed,
            Code::BadSecret,
            Code::BadAppId,
            Code::TokenTakenElsewhere,
            Code::PlatformAgentsOnline,
            Code::OtherReceiverSuspected,
        ] {
            let page = page(code);
            assert!(
                page.remedy_en.contains("mp.weixin.qq.com") && page.remedy_zh.contains("公众号后台"),
                "{code}"
            );
        }
    }

    #[test]
    fn what_travels_in_both_languages_comes_apart_again() {
        for code in Code::ALL {
            let page = page(*code);
            let both = format!("{}{BOTH}{}", page.remedy_en, page.remedy_zh);
            assert_eq!(halves(&both), Some((page.remedy_en, page.remedy_zh)), "{code}");
        }
        assert_eq!(halves("in one language"), None);
    }

    #[test]
    fn a_page_reads_as_text() {
        let text = text(Code::IpNotAllowed);
        assert!(text.starts_with("IP_NOT_ALLOWED\n") && text.contains("IP白名单"));
    }
}
