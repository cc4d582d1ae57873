//! What is inside the box? AES-256-CBC with the key's first half as IV, PKCS#7 in blocks of 32, and the owner's id at the end.
//!
//! Layout of the plain text: 16 random bytes, the length of the message (4 bytes, big-endian), the message, the id.

use aes::cipher::{Block, BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use base64::{
    Engine as _, alphabet,
    engine::{
        DecodePaddingMode,
        general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD},
    },
};

/// The 32 bytes behind the 43 characters.
pub type Key = [u8; 32];

/// Why a box does not open; the numbers are those of the platform's sample code, which operators search for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CipherFault {
    #[error("EncodingAESKey is not 43 characters that decode to 32 bytes (-40004)")]
    IllegalKey,
    #[error("Encrypt is not Base64 (-40010)")]
    NotBase64,
    #[error("the box does not decrypt: wrong key, or a length that is no multiple of 16 (-40007)")]
    Decrypt,
    #[error("the opened box is too short or names a length beyond its end (-40008)")]
    IllegalBuffer,
}

/// An opened box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub message: Vec<u8>,
    /// The appid of the key's owner. Comparing it is what makes trying two keys safe: a wrong key yields valid padding
    /// once in 256.
    pub id: Vec<u8>,
}

/// Reads an EncodingAESKey.
pub fn key(text: &str) -> Result<Key, CipherFault> {
    if text.len() != 43 {
        return Err(CipherFault::IllegalKey);
    }
    let bytes = TOLERANT.decode(text).map_err(|_| CipherFault::IllegalKey)?;
    bytes.try_into().map_err(|_| CipherFault::IllegalKey)
}

/// Base64 of a box, before any key is tried.
pub fn decode(encrypt: &str) -> Result<Vec<u8>, CipherFault> {
    STANDARD.decode(encrypt).map_err(|_| CipherFault::NotBase64)
}

/// Opens a box.
pub fn open(key: &Key, mut sealed: Vec<u8>) -> Result<Opened, CipherFault> {
    if sealed.is_empty() || !sealed.len().is_multiple_of(BLOCK) {
        return Err(CipherFault::Decrypt);
    }
    let (blocks, _) = Block::<aes::Aes256>::slice_as_chunks_mut(&mut sealed);
    cbc::Decryptor::<aes::Aes256>::new(key.into(), iv(key).into()).decrypt_blocks(blocks);
    let padding = padding(&sealed).ok_or(CipherFault::Decrypt)?;
    sealed.truncate(sealed.len() - padding);
    split(sealed).ok_or(CipherFault::IllegalBuffer)
}

/// Closes a box; `random` is 16 fresh bytes.
pub fn seal(key: &Key, random: [u8; 16], message: &[u8], id: &str) -> String {
    // A message beyond 4 GiB does not exist: answers are a few KiB.
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut plain = Vec::with_capacity(HEAD + message.len() + id.len() + PAD);
    plain.extend_from_slice(&random);
    plain.extend_from_slice(&length);
    plain.extend_from_slice(message);
    plain.extend_from_slice(id.as_bytes());
    let padding = PAD - plain.len() % PAD;
    plain.resize(plain.len() + padding, padding as u8);
    let (blocks, _) = Block::<aes::Aes256>::slice_as_chunks_mut(&mut plain);
    cbc::Encryptor::<aes::Aes256>::new(key.into(), iv(key).into()).encrypt_blocks(blocks);
    STANDARD.encode(plain)
}

/// How many bytes of padding stand at the end: 1 to 32, all of the same value. The platform's PHP sample shrugs at bad
/// padding; we do not.
fn padding(plain: &[u8]) -> Option<usize> {
    let count = usize::from(*plain.last()?);
    let tail = plain.len().checked_sub(count)?;
    ((1..=PAD).contains(&count) && plain[tail..].iter().all(|&byte| usize::from(byte) == count)).then_some(count)
}

/// Takes head, message and id apart.
fn split(mut plain: Vec<u8>) -> Option<Opened> {
    let length = plain.get(16..HEAD)?;
    let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
    let end = HEAD.checked_add(length).filter(|&end| end <= plain.len())?;
    let id = plain.split_off(end);
    plain.drain(..HEAD);
    Some(Opened { message: plain, id })
}

fn iv(key: &Key) -> &[u8; 16] {
    let (half, _) = key.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    half
}

/// 43 characters carry 258 bits, two more than the key: the console picks the last one at random, so its two low bits are
/// set in three of four keys, which strict decoders refuse.
const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const BLOCK: usize = 16;
const PAD: usize = 32;
const HEAD: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_sealed_opens(key: [u8; 32], random: [u8; 16], message: Vec<u8>, id in "[a-z0-9]{0,40}") {
            let sealed = seal(&key, random, &message, &id);
            let opened = open(&key, decode(&sealed).expect("seal writes Base64")).expect("same key");
            prop_assert_eq!(opened, Opened { message, id: id.into_bytes() });
        }

        #[test]
        fn noise_never_panics(key: [u8; 32], noise: Vec<u8>) {
            let _ = open(&key, noise);
        }

        #[test]
        fn a_cut_box_never_opens_to_the_same(key: [u8; 32], message in proptest::collection::vec(any::<u8>(), 1..200), cut in 1usize..64) {
            let sealed = decode(&seal(&key, [7; 16], &message, "wx1")).expect("Base64");
            let kept = sealed.len().saturating_sub(cut);
            let opened = open(&key, sealed[..kept].to_vec());
            prop_assert!(opened.map_or(true, |it| it.message != message || it.id != b"wx1"));
        }
    }

    #[test]
    fn the_keys_last_character_may_have_unused_bits_set() {
        let key = key("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG").expect("the sample key");
        assert_eq!((key[0], key[31]), (0x69, 0x51));
    }

    #[test]
    fn a_key_of_another_length_or_alphabet_is_refused() {
        for text in [
            "",
            "abcde",
            &"A".repeat(42),
            &"A".repeat(44),
            &"!".repeat(43),
            &"é".repeat(21),
        ] {
            assert_eq!(key(text), Err(CipherFault::IllegalKey), "{text}");
        }
    }

    #[test]
    fn what_is_no_box_is_refused_with_its_reason() {
        let key = [0; 32];
        assert_eq!(decode("!!!"), Err(CipherFault::NotBase64));
        assert_eq!(open(&key, decode("YWJj").expect("Base64")), Err(CipherFault::Decrypt));
        assert_eq!(open(&key, vec![]), Err(CipherFault::Decrypt));
        assert_eq!(open(&key, vec![0; 16]), Err(CipherFault::Decrypt));
    }

    #[test]
    fn a_length_beyond_the_end_is_refused_without_allocating() {
        let key = [3; 32];
        let mut plain = vec![0; 16];
        plain.extend_from_slice(&[0xff; 4]);
        plain.resize(32, 12);
        let (blocks, _) = Block::<aes::Aes256>::slice_as_chunks_mut(&mut plain);
        cbc::Encryptor::<aes::Aes256>::new((&key).into(), iv(&key).into()).encrypt_blocks(blocks);
        assert_eq!(open(&key, plain), Err(CipherFault::IllegalBuffer));
    }
}
