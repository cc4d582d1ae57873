//! How does the platform sign and seal? Written from its documentation
//! (<https://developers.weixin.qq.com/doc/subscription/guide/dev/push/encryption.html>), sharing crates with the bridge but no line.

use std::sync::atomic::{AtomicU64, Ordering};

use aes::{
    Aes256,
    cipher::{Block, BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _},
};
use base64::{
    Engine as _, alphabet,
    engine::{
        DecodePaddingMode,
        general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD},
    },
};
use sha1::{Digest as _, Sha1};

use super::now;

/// One account with an AppID, as the platform and the operator know it; an official account unless it says otherwise.
#[derive(Clone, Debug)]
pub struct Shop {
    pub id: String,
    pub channel: String,
    pub app_id: String,
    pub secret: String,
    pub token: String,
    pub key: String,
    pub original_id: String,
    /// Further lines of its `[[account]]`.
    pub settings: String,
}

/// A request of the platform, ready to be sent.
#[derive(Clone, Debug)]
pub struct Push {
    pub query: String,
    pub body: Vec<u8>,
}

static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// A message id that nobody had before.
pub fn msg_id() -> u64 {
    24_800_000_000_000_000 + NUMBERS.fetch_add(1, Ordering::Relaxed)
}

fn nonce() -> String {
    (1_000_000_000 + NUMBERS.fetch_add(1, Ordering::Relaxed)).to_string()
}

impl Shop {
    /// An account whose values differ from those of every other id.
    pub fn new(id: &str) -> Self {
        let of_id = hex(Sha1::digest(id.as_bytes()).as_slice());
        Self {
            id: id.to_owned(),
            channel: "official_account".into(),
            app_id: format!("wx{}", &of_id[..16]),
            secret: of_id[..32].to_owned(),
            token: format!("tok{}", &of_id[..9]),
            // The last character carries bits that strict Base64 refuses, as three of four real keys do.
            key: format!("{of_id}abZ"),
            original_id: format!("gh_{}", &of_id[..12]),
            settings: String::new(),
        }
    }

    /// The same as a mini-program.
    pub fn mini_program(self) -> Self {
        Self {
            channel: "mini_program".into(),
            ..self
        }
    }

    pub fn with(mut self, settings: &str) -> Self {
        self.settings = settings.to_owned();
        self
    }

    /// Its `[[account]]` table.
    pub fn toml(&self, api_base: &str) -> String {
        let Self {
            id,
            channel,
            app_id,
            secret,
            token,
            key,
            original_id,
            settings,
        } = self;
        format!(
            "[[account]]\nid = \"{id}\"\nchannel = \"{channel}\"\napp_id = \"{app_id}\"\napp_secret = \"{secret}\"\n\
             token = \"{token}\"\nencoding_aes_key = \"{key}\"\noriginal_id = \"{original_id}\"\napi_base = \"{api_base}\"\n{settings}\n"
        )
    }

    pub fn conversation(&self, openid: &str) -> String {
        format!("{}:{}:u:{openid}", self.channel, self.app_id)
    }

    pub fn text(&self, openid: &str, msg_id: u64, content: &str) -> String {
        format!(
            "<xml><ToUserName><![CDATA[{}]]></ToUserName><FromUserName><![CDATA[{openid}]]></FromUserName>\
             <CreateTime>{}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{content}]]></Content>\
             <MsgId>{msg_id}</MsgId></xml>",
            self.original_id,
            now()
        )
    }

    /// The document in an envelope for this account, signed now.
    pub fn sealed(&self, inner: &str) -> Push {
        self.sealed_by(&Sealing::of(self), inner)
    }

    pub fn sealed_by(&self, with: &Sealing, inner: &str) -> Push {
        let encrypt = seal(&with.key, &with.receiver, inner.as_bytes());
        let body = format!(
            "<xml><ToUserName><![CDATA[{}]]></ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>",
            self.original_id
        );
        Push {
            query: with.query(&encrypt),
            body: body.into_bytes(),
        }
    }

    /// The document in the clear, its query signed at `timestamp`.
    pub fn plain(&self, inner: &str, timestamp: i64) -> Push {
        let (timestamp, nonce) = (timestamp.to_string(), nonce());
        let signature = sign(&[&self.token, &timestamp, &nonce]);
        Push {
            query: format!("signature={signature}&timestamp={timestamp}&nonce={nonce}"),
            body: inner.as_bytes().to_vec(),
        }
    }

    /// The query of the console's check.
    pub fn handshake(&self, echo: &str, timestamp: &str) -> String {
        let nonce = nonce();
        let signature = sign(&[&self.token, timestamp, &nonce]);
        format!("signature={signature}&echostr={echo}&timestamp={timestamp}&nonce={nonce}")
    }

    /// Opens a passive reply as the platform does; what is wrong with it is told.
    pub fn open_reply(&self, body: &str) -> Result<String, String> {
        let field = |name: &str| element(body, name).ok_or_else(|| format!("no {name} in {body}"));
        let (encrypt, signed) = (field("Encrypt")?, field("MsgSignature")?);
        let (timestamp, nonce) = (field("TimeStamp")?, field("Nonce")?);
        if sign(&[&self.token, &timestamp, &nonce, &encrypt]) != signed {
            return Err(format!("the reply is signed wrongly: {body}"));
        }
        let (message, id) = open(&self.key, &encrypt)?;
        if id != self.app_id {
            return Err(format!("the reply is sealed for {id}"));
        }
        Ok(message)
    }
}

/// The values a request is signed and sealed with; a test spoils one of them.
#[derive(Clone, Debug)]
pub struct Sealing {
    pub token: String,
    pub key: String,
    pub receiver: String,
    pub timestamp: String,
    pub nonce: String,
}

impl Sealing {
    pub fn of(shop: &Shop) -> Self {
        Self {
            token: shop.token.clone(),
            key: shop.key.clone(),
            receiver: shop.app_id.clone(),
            timestamp: now().to_string(),
            nonce: nonce(),
        }
    }

    /// The query over a sealed text: both signatures, as the platform sends them.
    pub fn query(&self, encrypt: &str) -> String {
        let Self {
            token,
            timestamp,
            nonce,
            ..
        } = self;
        let (plain, whole) = (
            sign(&[token, timestamp, nonce]),
            sign(&[token, timestamp, nonce, encrypt]),
        );
        format!(
            "signature={plain}&timestamp={timestamp}&nonce={nonce}&openid=o1&encrypt_type=aes&msg_signature={whole}"
        )
    }
}

/// Lower-case hex SHA-1 over the sorted parts.
pub fn sign(parts: &[&str]) -> String {
    let mut parts = parts.to_vec();
    parts.sort_unstable();
    hex(Sha1::digest(parts.concat().as_bytes()).as_slice())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

fn key_bytes(key: &str) -> [u8; 32] {
    TOLERANT.decode(key).unwrap().try_into().unwrap()
}

pub fn seal(key: &str, receiver: &str, message: &[u8]) -> String {
    let mut plain = b"0123456789abcdef".to_vec();
    plain.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    plain.extend(message);
    plain.extend(receiver.as_bytes());
    let pad = 32 - plain.len() % 32;
    plain.extend(vec![u8::try_from(pad).unwrap(); pad]);
    let key = key_bytes(key);
    let mut cipher = cbc::Encryptor::<Aes256>::new_from_slices(&key, &key[..16]).unwrap();
    for chunk in plain.chunks_exact_mut(16) {
        let block: &mut Block<Aes256> = chunk.try_into().unwrap();
        cipher.encrypt_block(block);
    }
    STANDARD.encode(plain)
}

pub fn open(key: &str, sealed: &str) -> Result<(String, String), String> {
    let mut plain = STANDARD.decode(sealed).map_err(|error| error.to_string())?;
    let key = key_bytes(key);
    let mut cipher = cbc::Decryptor::<Aes256>::new_from_slices(&key, &key[..16]).map_err(|error| error.to_string())?;
    for chunk in plain.chunks_exact_mut(16) {
        let block: &mut Block<Aes256> = chunk.try_into().unwrap();
        cipher.decrypt_block(block);
    }
    let pad = usize::from(*plain.last().ok_or("empty")?);
    if !(1..=32).contains(&pad) || plain.len() < 20 + pad {
        return Err(format!("padding of {pad}"));
    }
    plain.truncate(plain.len() - pad);
    let length = u32::from_be_bytes(plain[16..20].try_into().unwrap()) as usize;
    let text = |bytes: Option<&[u8]>| {
        let bytes = bytes.ok_or("a length beyond the end")?;
        String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string())
    };
    Ok((text(plain.get(20..20 + length))?, text(plain.get(20 + length..))?))
}

/// The text of the first element of this name; the replies we read are flat.
pub fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let bare = text.strip_prefix("<![CDATA[").and_then(|text| text.strip_suffix("]]>"));
    Some(bare.unwrap_or(text).to_owned())
}
