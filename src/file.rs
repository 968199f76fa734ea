//! Reads a file that may be anything: a device without an end, a pipe that nobody fills, more than there is memory for.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Why a file was not read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is a folder, a device or a pipe.
    NoFile,
    /// It has more bytes than it may have.
    TooLarge {
        /// So many.
        bytes: u64,
        /// And so many it may have.
        most: u64,
    },
    /// The system says why.
    Io(io::Error),
}

/// The bytes of a regular file, or of the one to which a link leads, of which there are at most `most`.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>, Unread> {
    // Opening a pipe would wait for who writes to it.
    let about = path.metadata().map_err(Unread::Io)?;
    if !about.is_file() {
        return Err(Unread::NoFile);
    }
    let too_large = Unread::TooLarge { bytes: about.len(), most };
    if about.len() > most {
        return Err(too_large);
    }
    // It may say less than it holds, and grow.
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(Unread::Io)?;
    if bytes.len() as u64 > most {
        return Err(too_large);
    }
    Ok(bytes)
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unread::NoFile => f.write_str("this is no file"),
            Unread::TooLarge { bytes, most } => write!(f, "{bytes} bytes are too many: at most {most} are read"),
            Unread::Io(error) => error.fmt(f),
        }
    }
}
