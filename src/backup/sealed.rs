//! How is a long stream sealed with a passphrase? In frames of AES-256-GCM that are counted, the last one marked, so that
//! none can be changed, swapped, repeated or cut off.
//!
//! `salt (16) ‖ iterations (4)`, then frames `length (4) ‖ ciphertext ‖ tag`, the top bit of the last
//! length set. The key is PBKDF2-HMAC-SHA256 of the passphrase
//! with a fresh salt, so a counter is a lawful nonce.

use std::{
    io::{self, Read, Write},
    num::NonZeroU32,
};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey},
    pbkdf2::{PBKDF2_HMAC_SHA256, derive},
};
use zeroize::Zeroizing;

use crate::secret::Secret;

pub const SALT_LEN: usize = 16;
/// What OWASP asks of PBKDF2-HMAC-SHA256.
const ITERATIONS: u32 = 600_000;
/// A file that asks for more would keep us busy for minutes.
const ITERATIONS_MAX: u32 = 10_000_000;
const FRAME: usize = 64 * 1024;
const LAST: u32 = 1 << 31;

struct Frames {
    key: LessSafeKey,
    count: u64,
}

impl Frames {
    fn new(passphrase: &Secret, salt: [u8; SALT_LEN], iterations: u32) -> io::Result<Self> {
        let iterations = NonZeroU32::new(iterations).filter(|it| it.get() <= ITERATIONS_MAX);
        let iterations = iterations.ok_or(io::ErrorKind::InvalidData)?;
        let mut bytes = Zeroizing::new([0; 32]);
        derive(
            PBKDF2_HMAC_SHA256,
            iterations,
            &salt,
            passphrase.expose().as_bytes(),
            &mut *bytes,
        );
        let key = UnboundKey::new(&AES_256_GCM, &*bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok(Self {
            key: LessSafeKey::new(key),
            count: 0,
        })
    }

    fn nonce(&mut self, last: bool) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        if let Some(first) = nonce.first_mut() {
            *first = u8::from(last);
        }
        if let Some(end) = nonce.last_chunk_mut::<8>() {
            *end = self.count.to_be_bytes();
        }
        self.count += 1;
        Nonce::assume_unique_for_key(nonce)
    }
}

/// Seals what is written into it.
pub struct Sealing<W: Write> {
    out: W,
    frames: Frames,
    open: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealing<W> {
    pub fn start(mut out: W, passphrase: &Secret, salt: [u8; SALT_LEN]) -> io::Result<Self> {
        out.write_all(&salt)?;
        out.write_all(&ITERATIONS.to_be_bytes())?;
        Ok(Self {
            out,
            frames: Frames::new(passphrase, salt, ITERATIONS)?,
            open: Zeroizing::new(Vec::with_capacity(FRAME + MAX_TAG_LEN)),
        })
    }

    /// Writes the last frame; without it the file does not open.
    pub fn finish(mut self) -> io::Result<()> {
        self.frame(true)?;
        self.out.flush()
    }

    fn frame(&mut self, last: bool) -> io::Result<()> {
        let nonce = self.frames.nonce(last);
        self.frames
            .key
            .seal_in_place_append_tag(nonce, Aad::empty(), &mut *self.open)
            .map_err(|_| io::ErrorKind::InvalidData)?;
        let length = u32::try_from(self.open.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        let length = if last { length | LAST } else { length };
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&self.open)?;
        self.open.clear();
        Ok(())
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.open.len() >= FRAME {
            self.frame(false)?;
        }
        let room = FRAME - self.open.len();
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.open.extend_from_slice(taken);
        Ok(taken.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Opens what it reads. `InvalidData`: it does not open.
pub struct Opening<R: Read> {
    input: R,
    frames: Frames,
    plain: Zeroizing<Vec<u8>>,
    at: usize,
    last: bool,
}

impl<R: Read> Opening<R> {
    pub fn start(mut input: R, passphrase: &Secret) -> io::Result<Self> {
        let mut salt = [0; SALT_LEN];
        input.read_exact(&mut salt)?;
        let mut iterations = [0; 4];
        input.read_exact(&mut iterations)?;
        Ok(Self {
            input,
            frames: Frames::new(passphrase, salt, u32::from_be_bytes(iterations))?,
            plain: Zeroizing::new(Vec::new()),
            at: 0,
            last: false,
        })
    }

    fn frame(&mut self) -> io::Result<()> {
        let mut head = [0; 4];
        self.input.read_exact(&mut head)?;
        let head = u32::from_be_bytes(head);
        let length = usize::try_from(head & !LAST).unwrap_or(usize::MAX);
        if !(MAX_TAG_LEN..=FRAME + MAX_TAG_LEN).contains(&length) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.last = head & LAST != 0;
        self.plain.resize(length, 0);
        self.input.read_exact(&mut self.plain)?;
        let nonce = self.frames.nonce(self.last);
        let opened = self.frames.key.open_in_place(nonce, Aad::empty(), &mut self.plain);
        let length = opened.map_err(|_| io::ErrorKind::InvalidData)?.len();
        self.plain.truncate(length);
        self.at = 0;
        Ok(())
    }
}

impl<R: Read> Read for Opening<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.plain.len() {
            if self.last {
                return match self.input.read(&mut [0])? {
                    0 => Ok(0),
                    _ => Err(io::ErrorKind::InvalidData.into()),
                };
            }
            self.frame()?;
        }
        let rest = self.plain.get(self.at..).unwrap_or_default();
        let taken = rest.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..taken), rest.get(..taken)) {
            to.copy_from_slice(from);
        }
        self.at += taken;
        Ok(taken)
    }
}
