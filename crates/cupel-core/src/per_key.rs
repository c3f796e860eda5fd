//! One value per key, which exists while a caller holds it: locks and semaphores for packages, addresses and the like.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The values of all keys. A value is dropped when no caller holds it any more.
#[derive(Debug)]
pub struct PerKey<K, T>(Mutex<HashMap<K, Weak<T>>>);

impl<K, T> Default for PerKey<K, T> {
    fn default() -> PerKey<K, T> {
        PerKey(Mutex::default())
    }
}

impl<K: Eq + Hash, T> PerKey<K, T> {
    /// The value of this key. `make` makes it if no caller holds one.
    pub fn get_or_make(&self, key: K, make: impl FnOnce() -> T) -> Arc<T> {
        let mut values = self.values();
        if let Some(value) = values.get(&key).and_then(Weak::upgrade) {
            return value;
        }
        values.retain(|_, value| value.strong_count() > 0);
        let value = Arc::new(make());
        values.insert(key, Arc::downgrade(&value));
        value
    }

    /// Number of keys whose value a caller holds.
    pub fn in_use(&self) -> usize {
        self.values().values().filter(|value| value.strong_count() > 0).count()
    }

    fn values(&self) -> MutexGuard<'_, HashMap<K, Weak<T>>> {
        // Each change leaves consistent data, so a poisoned lock is ignored.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_of_a_key_share_its_value_while_one_of_them_holds_it() {
        let values = PerKey::<u8, u8>::default();
        let first = values.get_or_make(1, || 10);
        assert_eq!((*values.get_or_make(1, || 11), *values.get_or_make(2, || 20)), (10, 20));
        assert_eq!(values.in_use(), 1);
        drop(first);
        assert_eq!((values.in_use(), *values.get_or_make(1, || 12)), (0, 12));
        assert_eq!(values.values().len(), 1);
    }
}
