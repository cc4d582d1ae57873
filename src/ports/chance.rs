//! Where do random bytes come from? From a trait, so that a test can repeat a run.

use ring::rand::{SecureRandom as _, SystemRandom};

/// Random bytes fit for keys and nonces.
pub trait Chance: Send + Sync + 'static {
    fn fill(&self, bytes: &mut [u8]);

    /// A number in `0..1`, for jitter.
    fn fraction(&self) -> f64 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}

/// The operating system's generator.
#[derive(Clone, Debug)]
pub struct SystemChance(SystemRandom);

impl Default for SystemChance {
    fn default() -> Self {
        Self(SystemRandom::new())
    }
}

impl Chance for SystemChance {
    fn fill(&self, bytes: &mut [u8]) {
        // Fails only where the kernel has no randomness at all; nothing safe can be done then.
        #[expect(clippy::expect_used, reason = "no daemon without randomness")]
        self.0.fill(bytes).expect("the operating system gives random bytes");
    }
}

/// Lower-case hex of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}
