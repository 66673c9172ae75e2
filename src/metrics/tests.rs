//! The exposition, as a scraper reads it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::Metrics;

/// Every series of an exposition, less the value.
fn series(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.contains("_bucket{"))
        .filter_map(|line| line.rsplit_once(' ').map(|(series, _)| series))
        .collect()
}

#[test]
fn the_names_are_those_that_are_promised() {
    let (metrics, mount) = (Metrics::default(), Arc::from("kubernetes"));
    metrics.decision("envoy", Some(&mount), "allow", "allow", Duration::from_micros(12));
    metrics.decision("envoy", None, "deny", "unknown_mount", Duration::from_micros(3));
    metrics.review(&mount, "authenticated", Duration::from_millis(4));
    metrics.review_cache("hit");
    metrics.review_cache_entries(7);
    metrics.client_tokens(3);
    metrics.vault_request("read", 200, Duration::from_micros(9));
    metrics.vault_request("read", 299, Duration::from_micros(9));
    metrics.feed_loaded("store");
    metrics.feed_failed("store");
    metrics.rejected_request("envoy", "content_type");
    metrics.local_keys(&mount, Some("read"));
    let text = metrics.render();
    let expected = [
        r#"rolegate_client_tokens"#,
        r#"rolegate_decision_duration_seconds_count{door="envoy",outcome="allow"}"#,
        r#"rolegate_decision_duration_seconds_count{door="envoy",outcome="deny"}"#,
        r#"rolegate_decision_duration_seconds_sum{door="envoy",outcome="allow"}"#,
        r#"rolegate_decision_duration_seconds_sum{door="envoy",outcome="deny"}"#,
        r#"rolegate_decisions_total{door="envoy",mount="kubernetes",outcome="allow",reason="allow"}"#,
        r#"rolegate_decisions_total{door="envoy",mount="unknown",outcome="deny",reason="unknown_mount"}"#,
        r#"rolegate_feed_age_seconds{feed="store"}"#,
        r#"rolegate_feed_failures_total{feed="store"}"#,
        r#"rolegate_local_keys{mount="kubernetes",result="no_answer"}"#,
        r#"rolegate_local_keys{mount="kubernetes",result="no_reviewer"}"#,
        r#"rolegate_local_keys{mount="kubernetes",result="read"}"#,
        r#"rolegate_local_keys{mount="kubernetes",result="unusable"}"#,
        r#"rolegate_namespaces_watched"#,
        r#"rolegate_rejected_requests_total{listener="envoy",cause="content_type"}"#,
        r#"rolegate_review_cache_entries"#,
        r#"rolegate_review_cache_total{result="hit"}"#,
        r#"rolegate_review_duration_seconds_count{mount="kubernetes"}"#,
        r#"rolegate_review_duration_seconds_sum{mount="kubernetes"}"#,
        r#"rolegate_reviews_total{mount="kubernetes",result="authenticated"}"#,
        r#"rolegate_vault_request_duration_seconds_count{operation="read"}"#,
        r#"rolegate_vault_request_duration_seconds_sum{operation="read"}"#,
        r#"rolegate_vault_requests_total{operation="read",status="200"}"#,
        r#"rolegate_vault_requests_total{operation="read",status="other"}"#,
    ];
    assert_eq!(series(&text), expected.into_iter().collect(), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn counts_and_durations_add_up() {
    let (metrics, mount) = (Metrics::default(), Arc::from("kubernetes"));
    for took in [30, 300] {
        let took = Duration::from_micros(took);
        metrics.clone().decision("envoy", Some(&mount), "allow", "allow", took);
    }
    metrics.review_cache_entries(9);
    metrics.review_cache_entries(7);
    let text = metrics.render();
    for line in [
        r#"rolegate_decisions_total{door="envoy",mount="kubernetes",outcome="allow",reason="allow"} 2"#,
        r#"rolegate_decision_duration_seconds_bucket{le="0.00005",door="envoy",outcome="allow"} 1"#,
        r#"rolegate_decision_duration_seconds_bucket{le="0.0005",door="envoy",outcome="allow"} 2"#,
        "rolegate_review_cache_entries 7",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
}

#[test]
fn a_feed_has_an_age_from_its_first_load_on() {
    let metrics = Metrics::default();
    metrics.feed_failed("store");
    assert!(!metrics.render().contains("rolegate_feed_age_seconds{"));
    metrics.feed_loaded("store");
    assert!(metrics.render().contains(r#"rolegate_feed_age_seconds{feed="store"} "#));
}

#[test]
fn all_threads_count_together() {
    let (metrics, mount) = (Metrics::default(), Arc::from("kubernetes"));
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                for reason in ["expired", "namespace"] {
                    for _ in 0..100 {
                        metrics.decision("envoy", Some(&mount), "deny", reason, Duration::from_micros(7));
                        metrics.review_cache("hit");
                    }
                }
            });
        }
    });
    let text = metrics.render();
    for line in [
        r#"rolegate_decisions_total{door="envoy",mount="kubernetes",outcome="deny",reason="expired"} 4000"#,
        r#"rolegate_decisions_total{door="envoy",mount="kubernetes",outcome="deny",reason="namespace"} 4000"#,
        r#"rolegate_decision_duration_seconds_count{door="envoy",outcome="deny"} 8000"#,
        r#"rolegate_decision_duration_seconds_sum{door="envoy",outcome="deny"} 0.056"#,
        r#"rolegate_decision_duration_seconds_bucket{le="+Inf",door="envoy",outcome="deny"} 8000"#,
        r#"rolegate_review_cache_total{result="hit"} 8000"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
}

#[test]
fn requests_to_the_vault_door_add_up() {
    let metrics = Metrics::default();
    for (status, took) in [(200, 30), (200, 300), (403, 30)] {
        metrics.vault_request("write", status, Duration::from_micros(took));
    }
    let text = metrics.render();
    for line in [
        r#"rolegate_vault_requests_total{operation="write",status="200"} 2"#,
        r#"rolegate_vault_requests_total{operation="write",status="403"} 1"#,
        r#"rolegate_vault_request_duration_seconds_bucket{le="0.00005",operation="write"} 2"#,
        r#"rolegate_vault_request_duration_seconds_count{operation="write"} 3"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
}

#[test]
fn what_callers_send_adds_no_series() {
    let metrics = Metrics::default();
    for status in 200..=999 {
        metrics.vault_request("read", status, Duration::ZERO);
    }
    let requests =
        metrics.render().lines().filter(|line| line.starts_with("rolegate_vault_requests_total{")).count();
    assert_eq!(requests, super::VAULT_STATUSES.len() + 1);
    for _ in 0..1000 {
        metrics.decision("envoy", None, "deny", "unknown_role", Duration::ZERO);
    }
    let decisions =
        metrics.render().lines().filter(|line| line.starts_with("rolegate_decisions_total{")).count();
    assert_eq!(decisions, 1);
}
