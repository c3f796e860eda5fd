//! Delivery of notices to all listeners in this process.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use cupel_core::{Notice, Notices};
use tokio::sync::broadcast;

/// Maximum number of unread notices of a listener; older notices are dropped.
const BEHIND_MAX: usize = 4096;

/// Broadcast channel of notices.
#[derive(Debug)]
pub(crate) struct NoticeBoard(Mutex<Option<broadcast::Sender<Notice>>>);

impl Default for NoticeBoard {
    fn default() -> NoticeBoard {
        NoticeBoard(Mutex::new(Some(broadcast::Sender::new(BEHIND_MAX))))
    }
}

impl NoticeBoard {
    pub(crate) fn send(&self, notice: Notice) {
        if let Some(sender) = &*self.sender() {
            // Sending fails only if there are no listeners.
            drop(sender.send(notice));
        }
    }

    pub(crate) fn listen(&self) -> Box<dyn Notices> {
        Box::new(Listener(self.sender().as_ref().map(broadcast::Sender::subscribe)))
    }

    /// Ends all present and future listeners.
    pub(crate) fn close(&self) {
        self.sender().take();
    }

    fn sender(&self) -> std::sync::MutexGuard<'_, Option<broadcast::Sender<Notice>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Listener(Option<broadcast::Receiver<Notice>>);

#[async_trait]
impl Notices for Listener {
    async fn next(&mut self) -> Option<Notice> {
        let receiver = self.0.as_mut()?;
        loop {
            match receiver.recv().await {
                Ok(notice) => return Some(notice),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
