//! The adapter under test.

use std::any::Any;
use std::ops::Deref;

/// A fresh adapter, with a value that must live as long as the adapter (for example, a temporary folder).
pub struct Subject<T> {
    adapter: T,
    _keep: Option<Box<dyn Any + Send + Sync>>,
}

impl<T> Subject<T> {
    /// An adapter that needs nothing else.
    pub fn new(adapter: T) -> Subject<T> {
        Subject { adapter, _keep: None }
    }

    /// An adapter that needs `keep`, which is dropped after the adapter.
    pub fn keeping(adapter: T, keep: impl Any + Send + Sync) -> Subject<T> {
        Subject { adapter, _keep: Some(Box::new(keep)) }
    }
}

impl<T> Deref for Subject<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.adapter
    }
}
