//! Compressed responses: files that the binary contains only in compressed form, and JSON that is compressed when it is
//! sent.

use std::io::{self, Read as _};
use std::sync::OnceLock;

use axum::body::HttpBody;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use flate2::read::GzDecoder;
use tower_http::compression::predicate::Predicate;
use tower_http::compression::{CompressionLayer, CompressionLevel};

use crate::error::ApiError;

const VARY: HeaderValue = HeaderValue::from_static("accept-encoding");

/// A file that is embedded as a gzip stream. It is decompressed at most once, for the first client that does not accept
/// gzip.
#[derive(Debug)]
pub struct Gzipped {
    gzip: &'static [u8],
    plain: OnceLock<Bytes>,
}

impl Gzipped {
    /// `gzip`: the compressed content (RFC 1952).
    pub const fn new(gzip: &'static [u8]) -> Gzipped {
        Gzipped { gzip, plain: OnceLock::new() }
    }

    /// The content.
    ///
    /// # Errors
    ///
    /// If the embedded bytes are not a gzip stream.
    pub fn plain(&self) -> io::Result<Bytes> {
        if let Some(plain) = self.plain.get() {
            return Ok(plain.clone());
        }
        let mut plain = Vec::new();
        GzDecoder::new(self.gzip).read_to_end(&mut plain)?;
        Ok(self.plain.get_or_init(|| plain.into()).clone())
    }

    /// Response with the file, compressed if the client accepts gzip. Adds `Vary` and, if compressed,
    /// `Content-Encoding` to the headers.
    pub fn response(&self, request: &HeaderMap, headers: HeaderMap) -> Response {
        if accepts(request, "gzip") {
            return encoded(headers, HeaderValue::from_static("gzip"), self.gzip);
        }
        let vary = [(header::VARY, VARY)];
        match self.plain() {
            Ok(plain) => (headers, vary, plain).into_response(),
            Err(error) => ApiError::internal(&error).into_response(),
        }
    }
}

/// Compresses JSON of at least `JSON_BYTES_MIN` with gzip, for clients that accept it. It is meant for what a site
/// reads, such as the list of the languages or standings. Nothing in one response may be both secret and shown beside
/// text that somebody else chose: from the length, an observer could guess the secret (the BREACH attack).
pub fn json() -> CompressionLayer<WholeJson> {
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(WholeJson)
}

/// A smaller response fits into one or two packets in any case.
const JSON_BYTES_MIN: u64 = 2048;

/// Whether a response is JSON whose length is known. A body that is sent in pieces is not compressed, because it has
/// its own bound on memory and must not be polled after its end, which the compression does.
#[derive(Clone, Copy, Debug)]
pub struct WholeJson;

impl Predicate for WholeJson {
    fn should_compress<B: HttpBody>(&self, response: &axum::http::Response<B>) -> bool {
        let kind = response.headers().get(header::CONTENT_TYPE);
        kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
            && response.body().size_hint().exact().is_some_and(|bytes| bytes >= JSON_BYTES_MIN)
    }
}

/// Response with content that is stored in this encoding. The caller has checked that the client accepts it
/// ([`accepts`]).
pub fn encoded(headers: HeaderMap, encoding: HeaderValue, content: &'static [u8]) -> Response {
    (headers, [(header::VARY, VARY), (header::CONTENT_ENCODING, encoding)], Bytes::from_static(content)).into_response()
}

/// Whether the client accepts this content encoding. Source: RFC 9110, section 12.5.3; a weight of zero refuses it.
pub fn accepts(request: &HeaderMap, encoding: &str) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let is_zero = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32));
        name.trim().eq_ignore_ascii_case(encoding) && !is_zero
    })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request;
    use axum::routing::get;
    use futures_util::stream;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    /// Encoding and body of a response that has passed the layer.
    async fn through(body: fn() -> Body) -> (Option<HeaderValue>, Bytes) {
        let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], body()) };
        let router: Router = Router::new().route("/", get(answer)).route_layer(json());
        let request = Request::get("/").header("accept-encoding", "gzip").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let encoding = response.headers().get(header::CONTENT_ENCODING).cloned();
        (encoding, response.into_body().collect().await.unwrap().to_bytes())
    }

    #[tokio::test]
    async fn json_is_compressed_if_it_is_long_and_whole() {
        let (encoding, body) = through(|| Body::from("1".repeat(2048))).await;
        assert_eq!(encoding, Some(HeaderValue::from_static("gzip")));
        let mut plain = String::new();
        GzDecoder::new(&*body).read_to_string(&mut plain).unwrap();
        assert_eq!(plain, "1".repeat(2048));
        assert_eq!(through(|| Body::from("1".repeat(2047))).await, (None, Bytes::from("1".repeat(2047))));
        // This stream panics if it is polled after its end.
        let pieces = || {
            Body::from_stream(stream::unfold(0, |n| async move {
                (n < 100).then(|| (Ok::<_, std::convert::Infallible>(Bytes::from("1".repeat(100))), n + 1))
            }))
        };
        assert_eq!(through(pieces).await, (None, Bytes::from("1".repeat(10_000))));
    }
}
