//! What does the platform send? Distinct sealed callbacks, whole HTTP requests, made before anything is measured.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use wxbridge::envelope::{cipher, signature};

/// The length of the message inside: that of an ordinary text message. Sealed, it makes a body of 606 bytes.
const INNER: usize = 339;
const TEXT: &str = "请问我的订单什么时候发货？";
/// Where message ids begin: they grow, as the platform's do.
const FIRST_ID: u64 = 24_800_000_000_000_000;

/// An account, made from its number.
pub struct Account {
    pub id: String,
    pub app_id: String,
    original_id: String,
    pub token: String,
    encoding_aes_key: String,
    pub key: cipher::Key,
}

impl Account {
    pub fn new(number: u64) -> Self {
        // 'A' as the last character leaves no unused bits, which strict tools would stumble over.
        let encoding_aes_key = format!("{:042x}A", 0x5eed_0000_0000_u64 + number);
        Self {
            id: format!("bench-{number}"),
            app_id: format!("wx{:016x}", 0xb11d_9e00_0000_0000_u64 + number),
            original_id: format!("gh_{number:012x}"),
            token: format!("benchtoken{number}"),
            // Forty-three characters of hex digits and one A: always a lawful key.
            key: cipher::key(&encoding_aes_key).unwrap_or_default(),
            encoding_aes_key,
        }
    }

    /// What `POST /admin/v1/accounts` takes.
    pub fn settings(&self) -> Value {
        json!({
            "id": self.id,
            "channel": "official_account",
            "app_id": self.app_id,
            "app_secret": "0123456789abcdef0123456789abcdef",
            "token": self.token,
            "encoding_aes_key": self.encoding_aes_key,
            "original_id": self.original_id,
        })
    }
}

/// Accounts 0 to `count`, excluding.
pub fn accounts(count: u64) -> Vec<Account> {
    (0..count).map(Account::new).collect()
}

/// Whole requests, one behind the other.
#[derive(Default)]
pub struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn request(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[at]]
    }
}

/// Makes callbacks one after the other; no two are alike, and each carries the time at which it was made.
pub struct Platform {
    customers: u64,
    made: u64,
}

impl Platform {
    pub fn new(customers: u64) -> Self {
        Self { customers, made: 0 }
    }

    /// Seals `count` more text messages, spread over accounts and customers as if by chance.
    pub fn seal(&mut self, accounts: &[Account], count: usize) -> Batch {
        let mut batch = Batch::default();
        batch.bytes.reserve(count * 1000);
        batch.ends.reserve(count);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |it| it.as_secs());
        for _ in 0..count {
            // Each customer is of one account: the number of conversations is that of customers, however many accounts.
            let customer = mixed(self.made) % self.customers;
            // Far fewer customers than a usize holds.
            let account = &accounts[customer as usize % accounts.len()];
            request(account, customer, FIRST_ID + self.made, now, &mut batch.bytes);
            batch.ends.push(batch.bytes.len());
            self.made += 1;
        }
        batch
    }
}

fn request(account: &Account, customer: u64, id: u64, now: u64, into: &mut Vec<u8>) {
    let openid = format!("oBench{customer:022}");
    let inner = inner(account, &openid, id, now);
    let mut random = [0; 16];
    random.copy_from_slice(format!("{:016x}", mixed(id)).as_bytes());
    let encrypt = cipher::seal(&account.key, random, inner.as_bytes(), &account.app_id);
    let (timestamp, nonce) = (now.to_string(), (id % 10_000_000_000).to_string());
    let plain = signature::of_query(&account.token, &timestamp, &nonce);
    let whole = signature::of_message(&account.token, &timestamp, &nonce, &encrypt);
    let body = format!(
        "<xml><ToUserName><![CDATA[{}]]></ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>",
        account.original_id
    );
    let head = format!(
        "POST /callback/{}?signature={}&timestamp={timestamp}&nonce={nonce}&openid={openid}&encrypt_type=aes&msg_signature={} \
         HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n",
        account.id,
        signature::text(&plain),
        signature::text(&whole),
        body.len()
    );
    into.extend_from_slice(head.as_bytes());
    into.extend_from_slice(body.as_bytes());
}

fn inner(account: &Account, openid: &str, id: u64, now: u64) -> String {
    let head = format!(
        "<xml><ToUserName><![CDATA[{}]]></ToUserName><FromUserName><![CDATA[{openid}]]></FromUserName>\
         <CreateTime>{now}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{TEXT}",
        account.original_id
    );
    let tail = format!("]]></Content><MsgId>{id}</MsgId></xml>");
    let filler = INNER.saturating_sub(head.len() + tail.len());
    format!("{head}{:.<filler$}{tail}", "")
}

/// Scatters numbers (the finisher of splitmix64), the same way in every run.
fn mixed(number: u64) -> u64 {
    let mut it = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    it ^ (it >> 31)
}
