//! The embedded bus.

use cupel_events::EmbeddedBus;
use cupel_testkit::Subject;

cupel_testkit::event_bus_conformance!(async || Subject::new(EmbeddedBus::default()));
