//! The embedded queue.

use std::sync::Arc;

use cupel_core::{Queue as _, QueueError};
use cupel_queue::EmbeddedQueue;
use cupel_testkit::queue::QueueUnderTest;

cupel_testkit::queue_conformance!(async |depth_max| QueueUnderTest {
    queue: Arc::new(EmbeddedQueue::new(depth_max)),
    window: 0,
    is_ordered: true
});

#[tokio::test]
async fn a_closed_queue_refuses_waiting_and_new_callers() {
    let queue = Arc::new(EmbeddedQueue::default());
    let waiting = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { queue.next().await }
    });
    tokio::task::yield_now().await;
    queue.close();
    assert!(matches!(waiting.await.unwrap(), Err(QueueError::Closed)));
    assert!(matches!(queue.next().await, Err(QueueError::Closed)));
    assert!(matches!(queue.publish(&[]).await, Err(QueueError::Closed)));
}
