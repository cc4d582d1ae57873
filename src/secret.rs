//! How does a secret stay one? `Debug` and `Display` show `***`, memory is wiped, comparison takes constant time.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A text nobody may read by accident. Serialised in the clear: only into sealed records.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(#[serde(with = "plain")] Zeroizing<String>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself; the caller keeps it out of logs.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}
impl Eq for Secret {}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_empty() { "\"\"" } else { "***" })
    }
}
impl std::fmt::Display for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// `****ab`: enough to tell two secrets apart, too little to use one.
pub fn masked(secret: &str) -> String {
    let count = secret.chars().count();
    match count {
        0 => String::new(),
        1..8 => "****".to_owned(),
        _ => format!("****{}", secret.chars().skip(count - 2).collect::<String>()),
    }
}

/// An address with every value of its query masked: receivers want keys there.
pub fn masked_query(url: &str, masked: impl Fn(&str) -> String) -> String {
    let Some((address, query)) = url.split_once('?') else {
        return url.to_owned();
    };
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) => format!("{name}={}", masked(value)),
        // A name alone may be the key itself.
        None => masked(pair),
    };
    let pairs: Vec<_> = query.split('&').map(pair).collect();
    format!("{address}?{}", pairs.join("&"))
}

mod plain {
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub fn serialize<S: Serializer>(text: &Zeroizing<String>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(from).map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::{Secret, masked, masked_query};

    #[test]
    fn a_masked_secret_shows_two_characters_at_most() {
        assert_eq!(masked("0123456789ab"), "****ab");
        assert_eq!(masked("short"), "****");
        assert_eq!(masked(""), "");
    }

    #[test]
    fn an_address_shows_its_query_s_names_alone() {
        let shown = |url: &str| masked_query(url, masked);
        assert_eq!(
            shown("https://a.example/in/?code=0123456789ab&v=1&hushhush"),
            "https://a.example/in/?code=****ab&v=****&****sh"
        );
        assert_eq!(shown("https://a.example/in?"), "https://a.example/in?");
        assert_eq!(shown("https://a.example/in"), "https://a.example/in");
    }

    #[test]
    fn a_secret_never_shows_itself() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
    }
}
