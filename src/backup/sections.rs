//! How do several files lie in one stream? One after the other, each with name, size and SHA-256.

use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
};

use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

use super::BackupError;

/// Names longer than this are not ours.
const NAME_MAX: u16 = 1024;

/// Writes one file as a section.
pub fn put(out: &mut impl Write, name: &str, file: &Path) -> Result<(), BackupError> {
    let what = file.display().to_string();
    let failed = || BackupError::io("the backup file");
    let mut input = fs::File::open(file).map_err(BackupError::io(&what))?;
    let size = input.metadata().map_err(BackupError::io(&what))?.len();
    let length = u16::try_from(name.len()).ok().filter(|length| *length <= NAME_MAX);
    let length = length.ok_or_else(|| BackupError::Damaged(format!("{what}: its name is too long")))?;
    out.write_all(&length.to_be_bytes()).map_err(failed())?;
    out.write_all(name.as_bytes()).map_err(failed())?;
    out.write_all(&size.to_be_bytes()).map_err(failed())?;
    let digest = copy_exactly(&mut input, out, size, failed)?;
    out.write_all(&digest).map_err(failed())
}

/// Marks the end: what is missing behind a cut is noticed.
pub fn end(out: &mut impl Write) -> Result<(), BackupError> {
    out.write_all(&0_u16.to_be_bytes())
        .map_err(BackupError::io("the backup file"))
}

/// The sections of a stream, one at a time.
pub struct Sections {
    input: Box<dyn Read>,
    done: bool,
}

impl std::fmt::Debug for Sections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sections")
    }
}

/// One section, its bytes not yet read. Whoever gets it must read it: the next one starts behind it.
pub struct Section<'a> {
    pub name: String,
    size: u64,
    input: &'a mut dyn Read,
}

impl Sections {
    pub fn new(input: Box<dyn Read>) -> Self {
        Self { input, done: false }
    }

    /// The next section, or `None` behind the end mark. A stream that goes on behind it is not whole.
    pub fn next(&mut self) -> Result<Option<Section<'_>>, BackupError> {
        if self.done {
            return Ok(None);
        }
        let length = u16::from_be_bytes(self.bytes()?);
        if length == 0 {
            self.done = true;
            let mut more = [0];
            return match self.input.read(&mut more).map_err(BackupError::io("the backup file"))? {
                0 => Ok(None),
                _ => Err(BackupError::Damaged("something follows its end".into())),
            };
        }
        if length > NAME_MAX {
            return Err(BackupError::Damaged("a name is too long".into()));
        }
        let mut name = vec![0; usize::from(length)];
        self.input
            .read_exact(&mut name)
            .map_err(BackupError::io("the backup file"))?;
        let name = String::from_utf8(name).map_err(|_| BackupError::Damaged("a name is no text".into()))?;
        let size = u64::from_be_bytes(self.bytes()?);
        Ok(Some(Section {
            name,
            size,
            input: &mut *self.input,
        }))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], BackupError> {
        let mut bytes = [0; N];
        self.input
            .read_exact(&mut bytes)
            .map_err(BackupError::io("the backup file"))?;
        Ok(bytes)
    }
}

impl Section<'_> {
    /// Copies the bytes and compares their digest.
    pub fn copy_to(mut self, out: &mut impl Write) -> Result<(), BackupError> {
        let name = self.name.clone();
        let digest = copy_exactly(&mut self.input, out, self.size, || BackupError::io(name.clone()))?;
        let mut expected = [0; SHA256_OUTPUT_LEN];
        self.input
            .read_exact(&mut expected)
            .map_err(BackupError::io("the backup file"))?;
        if digest == expected {
            Ok(())
        } else {
            Err(BackupError::Damaged(format!("{name} has another checksum")))
        }
    }
}

fn copy_exactly<F: FnOnce(io::Error) -> BackupError>(
    input: &mut impl Read,
    out: &mut impl Write,
    size: u64,
    failed: impl Fn() -> F,
) -> Result<[u8; SHA256_OUTPUT_LEN], BackupError> {
    let mut digest = Context::new(&SHA256);
    let mut buffer = vec![0; 64 * 1024];
    let mut left = size;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let chunk = buffer.get_mut(..most).unwrap_or_default();
        let read = match input.read(chunk) {
            Ok(0) => return Err(BackupError::Damaged("a part ends too early".into())),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(BackupError::io("reading")(error)),
        };
        let bytes = chunk.get(..read).unwrap_or_default();
        digest.update(bytes);
        out.write_all(bytes).map_err(failed())?;
        left -= read as u64;
    }
    let mut whole = [0; SHA256_OUTPUT_LEN];
    whole.copy_from_slice(digest.finish().as_ref());
    Ok(whole)
}
