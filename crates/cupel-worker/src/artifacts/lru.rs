//! A map bounded in bytes that evicts the least recently used entry.

use std::collections::{BTreeMap, HashMap};

use cupel_judge::ArtifactKey;

#[derive(Debug)]
pub(super) struct Lru<T> {
    bytes_max: u64,
    bytes: u64,
    tick: u64,
    entries: HashMap<ArtifactKey, Slot<T>>,
    /// Keys in the order of their last use. Each key occurs exactly once, under the `used` value of its slot.
    order: BTreeMap<u64, ArtifactKey>,
}

#[derive(Debug)]
struct Slot<T> {
    value: T,
    bytes: u64,
    used: u64,
}

impl<T> Lru<T> {
    pub(super) fn new(bytes_max: u64) -> Lru<T> {
        Lru { bytes_max, bytes: 0, tick: 0, entries: HashMap::new(), order: BTreeMap::new() }
    }

    /// Returns the value and marks it as most recently used.
    pub(super) fn get(&mut self, key: &ArtifactKey) -> Option<&T> {
        let slot = self.entries.get_mut(key)?;
        self.tick += 1;
        self.order.remove(&slot.used);
        slot.used = self.tick;
        self.order.insert(self.tick, *key);
        Some(&slot.value)
    }

    /// Stores the value unless it alone exceeds the bound, and returns the evicted entries.
    pub(super) fn put(&mut self, key: ArtifactKey, value: T, bytes: u64) -> Vec<(ArtifactKey, T)> {
        self.remove(&key);
        let mut evicted = Vec::new();
        if bytes > self.bytes_max {
            return evicted;
        }
        while self.bytes + bytes > self.bytes_max {
            let Some((_, oldest)) = self.order.first_key_value().map(|(tick, key)| (*tick, *key)) else { break };
            evicted.extend(self.remove(&oldest).map(|value| (oldest, value)));
        }
        self.tick += 1;
        self.bytes += bytes;
        self.order.insert(self.tick, key);
        self.entries.insert(key, Slot { value, bytes, used: self.tick });
        evicted
    }

    pub(super) fn remove(&mut self, key: &ArtifactKey) -> Option<T> {
        let slot = self.entries.remove(key)?;
        self.order.remove(&slot.used);
        self.bytes -= slot.bytes;
        Some(slot.value)
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}
