//! Questions under way: who asks what somebody else is waiting to ask shares the answer, if the question is put to the
//! API server only after both have come.

use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Instant;

use tokio::sync::Mutex;

use super::api::PATIENCE;
use crate::ports::store::StoreError;
use crate::store::kubernetes::asking::TooLate;

/// How many questions are under way at most.
const SLOTS: usize = 64;

pub(super) struct Flights {
    slots: [Mutex<Last>; SLOTS],
    hasher: RandomState,
}

#[derive(Default)]
struct Last {
    question: Box<str>,
    began: Option<Instant>,
}

impl Default for Flights {
    fn default() -> Self {
        Self { slots: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }
}

impl Flights {
    /// Asks, or waits until an answer is there to a question like this that was put after this call.
    pub(super) async fn ask(
        &self,
        question: &str,
        ask: impl Future<Output = Result<(), StoreError>> + Send,
    ) -> Result<(), StoreError> {
        let came = Instant::now();
        let slot = self.hasher.hash_one(question) % SLOTS as u64;
        let slot = usize::try_from(slot).ok().and_then(|slot| self.slots.get(slot));
        let answered = async {
            let Some(slot) = slot else { return Err(late()) };
            let mut last = slot.lock().await;
            if *last.question == *question && last.began.is_some_and(|began| began >= came) {
                return Ok(());
            }
            let began = Instant::now();
            ask.await?;
            *last = Last { question: question.into(), began: Some(began) };
            Ok(())
        };
        tokio::time::timeout(PATIENCE, answered).await.unwrap_or_else(|_| Err(late()))
    }
}

fn late() -> StoreError {
    StoreError::Away(Box::new(TooLate(PATIENCE)))
}
