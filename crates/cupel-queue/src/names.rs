//! The names of queues, streams, topics and channels at a broker, all made here.

use cupel_types::{LanguageId, PriorityClass};

/// What stands in a name for what every worker may take. No lane is called so.
const ANY: &str = "any";

/// Where hints go in a cluster: the common way, or a lane for those who have a language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    cluster: String,
    name: String,
}

impl Route {
    pub(crate) fn common(cluster: &str) -> Route {
        Route { cluster: cluster.to_owned(), name: ANY.to_owned() }
    }

    /// The lane for a language of the same cluster.
    pub(crate) fn lane(&self, language: &LanguageId) -> Route {
        // A language may be called c++17, which not every broker takes.
        let escaped = language.as_str().replace('_', "__").replace('+', "_p");
        Route { cluster: self.cluster.clone(), name: format!("for-{escaped}") }
    }

    /// What begins the name of everything of this route: `CLUSTER.ROUTE`.
    pub(crate) fn prefix(&self) -> String {
        format!("{}.{}", self.cluster, self.name)
    }

    /// Where hints of a class wait: `CLUSTER.ROUTE.CLASS`.
    pub(crate) fn of_class(&self, class: PriorityClass) -> String {
        format!("{}.{}", self.prefix(), class.as_str())
    }

    /// Anything else of which the cluster needs one, whichever the route.
    pub(crate) fn of_cluster(&self, what: &str) -> String {
        format!("{}.{ANY}.{what}", self.cluster)
    }
}

/// Whether every broker takes it as a part of a name: 1 to 64 characters out of a-z 0-9 - _ .
///
/// Kafka's topics are the narrowest: letters, digits, `.`, `_`, `-`, 249 characters at most
/// (`org.apache.kafka.common.internals.Topic`).
pub(crate) fn is_good(cluster: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_.".contains(&c);
    (1..=64).contains(&cluster.len()) && cluster.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_have_names_of_their_own_that_every_broker_takes() {
        let common = Route::common("cupel");
        let mut prefixes = vec![common.prefix()];
        for language in ["any", "c", "c++17", "c_p_p17", "c__17", "python3.12"] {
            let lane = common.lane(&language.parse().unwrap());
            let name = lane.of_class(PriorityClass::Batch);
            assert!(is_good(&name), "{name}");
            prefixes.push(lane.prefix());
            assert_eq!(lane.lane(&"c".parse().unwrap()), common.lane(&"c".parse().unwrap()), "of a lane, too");
            assert_eq!(lane.of_cluster("bell"), common.of_cluster("bell"));
        }
        let count = prefixes.len();
        prefixes.sort();
        prefixes.dedup();
        assert_eq!(prefixes.len(), count, "{prefixes:?}");
        assert_eq!(common.of_class(PriorityClass::Batch), "cupel.any.batch");
    }
}
