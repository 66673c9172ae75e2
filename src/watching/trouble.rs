//! What goes wrong with watches, told once, and the pause before they begin anew.

use std::time::Duration;

use kube::runtime::utils::Backoff as _;

use super::Pauses;
use crate::health::Health;
use crate::metrics::Metrics;

/// How watches are called, and how long they pause.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// In metrics.
    pub feed: &'static str,
    /// In health.
    pub subject: &'static str,
    /// The longest pause.
    pub longest: Duration,
}

/// Tells operators of losses and recoveries.
#[derive(Debug)]
pub struct Trouble {
    words: Words,
    health: Health,
    metrics: Metrics,
    pauses: Pauses,
}

impl Trouble {
    /// Nothing has been lost yet.
    pub const fn new(words: Words, health: Health, metrics: Metrics) -> Self {
        Self { words, health, metrics, pauses: Pauses::up_to(words.longest) }
    }

    /// Notes a loss, and what it means as a sentence for health. True where that is news, to be logged.
    pub fn lost(&mut self, sentence: &str) -> bool {
        self.metrics.feed_failed(self.words.feed);
        self.health.trouble(self.words.subject, sentence)
    }

    /// Notes that everything was listed, whether or not changes are heard.
    pub fn loaded(&self) {
        self.metrics.feed_loaded(self.words.feed);
    }

    /// Notes that everything is as the API server has it, and stays so. True where something was wrong before, to be logged.
    pub fn alive(&mut self) -> bool {
        self.pauses.reset();
        self.loaded();
        self.health.recovered(self.words.subject)
    }

    /// Waits longer after each loss, up to a bound.
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.pauses.next().unwrap_or(self.words.longest)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Trouble, Words};
    use crate::health::Health;
    use crate::metrics::Metrics;

    #[tokio::test(start_paused = true)]
    async fn a_pause_doubles_up_to_its_bound_and_is_short_again_after_a_recovery() {
        let words = Words { feed: "f", subject: "s", longest: Duration::from_secs(1) };
        let mut trouble = Trouble::new(words, Health::default(), Metrics::default());
        let mut pauses = Vec::new();
        for losses in 0..8 {
            if losses == 6 {
                trouble.alive();
            }
            let began = Instant::now();
            trouble.pause().await;
            pauses.push(began.elapsed().as_millis());
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000, 100, 200]);
    }

    #[test]
    fn the_same_trouble_is_news_once() {
        let words = Words { feed: "f", subject: "s", longest: Duration::from_secs(1) };
        let (health, metrics) = (Health::default(), Metrics::default());
        let mut trouble = Trouble::new(words, health.clone(), metrics.clone());
        assert!(!trouble.alive());
        assert!(trouble.lost("away"));
        assert!(!trouble.lost("away"));
        assert!(trouble.lost("refused"));
        assert_eq!(health.troubles()["s"], "refused");
        assert!(metrics.render().contains(r#"rolegate_feed_failures_total{feed="f"} 3"#));
        assert!(trouble.alive());
        assert!(!trouble.alive());
        assert!(health.troubles().is_empty());
    }
}
