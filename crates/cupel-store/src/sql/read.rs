//! Queries, and how their results come back. A backend runs every query through one function, whatever type the result
//! has: if its code were generic over that type, each query would add some forty functions to it (the pool's, the
//! runtime's), in each program that uses the store.

use std::any::Any;

use super::Sql;
use super::fault::SqlFault;

/// The result of a query, whose type is the one that [`query`] got.
pub(crate) type Answer = Box<dyn Any + Send>;

/// A query. It may be run again on another connection.
pub(crate) type Query = Box<dyn Fn(&dyn Sql) -> Result<Answer, SqlFault> + Send>;

/// A query for a backend. [`answer`] makes its result one of type `T` again.
pub(crate) fn query<T: Send + 'static>(question: impl Fn(&dyn Sql) -> Result<T, SqlFault> + Send + 'static) -> Query {
    Box::new(move |db| Ok(Box::new(question(db)?) as Answer))
}

/// The result of a query or a command, which has type `T`.
pub(crate) fn answer<T: 'static>(answer: Answer) -> T {
    *answer.downcast().unwrap_or_else(|_| unreachable!("a result has the type of its query or command"))
}

/// Like [`answer`], for a result to come.
pub(crate) async fn answer_of<T: 'static, E>(answered: impl Future<Output = Result<Answer, E>>) -> Result<T, E> {
    answered.await.map(answer)
}
