//! The WebSocket of a live connection, plain or with TLS.

use std::sync::Arc;

use anyhow::anyhow;
use futures_util::SinkExt;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use ureq::http::{HeaderValue, Uri};

use super::{CONNECT_MAX, Server, redirected, refused};
use crate::cli::{Exit, Failure};

/// Maximum size of a message. The server sends at most 64 KiB of output per message.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

pub(super) async fn send(socket: &mut Socket, message: &Value) -> Result<(), tungstenite::Error> {
    socket.send(Message::text(message.to_string())).await
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}
pub(super) type Socket = WebSocketStream<Box<dyn Stream>>;

/// Opens a connection. The inner error is transient; the outer error is not.
pub(super) async fn connect(server: &Server) -> Result<Result<Socket, anyhow::Error>, Failure> {
    match timeout(CONNECT_MAX, open(server)).await {
        Err(_) => Ok(Err(anyhow!("the server did not answer within {} seconds", CONNECT_MAX.as_secs()))),
        Ok(Ok(socket)) => Ok(Ok(socket)),
        Ok(Err(error)) => match error.downcast_ref() {
            Some(tungstenite::Error::Http(response)) if !matches!(response.status().as_u16(), 429 | 500..=599) => {
                let status = response.status().as_u16();
                let body = response.body().as_deref().unwrap_or_default();
                let problem = serde_json::from_slice::<Value>(body).unwrap_or_default();
                Err(match status {
                    300..=399 => redirected(server.url(), status, response.headers()),
                    401 | 403 => refused(server.url(), status, &problem),
                    _ if problem["code"].is_string() => refused(server.url(), status, &problem),
                    _ => {
                        let what = "does not answer the request for a live connection as a Cupel server";
                        Failure { exit: Exit::Server, error: anyhow!("{} {what}: status {status}", server.url()) }
                    }
                })
            }
            _ => Ok(Err(error)),
        },
    }
}

async fn open(server: &Server) -> anyhow::Result<Socket> {
    let uri: Uri = server.url().parse()?;
    let host = uri.host().unwrap_or_default();
    let is_secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    // An IPv6 address has brackets only in URLs.
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let tcp = TcpStream::connect((name, port)).await?;
    tcp.set_nodelay(true)?;
    let stream: Box<dyn Stream> = if is_secure {
        let name = ServerName::try_from(name.to_owned())?;
        Box::new(TlsConnector::from(Arc::clone(&server.tls)).connect(name, tcp).await?)
    } else {
        Box::new(tcp)
    };
    let rest = server.url().split_once("://").map_or("", |(_, rest)| rest);
    let address = format!("{}://{rest}/api/v1/live", if is_secure { "wss" } else { "ws" });
    let mut request = address.into_client_request()?;
    if let Some(authorization) = &server.authorization {
        request.headers_mut().insert("authorization", HeaderValue::try_from(authorization)?);
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
        .write_buffer_size(0);
    Ok(client_async_with_config(request, stream, Some(config)).await?.0)
}
