//! What does an operator read about a code? Cause and remedy, in English and Chinese.
//!
//! A remedy names what to click: paths in the console of mp.weixin.qq.com (公众号后台) in the platform's own words, because
//! that is what stands on the buttons.

mod account;
mod callback;
mod core_api;
mod send;
mod warning;

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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_page_reads_as_text() {
        let text = text(Code::IpNotAllowed);
        assert!(text.starts_with("IP_NOT_ALLOWED\n") && text.contains("IP白名单"));
    }
}
