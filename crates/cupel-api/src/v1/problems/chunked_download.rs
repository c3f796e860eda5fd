//! File downloads in chunks: the server keeps one chunk of a response in memory, regardless of the file's size and the
//! client's speed.

use std::fs::File;
use std::io::Read as _;

use axum::body::Body;

/// Content of a file from its current position; each chunk is read on a blocking thread.
pub(super) fn chunks(file: File) -> Body {
    const PIECE_BYTES: u64 = 64 << 10;
    Body::from_stream(futures_util::stream::try_unfold(file, |file| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = Vec::new();
            (&file).take(PIECE_BYTES).read_to_end(&mut piece).map(|_| (piece, file))
        });
        let (piece, file) = read.await.map_err(std::io::Error::other)??;
        Ok::<_, std::io::Error>(if piece.is_empty() { None } else { Some((piece, file)) })
    }))
}
