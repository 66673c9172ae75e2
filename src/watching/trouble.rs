//! What goes wrong with watches, told once, and the pause before they begin anew.

use std::time::Duration;

use crate::health::Health;
use crate::metrics::Metrics;

/// The pause after the first loss.
const PAUSE: Duration = Duration::from_millis(100);

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
    losses: u32,
}

impl Trouble {
    /// Nothing has been lost yet.
    pub const fn new(words: Words, health: Health, metrics: Metrics) -> Self {
        Self { words, health, metrics, losses: 0 }
    }

    /// Notes a loss, and what it means as a sentence for health. True where that is news, to be logged.
    pub fn lost(&mut self, sentence: &str) -> bool {
        self.losses = self.losses.saturating_add(1);
        self.metrics.feed_failed(self.words.feed);
        self.health.trouble(self.words.subject, sentence)
    }

    /// Notes that everything is as the API server has it. True where something was wrong before, to be logged.
    pub fn alive(&mut self) -> bool {
        self.losses = 0;
        self.metrics.feed_loaded(self.words.feed);
        self.health.recovered(self.words.subject)
    }

    /// Waits longer after each loss, up to a bound.
    pub async fn pause(&self) {
        tokio::time::sleep(self.next_pause()).await;
    }

    fn next_pause(&self) -> Duration {
        PAUSE.saturating_mul(1 << self.losses.saturating_sub(1).min(16)).min(self.words.longest)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Trouble, Words};
    use crate::health::Health;
    use crate::metrics::Metrics;

    #[test]
    fn a_pause_doubles_up_to_its_bound_and_is_short_again_after_a_recovery() {
        let words = Words { feed: "f", subject: "s", longest: Duration::from_secs(1) };
        let mut trouble = Trouble::new(words, Health::default(), Metrics::default());
        let mut pauses = Vec::new();
        for _ in 0..6 {
            trouble.lost("away");
            pauses.push(trouble.next_pause().as_millis());
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
        trouble.losses = u32::MAX;
        trouble.lost("away");
        assert_eq!(trouble.next_pause(), words.longest);
        trouble.alive();
        trouble.lost("away");
        assert_eq!(trouble.next_pause().as_millis(), 100);
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
