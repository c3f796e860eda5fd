//! Recognises the compression of archives, and decompresses them.

use std::io::{self, Read};

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
    /// Unknown. The first bytes of the archive determine the compression.
    Unknown,
}

/// Recognises the compression of an archive. Sources: RFC 1952 (gzip), RFC 8878 (zstd).
pub(crate) fn by_first_bytes(head: &[u8]) -> Compression {
    match head {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

pub(crate) fn decoder<'a>(compression: Compression, mut from: Box<dyn Read + 'a>) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match compression {
        Compression::None => from,
        Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(from)),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(from)?;
            // 2^27 bytes = 128 MiB, the maximum window of zstd's default settings (RFC 8878, 3.1.1.1.2, recommends at
            // least 8 MiB).
            decoder.window_log_max(27)?;
            Box::new(decoder)
        }
        Compression::Unknown => {
            let mut head = Vec::new();
            (&mut from).take(4).read_to_end(&mut head)?;
            let compression = by_first_bytes(&head);
            return decoder(compression, Box::new(io::Cursor::new(head).chain(from)));
        }
    })
}

pub(crate) fn decoder_of<'a>(compression: Compression, from: &'a mut dyn Read) -> io::Result<Box<dyn Read + 'a>> {
    decoder(compression, Box::new(from))
}
