//! The home cluster's adapter: what it remembers, for how long, and when it gives up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rolegate::core::reason::Undecided;
use rolegate::health::Health;
use rolegate::home::{Environment, Home, Settings, find};
use rolegate::ports::administrators::{Administrators, Resource, Right, User, Verb};
use serde_json::json;

use crate::support::eventually;
use crate::support::kube::{ADMIN, KubeApiserver};

const LONG: Duration = Duration::from_secs(600);

fn home(api: &KubeApiserver, namespace: &str, settings: Settings) -> Home {
    let client = api.client_with(&api.token_of_user(ADMIN));
    Home::new(client, namespace.to_owned(), settings, Health::default())
}

fn remembering(api: &KubeApiserver, namespace: &str, ttl: Duration) -> Home {
    home(api, namespace, Settings { ttl, ..Settings::default() })
}

async fn account(api: &KubeApiserver, namespace: &str) -> (String, String) {
    api.service_account(namespace, "ann").await;
    let rules = json!([{"apiGroups": ["rolegate.dev"], "resources": ["gateroles"], "verbs": ["get"]}]);
    let binding = api.allow(namespace, namespace, "ann", rules).await;
    (api.token(namespace, "ann", &["rolegate"], 600).await, binding)
}

fn right(object: &str) -> Right {
    Right { verb: Verb::Get, resource: Resource::Roles, object: object.to_owned() }
}

async fn known(home: &Home, token: &str) -> Arc<User> {
    home.who(token, None).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_user_is_who_the_review_says_with_all_that_authorizers_want() {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    let (token, _) = account(api, &namespace).await;
    let user = known(&remembering(api, &namespace, LONG), &token).await;
    assert_eq!(user.name, format!("system:serviceaccount:{namespace}:ann"));
    assert!(!user.uid.is_empty());
    assert!(user.groups.contains(&format!("system:serviceaccounts:{namespace}")), "{:?}", user.groups);
}

#[tokio::test]
async fn a_right_that_is_taken_away_is_gone_after_the_caches_time_and_not_before() {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    let (token, binding) = account(api, &namespace).await;
    let (long, short) =
        (remembering(api, &namespace, LONG), remembering(api, &namespace, Duration::from_millis(1)));
    let user = known(&long, &token).await;
    eventually("the right is there", async || {
        short.may(&user, &right("a"), None).await.unwrap().then_some(())
    })
    .await;
    assert!(long.may(&user, &right("a"), None).await.unwrap());
    api.unbind(&namespace, &binding).await;
    eventually("the right is gone", async || {
        (!short.may(&user, &right("a"), None).await.unwrap()).then_some(())
    })
    .await;
    assert!(long.may(&user, &right("a"), None).await.unwrap(), "remembered");
    assert!(!long.may(&user, &right("b"), None).await.unwrap(), "another object is another question");
}

#[tokio::test]
async fn answers_are_remembered_and_that_there_was_none_is_not() {
    let api = KubeApiserver::start().await;
    let namespace = api.namespace(&[]).await;
    let (token, _) = account(&api, &namespace).await;
    let home = remembering(&api, &namespace, LONG);
    let user = known(&home, &token).await;
    let nobody = api.signer.expired(&token);
    assert_eq!(home.who(&nobody, None).await, Ok(None));
    let denied = Right { verb: Verb::Bind, resource: Resource::Policies, object: "a".to_owned() };
    assert_eq!(home.may(&user, &denied, None).await, Ok(false));

    api.stop();
    assert_eq!(home.who(&token, None).await.unwrap(), Some(Arc::clone(&user)));
    assert_eq!(home.who(&nobody, None).await, Ok(None));
    assert_eq!(home.may(&user, &denied, None).await, Ok(false));
    let away = Err(Undecided::ApiServerUnreachable);
    assert_eq!(home.who("another", None).await, Err(Undecided::ApiServerUnreachable));
    assert_eq!(home.may(&user, &right("a"), None).await, away);

    api.restart().await;
    eventually("the right is there", async || home.may(&user, &right("a"), None).await.ok()).await;
    assert_eq!(home.who("another", None).await, Ok(None));
}

#[tokio::test]
async fn a_question_ends_at_the_time_out_or_the_callers_deadline_and_only_so_many_are_asked() {
    let api = KubeApiserver::start().await;
    let namespace = api.namespace(&[]).await;
    let (token, _) = account(&api, &namespace).await;
    api.hang().await;
    let timeout = Duration::from_millis(200);
    let settings = Settings { timeout, max_in_flight: 1, ..Settings::default() };
    let impatient = home(&api, &namespace, settings);
    assert_eq!(impatient.who(&token, None).await, Err(Undecided::ApiServerUnreachable));
    let soon = Instant::now() + Duration::from_millis(20);
    assert_eq!(impatient.who(&token, Some(soon)).await, Err(Undecided::Deadline));

    let patient = home(&api, &namespace, Settings { timeout: LONG, ..settings });
    let mut first = patient.who(&token, None);
    assert!(futures_util::poll!(&mut first).is_pending());
    assert_eq!(patient.who(&token, None).await, Err(Undecided::Overloaded));
    api.go_on();
    assert!(first.await.unwrap().is_some());
}

#[tokio::test]
async fn no_environment_no_home() {
    let nowhere = Environment { in_cluster: false, kubeconfig: false };
    assert!(find(nowhere).await.unwrap().is_none());
}
