//! Which picture does the demo's core send? A small landscape, drawn here, as a PNG of stored blocks.

const WIDTH: usize = 360;
const HEIGHT: usize = 240;
/// A stored deflate block holds at most this much.
const BLOCK: usize = 65_535;

/// The bytes of a PNG.
pub fn png() -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut head = Vec::new();
    head.extend_from_slice(&length(WIDTH));
    head.extend_from_slice(&length(HEIGHT));
    // Eight bits a channel, RGB, deflate, no filter method but 0, not interlaced.
    head.extend_from_slice(&[8, 2, 0, 0, 0]);
    chunk(&mut out, b"IHDR", &head);
    chunk(&mut out, b"IDAT", &zlib(&rows()));
    chunk(&mut out, b"IEND", &[]);
    out
}

fn rows() -> Vec<u8> {
    let mut rows = Vec::with_capacity(HEIGHT * (1 + 3 * WIDTH));
    for y in 0..HEIGHT {
        rows.push(0);
        for x in 0..WIDTH {
            rows.extend_from_slice(&colour(at(x, WIDTH), at(y, HEIGHT)));
        }
    }
    rows
}

fn at(pixel: usize, of: usize) -> f32 {
    let whole = u16::try_from(of).map_or(1.0, f32::from);
    u16::try_from(pixel).map_or(0.0, f32::from) / whole
}

/// An evening sky, a sun, and three hills in front of each other.
fn colour(x: f32, y: f32) -> [u8; 3] {
    let hills = [
        (0.62, 0.08, 5.0, 0.4, [64.0, 138.0, 116.0]),
        (0.74, 0.06, 7.0, 2.1, [30.0, 108.0, 88.0]),
        (0.86, 0.05, 9.0, 4.0, [12.0, 74.0, 62.0]),
    ];
    for (base, height, waves, shift, tone) in hills.into_iter().rev() {
        if y > base + height * (x * waves + shift).sin() {
            return bytes(tone);
        }
    }
    let (dx, dy) = ((x - 0.7) * 1.5, y - 0.42);
    let distance = (dx * dx + dy * dy).sqrt();
    let sky = mix(
        [255.0, 214.0, 153.0],
        [92.0, 146.0, 205.0],
        (1.0 - y / 0.7).clamp(0.0, 1.0),
    );
    let glow = (1.0 - (distance - 0.11) / 0.25).clamp(0.0, 1.0) * 0.5;
    let sun = (1.0 - (distance - 0.105) * 160.0).clamp(0.0, 1.0);
    bytes(mix(mix(sky, [255.0, 240.0, 200.0], glow), [255.0, 248.0, 222.0], sun))
}

fn mix(from: [f32; 3], to: [f32; 3], share: f32) -> [f32; 3] {
    let mut mixed = from;
    for (value, target) in mixed.iter_mut().zip(to) {
        *value += (target - *value) * share;
    }
    mixed
}

fn bytes(tone: [f32; 3]) -> [u8; 3] {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to a byte"
    )]
    tone.map(|value| value.clamp(0.0, 255.0) as u8)
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = bytes.chunks(BLOCK).peekable();
    while let Some(block) = blocks.next() {
        let size = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(blocks.peek().is_none()));
        out.extend_from_slice(&size.to_le_bytes());
        out.extend_from_slice(&(!size).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&adler(bytes).to_be_bytes());
    out
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    let mut body = kind.to_vec();
    body.extend_from_slice(data);
    out.extend_from_slice(&length(data.len()));
    out.extend_from_slice(&body);
    out.extend_from_slice(&crc(&body).to_be_bytes());
}

fn length(size: usize) -> [u8; 4] {
    u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes()
}

fn adler(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{adler, crc, png};

    #[test]
    fn the_checksums_are_the_usual_ones() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn it_is_a_png_below_every_limit() {
        let bytes = png();
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
        assert!(bytes.ends_with(b"IEND\xae\x42\x60\x82"));
        assert!(bytes.len() < 1024 * 1024);
    }
}
