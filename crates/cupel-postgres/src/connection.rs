//! The half of a connection that performs its I/O. The other half, the client, gets answers only while this half is
//! polled.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{AsyncMessage, Client, Error, NoTls, Socket};

use crate::tls::Encrypted;
use crate::url::Endpoint;

type Inner<S> = tokio_postgres::Connection<Socket, S>;

/// A future that completes when the connection ends, with an error if it was lost. The future discards notifications. A
/// listener polls [`Connection::poll_message`] instead, which returns notifications.
pub struct Connection(Kind);

enum Kind {
    Plain(Box<Inner<NoTlsStream>>),
    Encrypted(Box<Inner<Encrypted<Socket>>>),
}

impl Endpoint {
    /// Connects and logs in.
    ///
    /// # Errors
    /// If the server does not answer, does not support the required encryption, or rejects the user.
    pub async fn connect(&self) -> Result<(Client, Connection), Error> {
        match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                Ok((client, Connection(Kind::Plain(Box::new(connection)))))
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                Ok((client, Connection(Kind::Encrypted(Box::new(connection)))))
            }
        }
    }
}

impl Connection {
    /// Polls for an unsolicited message of the server, such as a notification; `None` when the connection has ended.
    pub fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<AsyncMessage, Error>>> {
        match &mut self.0 {
            Kind::Plain(connection) => connection.poll_message(context),
            Kind::Encrypted(connection) => connection.poll_message(context),
        }
    }
}

impl Future for Connection {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while let Some(message) = ready!(self.poll_message(context)) {
            message?;
        }
        Poll::Ready(Ok(()))
    }
}
