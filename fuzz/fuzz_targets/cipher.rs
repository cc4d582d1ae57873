//! Can a box harm whoever opens it? And does every sealed message come back?
#![no_main]

use libfuzzer_sys::fuzz_target;
use wxbridge::envelope::cipher;

fuzz_target!(|input: &[u8]| {
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = cipher::key(text);
        let _ = cipher::decode(text);
    }
    let Some((key, rest)) = input.split_first_chunk::<32>() else {
        return;
    };
    let _ = cipher::open(key, rest.to_vec());
    let Some((random, message)) = rest.split_first_chunk::<16>() else {
        return;
    };
    let sealed = cipher::seal(key, *random, message, "wx1");
    let opened = cipher::open(key, cipher::decode(&sealed).expect("Base64")).expect("our own box");
    assert_eq!(
        (opened.message.as_slice(), opened.id.as_slice()),
        (message, &b"wx1"[..])
    );
});
