//! In which language does this caller read? `Accept-Language`; English where it says nothing of ours.
//!
//! Refusals arise deep inside handlers and extractors, which do not see the request: the door sets the language for all
//! that happens behind it.

use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap};

use crate::doctor::Lang;

tokio::task_local! {
    static SPOKEN: Lang;
}

/// Runs `work` for a caller who reads `lang`.
pub async fn within<F: Future>(lang: Lang, work: F) -> F::Output {
    SPOKEN.scope(lang, work).await
}

/// The language of the request that this task answers.
pub fn spoken() -> Lang {
    SPOKEN.try_with(|lang| *lang).unwrap_or(Lang::En)
}

/// The caller's choice among ours (RFC 9110, 12.5.4): the highest weight wins, the first of equal ones.
pub fn wanted(headers: &HeaderMap) -> Lang {
    let values = headers.get_all(ACCEPT_LANGUAGE).filter_map(|value| value.to_str().ok());
    let mut best = (0, Lang::En);
    for range in values.flat_map(|value| value.split(',')) {
        let (tag, weight) = match range.split_once(';') {
            Some((tag, weight)) => (tag, weight_of(weight)),
            None => (range, 1_000),
        };
        let main = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
        let lang = match main.as_str() {
            "zh" => Lang::Zh,
            "en" | "*" => Lang::En,
            _ => continue,
        };
        if weight > best.0 {
            best = (weight, lang);
        }
    }
    best.1
}

/// `q=0.8` in thousandths; what is no weight counts as none.
fn weight_of(text: &str) -> u32 {
    let number = text
        .trim()
        .strip_prefix("q=")
        .and_then(|number| number.trim().parse::<f32>().ok());
    number
        .filter(|number| (0.0..=1.0).contains(number))
        .map_or(0, |number| (number * 1000.0) as u32)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn the_callers_weights_decide_and_english_is_the_rest() {
        for (header, lang) in [
            ("", Lang::En),
            ("zh", Lang::Zh),
            ("zh-CN,zh;q=0.9,en;q=0.8", Lang::Zh),
            ("en-US,en;q=0.9,zh-CN;q=0.8", Lang::En),
            ("fr, zh-TW;q=0.5, *;q=0.1", Lang::Zh),
            ("en;q=0, ZH;q=0.1", Lang::Zh),
            ("zh;q=nonsense", Lang::En),
            ("zh;q=0", Lang::En),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(header));
            assert_eq!(wanted(&headers), lang, "{header}");
        }
        assert_eq!(wanted(&HeaderMap::new()), Lang::En);
    }
}
