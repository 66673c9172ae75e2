//! The sockets that a core announces, until the mounts they are meant for are set up.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::plugin::wire::runtime::ConnInfo;

/// How long an announcement is waited for.
const WAIT: Duration = Duration::from_secs(5);

/// Announcements that wait for their mount; each is taken a moment later, or never.
const WAITING: usize = 1024;

/// What has been announced and not yet taken. An announcement may come before or after the mount that asks for it.
#[derive(Debug, Default)]
pub(super) struct Announced {
    waiting: Mutex<VecDeque<ConnInfo>>,
    news: Notify,
}

impl Announced {
    /// Keeps an announcement; the oldest goes where there are too many.
    pub(super) fn add(&self, announcement: ConnInfo) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() == WAITING {
            waiting.pop_front();
        }
        waiting.push_back(announcement);
        drop(waiting);
        self.news.notify_waiters();
    }

    /// The announcement with this number; none where it does not come in time.
    pub(super) async fn take(&self, number: u32) -> Option<ConnInfo> {
        let taking = async {
            loop {
                // Made before the look, so that nothing that comes in between is missed.
                let news = self.news.notified();
                if let Some(found) = self.find(number) {
                    return found;
                }
                news.await;
            }
        };
        tokio::time::timeout(WAIT, taking).await.ok()
    }

    fn find(&self, number: u32) -> Option<ConnInfo> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let at = waiting.iter().rposition(|announcement| announcement.service_id == number)?;
        waiting.remove(at)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn announcement(service_id: u32) -> ConnInfo {
        ConnInfo { service_id, network: "unix".to_owned(), address: format!("/{service_id}") }
    }

    #[tokio::test(start_paused = true)]
    async fn an_announcement_is_found_whether_it_comes_before_or_after_it_is_asked_for() {
        let announced = Arc::new(Announced::default());
        announced.add(announcement(1));
        let later = tokio::spawn({
            let announced = Arc::clone(&announced);
            async move { announced.take(2).await }
        });
        // So that it waits already.
        tokio::task::yield_now().await;
        assert_eq!(announced.take(1).await, Some(announcement(1)));
        announced.add(announcement(2));
        assert_eq!(later.await.unwrap(), Some(announcement(2)));
        assert_eq!(announced.take(1).await, None, "it is taken once");
    }

    #[tokio::test(start_paused = true)]
    async fn of_too_many_announcements_the_oldest_go() {
        let announced = Announced::default();
        (0..=u32::try_from(WAITING).unwrap()).for_each(|number| announced.add(announcement(number)));
        assert_eq!(announced.take(0).await, None);
        assert_eq!(announced.take(1).await, Some(announcement(1)));
    }
}
