//! The names of queues, streams, topics and channels at a broker, all made here.

use cupel_types::PriorityClass;

/// The route of hints that any worker may take. Routing by language will bring others.
pub(crate) const ANY: &str = "any";

/// Where hints of a class wait: `CLUSTER.ROUTE.CLASS`.
pub(crate) fn of_class(cluster: &str, route: &str, class: PriorityClass) -> String {
    format!("{cluster}.{route}.{}", class.as_str())
}

/// Anything else that a route needs one of.
pub(crate) fn of_route(cluster: &str, route: &str, what: &str) -> String {
    format!("{cluster}.{route}.{what}")
}

/// Whether every broker takes it as a part of a name: 1 to 64 characters out of a-z 0-9 - _ .
///
/// Kafka's topics are the narrowest: letters, digits, `.`, `_`, `-`, 249 characters at most
/// (`org.apache.kafka.common.internals.Topic`).
pub(crate) fn is_good(cluster: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_.".contains(&c);
    (1..=64).contains(&cluster.len()) && cluster.bytes().all(allowed)
}
