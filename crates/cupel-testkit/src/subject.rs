//! What a rule is tried on.

use std::any::Any;
use std::ops::Deref;

/// A fresh adapter, with whatever must live as long as it does (a temporary folder, say).
pub struct Subject<T> {
    adapter: T,
    _keep: Option<Box<dyn Any + Send + Sync>>,
}

impl<T> Subject<T> {
    /// An adapter that stands alone.
    pub fn new(adapter: T) -> Subject<T> {
        Subject { adapter, _keep: None }
    }

    /// An adapter that needs `keep`.
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
