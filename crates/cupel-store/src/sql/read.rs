//! Queries, and how their callers receive the result. To a backend, all queries have the same type. If its code were
//! generic over the query, the compiler would make some forty functions for each query (those of the pool and of the
//! runtime), again in each program that uses the store.

use std::any::Any;

use super::Sql;
use super::fault::SqlFault;

/// The result of a query or a command, of any type.
pub(crate) type Answer = Box<dyn Any + Send>;

/// A query. It may be run again on another connection.
pub(crate) type Query = Box<dyn Fn(&dyn Sql) -> Result<Answer, SqlFault> + Send>;

/// Makes a query for a backend. [`answer`] turns its result into a `T` again.
pub(crate) fn query<T: Send + 'static>(question: impl Fn(&dyn Sql) -> Result<T, SqlFault> + Send + 'static) -> Query {
    Box::new(move |db| Ok(Box::new(question(db)?) as Answer))
}

/// The value of a result. `T` is the type of the query's or command's result.
pub(crate) fn answer<T: 'static>(answer: Answer) -> T {
    *answer.downcast().unwrap_or_else(|_| unreachable!("a result has the type of its query or command"))
}

/// Like [`answer`], for a result that the caller waits for.
pub(crate) async fn answer_of<T: 'static, E>(answered: impl Future<Output = Result<Answer, E>>) -> Result<T, E> {
    answered.await.map(answer)
}
