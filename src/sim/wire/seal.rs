//! How does the platform sign and seal? Written from "消息加解密说明" (/doc/subscription/guide/dev/push/encryption.html).

use aes::Aes256;
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _, block_padding::NoPadding};
use sha1::{Digest as _, Sha1};

/// The 43rd character of a console key carries two bits too many; the platform ignores them.
const KEY_TEXT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const PAD_BLOCK: usize = 32;
const HEAD: usize = 20;

/// The AES key behind an EncodingAESKey.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// 43 characters, as the console shows them.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        if text.len() != 43 {
            return Err("an EncodingAESKey has 43 characters");
        }
        let bytes = KEY_TEXT
            .decode(text)
            .map_err(|_| "an EncodingAESKey has only letters and digits")?;
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| "an EncodingAESKey decodes to 32 bytes")
    }

    /// `base64(AES-256-CBC(random16 ‖ be32(len) ‖ message ‖ id ‖ padding to 32))`.
    pub fn seal(&self, random: &[u8; 16], message: &[u8], id: &str) -> String {
        let mut plain = Vec::with_capacity(HEAD + message.len() + id.len() + PAD_BLOCK);
        plain.extend_from_slice(random);
        plain.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
        plain.extend_from_slice(message);
        plain.extend_from_slice(id.as_bytes());
        let pad = PAD_BLOCK - plain.len() % PAD_BLOCK;
        plain.extend(std::iter::repeat_n(u8::try_from(pad).unwrap_or(32), pad));
        let (key, iv) = self.parts();
        STANDARD.encode(cbc::Encryptor::<Aes256>::new(&key, &iv).encrypt_padded_vec::<NoPadding>(&plain))
    }

    /// The message and the id behind it; the reason when it is not one.
    pub fn open(&self, sealed: &str) -> Result<(Vec<u8>, String), &'static str> {
        let bytes = STANDARD.decode(sealed).map_err(|_| "Encrypt is not base64 (-40010)")?;
        let (key, iv) = self.parts();
        let plain = cbc::Decryptor::<Aes256>::new(&key, &iv)
            .decrypt_padded_vec::<NoPadding>(&bytes)
            .map_err(|_| "the cipher text is no whole number of blocks (-40007)")?;
        let body = unpad(&plain).ok_or("bad padding (-40007)")?;
        let (head, rest) = body.split_at_checked(HEAD).ok_or("too short (-40008)")?;
        let length = head
            .iter()
            .skip(16)
            .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        let (message, id) = rest.split_at_checked(length).ok_or("length out of range (-40008)")?;
        let id = std::str::from_utf8(id).map_err(|_| "the trailing id is not text (-40005)")?;
        Ok((message.to_vec(), id.to_owned()))
    }

    fn parts(
        &self,
    ) -> (
        aes::cipher::Key<cbc::Encryptor<Aes256>>,
        aes::cipher::Iv<cbc::Encryptor<Aes256>>,
    ) {
        let mut iv = [0; 16];
        iv.copy_from_slice(self.0.split_at(16).0);
        (self.0.into(), iv.into())
    }
}

fn unpad(plain: &[u8]) -> Option<&[u8]> {
    let count = usize::from(*plain.last()?);
    if !(1..=PAD_BLOCK).contains(&count) || count > plain.len() {
        return None;
    }
    let (body, pad) = plain.split_at(plain.len() - count);
    pad.iter().all(|byte| usize::from(*byte) == count).then_some(body)
}

/// Lower-case hex of SHA-1 over the sorted parts: `signature` of three, `msg_signature` of four.
pub fn sign(parts: &[&str]) -> String {
    let mut sorted = parts.to_vec();
    sorted.sort_unstable();
    let digest = Sha1::digest(sorted.concat().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Key, sign};

    const SAMPLE: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

    fn bytes16(text: &str) -> [u8; 16] {
        text.as_bytes().try_into().expect("sixteen bytes")
    }

    #[test]
    fn the_url_check_of_the_documentation_is_signed_alike() {
        assert_eq!(
            sign(&["AAAAA", "1714036504", "1514711492"]),
            "f464b24fc39322e44b38aa78f5edd27bd1441696"
        );
    }

    #[test]
    fn the_sample_of_the_official_library_is_sealed_byte_for_byte() {
        let key = Key::read(SAMPLE).expect("a key whose last character has spare bits");
        let sealed = key.seal(
            &bytes16("aaaabbbbccccdddd"),
            "我是中文abcd123".as_bytes(),
            "wxb11529c136998cb6",
        );
        assert_eq!(
            sealed,
            "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg=="
        );
        assert_eq!(
            sign(&["pamtest", "1409304348", "xxxxxx", &sealed]),
            "82c962d39941aa48552f90ef55aa323dc620cc10"
        );
    }

    #[test]
    fn the_reply_of_the_documentation_opens() {
        let key = Key::read(&"A".repeat(43)).expect("the documentation's key");
        let sealed = "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ==";
        let (message, id) = key.open(sealed).expect("it opens");
        assert_eq!(message, br#"{"demo_resp":"good luck"}"#);
        assert_eq!(id, "wxba5fad812f8e6fb9");
        assert_eq!(
            sign(&["AAAAA", "1713424427", "415670741", sealed]),
            "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1"
        );
    }

    #[test]
    fn every_length_survives_the_way_there_and_back() {
        let key = Key::read(SAMPLE).expect("a key");
        for length in 0..100 {
            let message = vec![b'x'; length];
            let sealed = key.seal(&[7; 16], &message, "wx1");
            assert_eq!(key.open(&sealed), Ok((message, "wx1".to_owned())));
        }
    }

    #[test]
    fn a_foreign_key_and_a_cut_text_are_refused() {
        let sealed = Key::read(SAMPLE).expect("a key").seal(&[7; 16], b"hello", "wx1");
        assert!(Key::read(&"A".repeat(43)).expect("a key").open(&sealed).is_err());
        assert!(Key::read(SAMPLE).expect("a key").open(&sealed[..20]).is_err());
        assert!(Key::read("short").is_err());
    }
}
