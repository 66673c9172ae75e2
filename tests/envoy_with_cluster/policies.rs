//! A role with more policies than a header holds.

use serde_json::json;

use super::{
    stage::Plan,
    support::{kube::KubeApiserver, upstream::Seen},
};

#[tokio::test]
async fn a_list_of_policies_that_fits_no_header_is_left_out_and_the_request_goes_on() {
    let mut plan = Plan::new(KubeApiserver::shared().await).await;
    let many: Vec<String> =
        (0..2_500).map(|number| format!("a-policy-with-a-long-name-{number:06}")).collect();
    plan.roles()["orders"]["token_policies"] = json!(many);
    plan.let_spoofed_headers_into_envoy();
    plan.edit(
        "role: \"%DYNAMIC_METADATA(envoy.filters.http.ext_authz:role)%\"",
        "role: \"%DYNAMIC_METADATA(envoy.filters.http.ext_authz:role)%\"\n                  \
         policies_omitted: \"%DYNAMIC_METADATA(envoy.filters.http.ext_authz:policies_omitted)%\"",
    );
    let stage = plan.start().await;
    let token = format!("Bearer {}", stage.plan.token().await);
    for client in [stage.http1(), stage.http2()] {
        let headers = [("authorization", &*token), ("x-rolegate-policies", "root")];
        let seen = Seen::of(&client.get("/orders/many", &headers).await);
        assert_eq!(seen.values("x-rolegate-policies"), [""; 0]);
        assert_eq!(seen.values("x-rolegate-role"), ["orders"]);
    }
    let logged = stage.logged("/orders/many").await;
    assert_eq!(logged["policies_omitted"].to_string().trim_matches('"'), "true", "{logged}");
}
