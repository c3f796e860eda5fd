//! Lists in bodies, read only up to their maximum length.
//!
//! An entry of three bytes in JSON takes a hundred bytes in memory, so a list is refused at the first entry beyond its
//! maximum, before further entries are parsed. A serde field deserializer takes no arguments, so the bounds are in a
//! thread-local while a body is parsed. Parsing is one call without an await.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use cupel_core::Bounds;
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::object::Object;

/// Maximum number of entries of each list.
#[derive(Clone, Copy)]
struct ListsMax {
    submissions: usize,
    files: usize,
    args: usize,
    env: usize,
    tests: usize,
}

impl ListsMax {
    const fn of(bounds: &Bounds) -> ListsMax {
        ListsMax {
            submissions: bounds.batch_max,
            files: bounds.files_max,
            args: bounds.args_max,
            env: bounds.env_max,
            tests: bounds.tests_max,
        }
    }
}

thread_local! {
    /// Outside of [`within`], only empty lists are accepted.
    static MAX: Cell<ListsMax> = const { Cell::new(ListsMax { submissions: 0, files: 0, args: 0, env: 0, tests: 0 }) };
}

/// Parses with these bounds.
pub fn within<T>(bounds: &Bounds, parse: impl FnOnce() -> T) -> T {
    struct Restore(ListsMax);
    impl Drop for Restore {
        fn drop(&mut self) {
            MAX.set(self.0);
        }
    }
    let _restore = Restore(MAX.replace(ListsMax::of(bounds)));
    parse()
}

/// Prefix of the message about a list that is too long. No message of serde begins with this prefix.
const TOO_MANY: &str = "too many entries: ";

/// Sentence for the client, if `message` is about a list that is too long.
pub fn too_many(message: &str) -> Option<&str> {
    message.strip_prefix(TOO_MANY)
}

/// Submissions of a batch.
pub fn submissions<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    objects(from, MAX.get().submissions, "submissions")
}

/// Files of a program.
pub fn files<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    objects(from, MAX.get().files, "files")
}

/// Tests of a program.
pub fn tests<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    objects(from, MAX.get().tests, "tests")
}

/// Arguments of a program.
pub fn args<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    from.deserialize_seq(List { max: MAX.get().args, what: "arguments", entry: PhantomData })
}

/// Paths of the files to return after the execution.
pub fn fetched<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    from.deserialize_seq(List { max: cupel_types::FETCH_FILES_MAX, what: "paths in `fetch_files`", entry: PhantomData })
}

/// Patterns of the files to keep after the execution.
pub fn patterns<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let max = cupel_types::ARTIFACT_PATTERNS_MAX;
    from.deserialize_seq(List { max, what: "patterns in `artifacts`", entry: PhantomData })
}

/// Environment variables of a program.
pub fn env<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    from.deserialize_map(Map { max: MAX.get().env, what: "variables" })
}

fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
    max: usize,
    what: &'static str,
) -> Result<Vec<T>, D::Error> {
    let list = from.deserialize_seq(List::<Object<T>> { max, what, entry: PhantomData })?;
    Ok(list.into_iter().map(|Object(value)| value).collect())
}

struct List<T> {
    max: usize,
    what: &'static str,
    entry: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while list.len() < self.max {
            match entries.next_element()? {
                Some(entry) => list.push(entry),
                None => return Ok(list),
            }
        }
        match entries.next_element::<IgnoredAny>()? {
            None => Ok(list),
            Some(IgnoredAny) => Err(A::Error::custom(format!("{TOO_MANY}At most {} {}.", self.max, self.what))),
        }
    }
}

struct Map {
    max: usize,
    what: &'static str,
}

impl<'de> Visitor<'de> for Map {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        for _ in 0..self.max {
            match entries.next_entry()? {
                Some((name, value)) => map.insert(name, value),
                None => return Ok(map),
            };
        }
        match entries.next_key::<IgnoredAny>()? {
            None => Ok(map),
            Some(IgnoredAny) => Err(A::Error::custom(format!("{TOO_MANY}At most {} {}.", self.max, self.what))),
        }
    }
}

#[cfg(test)]
mod test {
    use super::*;

    thread_local! {
        static MADE: Cell<usize> = const { Cell::new(0) };
    }

    #[derive(Debug)]
    struct Counted;

    impl<'de> Deserialize<'de> for Counted {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Counted, D::Error> {
            MADE.set(MADE.get() + 1);
            from.deserialize_map(Map { max: 0, what: "" }).map(|_| Counted)
        }
    }

    #[test]
    fn no_entry_beyond_the_bound_is_allocated() {
        let bounds = Bounds { tests_max: 3, ..Bounds::default() };
        let read = |json: &str| {
            within(&bounds, || tests::<Counted, _>(&mut serde_json::Deserializer::from_str(json)).map(|l| l.len()))
        };
        assert_eq!((read("[]").unwrap(), read("[{},{},{}]").unwrap(), MADE.take()), (0, 3, 3));
        let error = read(&format!("[{}{{}}]", "{},".repeat(1000))).unwrap_err();
        assert_eq!(too_many(&error.to_string()).unwrap().split(" at line").next(), Some("At most 3 tests."));
        assert_eq!(MADE.take(), 3);
        assert!(read("[{},{},{}").is_err() && read("3").is_err());
    }

    #[test]
    fn a_repeated_name_counts_each_time() {
        let read = |json: &str| within(&Bounds::default(), || env(&mut serde_json::Deserializer::from_str(json)));
        assert_eq!(read(r#"{"A":"1","A":"2"}"#).unwrap(), BTreeMap::from([("A".into(), "2".into())]));
        assert!(read(&format!("{{{}\"A\":\"\"}}", "\"A\":\"\",".repeat(64))).is_err());
    }

    #[test]
    fn the_bounds_are_reset_after_parsing() {
        let read = || args(&mut serde_json::Deserializer::from_str(r#"["a"]"#));
        assert!(within(&Bounds::default(), || within(&Bounds { args_max: 0, ..Bounds::default() }, read).is_err()
            && read().is_ok()));
        assert!(read().is_err());
    }
}
