//! The embedded queue keeps the rules of every queue.

use cupel_core::{Queue as _, QueueError};
use cupel_queue::EmbeddedQueue;
use cupel_testkit::Subject;

cupel_testkit::queue_conformance!(async |depth_max| Subject::new(EmbeddedQueue::new(depth_max)));

#[tokio::test]
async fn a_closed_queue_says_so_to_those_who_wait_and_those_who_come() {
    let queue = std::sync::Arc::new(EmbeddedQueue::default());
    let waiting = tokio::spawn({
        let queue = std::sync::Arc::clone(&queue);
        async move { queue.next().await }
    });
    tokio::task::yield_now().await;
    queue.close();
    assert!(matches!(waiting.await.unwrap(), Err(QueueError::Closed)));
    assert!(matches!(queue.next().await, Err(QueueError::Closed)));
    assert!(matches!(queue.publish(&[]).await, Err(QueueError::Closed)));
}
