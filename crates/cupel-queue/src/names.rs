//! Names of queues, streams, topics and channels at a broker; all of them are built here.

use cupel_types::{LanguageId, PriorityClass};
use sha2::{Digest, Sha256};

/// Name of the common route, from which every worker takes. No language queue has this name, because the names of
/// language queues begin with `for-`.
const ANY: &str = "any";

/// Route of hints in a cluster: the common route, or the queue of a language, for workers that have that language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    cluster: String,
    name: String,
}

impl Route {
    pub(crate) fn common(cluster: &str) -> Route {
        Route { cluster: cluster.to_owned(), name: ANY.to_owned() }
    }

    /// The language queue of a language in the same cluster.
    pub(crate) fn language_queue(&self, language: &LanguageId) -> Route {
        // Language ids such as `c++17` contain characters that not every broker accepts.
        let escaped = language.without_image().replace('_', "__").replace('+', "_p");
        // The name of an image may be longer than the name of a topic can be. No other escape begins with `_i`.
        let image = language.image().map(|image| {
            let digest = Sha256::digest(image.as_str());
            let digits: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            format!("_i{digits}")
        });
        Route { cluster: self.cluster.clone(), name: format!("for-{escaped}{}", image.unwrap_or_default()) }
    }

    /// Prefix of the names of all objects of this route: `CLUSTER.ROUTE`.
    pub(crate) fn prefix(&self) -> String {
        format!("{}.{}", self.cluster, self.name)
    }

    /// Name of the queue of a class: `CLUSTER.ROUTE.CLASS`.
    pub(crate) fn of_class(&self, class: PriorityClass) -> String {
        format!("{}.{}", self.prefix(), class.as_str())
    }

    /// Name of an object that the cluster has once, for all routes.
    pub(crate) fn of_cluster(&self, what: &str) -> String {
        format!("{}.{ANY}.{what}", self.cluster)
    }
}

/// Whether every broker accepts this name of a cluster: 1 to 64 characters from a-z 0-9 - _ .
///
/// Kafka's rules for topics are the strictest: letters, digits, `.`, `_`, `-`, 249 characters at most
/// (`org.apache.kafka.common.internals.Topic`).
pub(crate) fn is_good(cluster: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_.".contains(&c);
    (1..=64).contains(&cluster.len()) && cluster.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_language_queues_are_unique_and_valid_at_every_broker() {
        let common = Route::common("cupel");
        let mut prefixes = vec![common.prefix()];
        for language in ["any", "c", "c++17", "c_p_p17", "c__17", "python3.12", "c@a/b:1", "c@a-b:1"] {
            let language_queue = common.language_queue(&language.parse().unwrap());
            let name = language_queue.of_class(PriorityClass::Batch);
            assert!(is_good(&name), "{name}");
            prefixes.push(language_queue.prefix());
            assert_eq!(
                language_queue.language_queue(&"c".parse().unwrap()),
                common.language_queue(&"c".parse().unwrap()),
                "a language queue made from a language queue belongs to the cluster"
            );
            assert_eq!(language_queue.of_cluster("bell"), common.of_cluster("bell"));
        }
        let count = prefixes.len();
        prefixes.sort();
        prefixes.dedup();
        assert_eq!(prefixes.len(), count, "{prefixes:?}");
        assert_eq!(common.of_class(PriorityClass::Batch), "cupel.any.batch");
    }
}
