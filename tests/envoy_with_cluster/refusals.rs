//! Who is refused, with which status, challenge, sentence and reason.

use serde_json::json;

use super::{
    stage::{Plan, Refusal, Stage, role},
    support::{
        eventually,
        http::Answer,
        kube::{KubeApiserver, Signer},
        upstream::Seen,
    },
};

const fn refusal(
    reason: &'static str,
    status: u16,
    error: Option<&'static str>,
    sentence: &'static str,
) -> Refusal {
    Refusal { reason, status, error, sentence }
}

const INVALID: Option<&str> = Some("invalid_token");
const SCOPE: Option<&str> = Some("insufficient_scope");
const DENIED: &str = "permission denied";

const NO_TOKEN: Refusal = refusal("no_token", 401, None, "missing jwt");
const AMBIGUOUS: Refusal = refusal("ambiguous_token", 401, INVALID, "more than one token in the request");
const MALFORMED: Refusal = refusal("malformed_token", 401, INVALID, DENIED);
const REFUSED: Refusal = refusal("token_refused", 401, INVALID, DENIED);
const SIGNATURE: Refusal = refusal("signature", 401, INVALID, DENIED);
const NAME: Refusal = refusal("service_account_name", 403, SCOPE, "service account name not authorized");
const NAMESPACE: Refusal = refusal("namespace", 403, SCOPE, "namespace not authorized");
const AUDIENCE: Refusal = refusal(
    "audience",
    401,
    INVALID,
    "invalid audience (aud) claim: audience claim does not match any expected audience",
);
const EXPIRED: Refusal =
    refusal("expired", 401, INVALID, "invalid expiration time (exp) claim: token is expired");
const NO_ROLE: Refusal = refusal("no_role", 403, SCOPE, "missing role");
const UNKNOWN_ROLE: Refusal = refusal("unknown_role", 403, SCOPE, "invalid role name");
const UNKNOWN_MOUNT: Refusal =
    refusal("unknown_mount", 403, SCOPE, "no handler for route. route entry not found.");
const NOT_CONFIGURED: Refusal = refusal("not_configured", 403, SCOPE, "could not load backend configuration");

/// The stage, with a role that demands the audience `gate`.
async fn stage() -> Stage<'static> {
    let mut plan = Plan::new(KubeApiserver::shared().await).await;
    plan.roles()["orders"]["audience"] = json!("gate");
    plan.start().await
}

impl Stage<'_> {
    async fn requested(&self, namespace: &str, account: &str, audience: &str) -> String {
        self.plan.api.token(namespace, account, &[audience], 600).await
    }

    /// Nothing but this refusal, over both protocols.
    async fn refuses(&self, name: &str, headers: &[(&str, &str)], refusal: &Refusal) {
        let arrived = self.upstream.requests();
        for (client, version) in [(self.http1(), "1"), (self.http2(), "2")] {
            let path = format!("/orders/{name}/{version}");
            let answer: Answer = client.get(&path, headers).await;
            self.assert_refused(&path, &answer, refusal).await;
        }
        assert_eq!(self.upstream.requests(), arrived, "{name}");
        let labels = [r#"outcome="deny""#, &format!(r#"reason="{}""#, refusal.reason)];
        assert!(self.rolegate.metric("rolegate_decisions_total", &labels).await >= 2.0, "{name}");
    }

    async fn refuses_token(&self, name: &str, token: &str, refusal: &Refusal) {
        self.refuses(name, &[("authorization", &format!("Bearer {token}"))], refusal).await;
    }
}

#[tokio::test]
async fn a_token_that_does_not_fit_the_role_is_refused_by_its_cause() {
    let stage = stage().await;
    let (api, namespace) = (stage.plan.api, &*stage.plan.namespace);
    let good = stage.requested(namespace, "orders", "gate").await;
    Seen::of(&stage.get("/orders", &good).await);

    let (elsewhere, _) = (api.namespace(&[]).await, api.service_account(namespace, "billing").await);
    api.service_account(&elsewhere, "orders").await;

    stage.refuses_token("name", &stage.requested(namespace, "billing", "gate").await, &NAME).await;
    stage.refuses_token("namespace", &stage.requested(&elsewhere, "orders", "gate").await, &NAMESPACE).await;
    stage.refuses_token("audience", &stage.requested(namespace, "orders", "other").await, &AUDIENCE).await;
    stage.refuses_token("default-audience", &stage.plan.token().await, &AUDIENCE).await;
    Seen::of(&stage.get("/orders", &good).await);
}

#[tokio::test]
async fn expired_forged_and_broken_tokens_are_refused() {
    let stage = stage().await;
    stage.keys_are("read").await;
    let signer = &stage.plan.api.signer;
    let good = stage.requested(&stage.plan.namespace, "orders", "gate").await;
    Seen::of(&stage.get("/orders", &signer.resign(&good, |_| ())).await);

    stage.refuses_token("expired", &signer.expired(&good), &EXPIRED).await;
    stage.refuses_token("forged", &Signer::new().resign(&good, |_| ()), &SIGNATURE).await;
    let other_uid = signer.resign(&good, |claims| {
        claims["kubernetes.io"]["serviceaccount"]["uid"] = json!("00000000-0000-4000-8000-000000000000");
    });
    stage.refuses_token("uid", &other_uid, &REFUSED).await;
    let [head, claims, signature]: [&str; 3] =
        good.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    stage.refuses_token("two-parts", &format!("{head}.{claims}"), &MALFORMED).await;
    stage.refuses_token("garbage", "garbage", &MALFORMED).await;
    // The last letter holds unused bits, which have to stay zero.
    let (letters, last) = signature.split_at(signature.len() - 1);
    let other: String = letters.chars().rev().collect();
    stage.refuses_token("signature", &format!("{head}.{claims}.{other}{last}"), &SIGNATURE).await;
    stage
        .refuses_token(
            "unsigned",
            &format!("{head}.{claims}."),
            &refusal(
                "algorithm",
                401,
                INVALID,
                "invalid algorithm (alg) header parameter: token must be signed",
            ),
        )
        .await;
}

#[tokio::test]
async fn no_token_two_tokens_and_other_schemes_are_told_apart() {
    let stage = stage().await;
    let good = stage.requested(&stage.plan.namespace, "orders", "gate").await;
    let bearer = format!("Bearer {good}");

    stage.refuses("none", &[], &NO_TOKEN).await;
    stage.refuses("basic", &[("authorization", "Basic b3JkZXJzOg==")], &NO_TOKEN).await;
    stage.refuses("twice", &[("authorization", &bearer), ("authorization", &bearer)], &AMBIGUOUS).await;
    let joined = format!("{bearer},{bearer}");
    stage.refuses("joined", &[("authorization", &joined)], &AMBIGUOUS).await;
    stage.refuses("vault-twice", &[("x-vault-token", &good), ("X-Vault-Token", &good)], &AMBIGUOUS).await;
    let broken = [("authorization", "Bearer broken"), ("x-vault-token", &good)];
    stage.refuses("first-source-counts", &broken, &MALFORMED).await;

    let other_scheme = [("authorization", "Basic b3JkZXJzOg=="), ("x-vault-token", &good)];
    Seen::of(&stage.http1().get("/orders", &other_scheme).await);
    Seen::of(&stage.http1().get("/orders", &[("Authorization", &format!("bEARER {good}"))]).await);
}

#[tokio::test]
async fn a_route_without_a_usable_role_is_refused() {
    let api = KubeApiserver::shared().await;
    let mut plan = Plan::new(api).await;
    plan.store["mounts"]["bare"] = json!({ "roles": { "orders": role("orders", &plan.namespace) } });
    plan.server["envoy"]["routes"] = json!([
        { "path_prefix": "/nobody", "role": "nobody" },
        { "path_prefix": "/nowhere", "mount": "nowhere", "role": "orders" },
        { "path_prefix": "/bare", "mount": "bare", "role": "orders" },
    ]);
    let stage = plan.start().await;
    let token = stage.plan.token().await;
    for (path, refusal) in [
        ("/unconfigured", NO_ROLE),
        ("/nobody", UNKNOWN_ROLE),
        ("/nowhere", UNKNOWN_MOUNT),
        ("/bare", NOT_CONFIGURED),
    ] {
        let answer = stage.get(path, &token).await;
        stage.assert_refused(path, &answer, &refusal).await;
    }
    let strangers = stage.rolegate.ops_get("/metrics").await.text();
    assert!(!strangers.contains("nowhere"), "no label takes a value that is not a mount's");
    assert_eq!(stage.upstream.requests(), 0);
}

#[tokio::test]
async fn the_token_of_a_deleted_account_is_refused_once_the_cache_ends() {
    let mut plan = Plan::new(KubeApiserver::shared().await).await;
    plan.remember_reviews("1s");
    let stage = plan.start().await;
    let token = stage.plan.token().await;
    Seen::of(&stage.get("/orders", &token).await);

    stage.plan.api.delete_service_account(&stage.plan.namespace, "orders").await;

    let refused = eventually("the token is refused", async || {
        let answer = stage.get("/orders/deleted", &token).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(refused.status, 401, "{refused:?}");
    assert_eq!(refused.header("www-authenticate"), Some(r#"Bearer realm="rolegate", error="invalid_token""#));
    assert_eq!(stage.rolegate.metric("rolegate_decisions_total", &[r#"outcome="undecided""#]).await, 0.0);
}
