//! Configuration errors at start: the message names the setting, the reason and the remedy, and contains no password.

use cupel_queue::{ConnectError, Settings};

use super::settings;

async fn message(url: &str, settings: Settings) -> String {
    let refused = cupel_queue::connect(url, settings).await.map(drop).expect_err(url);
    let message = cupel_core::chain(&refused);
    assert!(!message.contains("hunter2"), "{message}");
    message
}

#[tokio::test]
async fn an_unknown_scheme_names_the_setting_and_the_supported_schemes() {
    for url in ["sqs://queue", "redis", "localhost:6379", "user:hunter2@host:5672", "http://u:hunter2@h/"] {
        let message = message(url, settings(1)).await;
        assert!(message.starts_with("queue.url: ") && message.contains("redis://"), "{message}");
    }
    let message = message("postgres", settings(1)).await;
    assert!(message.contains("queue.url") && message.contains("store.url"), "{message}");
}

#[tokio::test]
async fn an_invalid_cluster_name_is_refused() {
    for cluster in ["", "Großstadt", "a b", &"x".repeat(65)] {
        let settings = Settings { cluster: cluster.to_owned(), ..settings(1) };
        let message = message("redis://127.0.0.1:1/", settings).await;
        assert!(message.starts_with("cluster.name: "), "{message}");
    }
}

#[tokio::test]
async fn a_malformed_url_is_distinguished_from_an_unreachable_server() {
    for url in [
        #[cfg(feature = "redis")]
        "redis://:hunter2@host:port",
        #[cfg(feature = "postgres")]
        "postgres://u:hunter2@host/d?sslmode=perhaps",
        #[cfg(feature = "rabbitmq")]
        "amqp://u:hunter2@host:port",
        #[cfg(feature = "kafka")]
        "kafka://u:hunter2@host/p?partitions=none",
    ] {
        let refused = cupel_queue::connect(url, settings(1)).await.map(drop).expect_err(url);
        assert!(matches!(refused, ConnectError::Url { .. }), "{refused:?}");
        let message = message(url, settings(1)).await;
        assert!(message.starts_with("queue.url: ") && message.contains("the form is SCHEME://"), "{message}");
    }
}

/// Nothing listens on port 1 of loopback.
#[tokio::test]
async fn an_unreachable_server_is_reported_with_the_remedy() {
    for url in [
        #[cfg(feature = "redis")]
        "redis://:hunter2@127.0.0.1:1/",
        #[cfg(feature = "postgres")]
        "postgres://u:hunter2@127.0.0.1:1/d",
        #[cfg(feature = "rabbitmq")]
        "amqp://u:hunter2@127.0.0.1:1",
        #[cfg(feature = "kafka")]
        "kafka://127.0.0.1:1",
    ] {
        let message = message(url, settings(1)).await;
        assert!(message.contains("queue.url") && message.contains("127.0.0.1:1"), "{message}");
        assert!(message.contains("check that the server runs there"), "{message}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_reported_with_the_remedy() {
    use cupel_testkit::servers::{Postgres, Redis};
    let wrong = |url: String| url.replace("secret-of-the-tests", "hunter2");
    for url in [
        #[cfg(feature = "redis")]
        wrong(Redis::shared().url()),
        #[cfg(feature = "postgres")]
        wrong(Postgres::shared().url()),
        #[cfg(feature = "postgres")]
        Postgres::shared().url_of("nowhere"),
        #[cfg(feature = "rabbitmq")]
        wrong(cupel_testkit::servers::RabbitMq::shared().url()),
    ] {
        let message = message(&url, settings(1)).await;
        assert!(message.contains("queue.url") && message.contains("check the user, the password"), "{url}: {message}");
    }
}

#[cfg(feature = "kafka")]
#[tokio::test]
async fn a_user_unknown_to_kafka_is_reported_with_the_remedy() {
    let kafka = cupel_testkit::servers::Kafka::start_closed();
    let wrong = kafka.url().replace("//", "//u:hunter2@");
    let message = message(&wrong, settings(1)).await;
    assert!(message.contains("queue.url") && message.contains("check the user, the password"), "{message}");
}

#[cfg(feature = "kafka")]
#[tokio::test]
async fn a_server_of_another_protocol_is_reported_with_the_remedy() {
    let port = cupel_testkit::servers::Redis::shared().port();
    let message = message(&format!("kafka://u:hunter2@127.0.0.1:{port}"), settings(1)).await;
    assert!(message.contains("queue.url") && message.contains("a server listens there"), "{message}");
}
