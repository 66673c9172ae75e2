//! Tests of what a granted login gets.

use std::sync::Arc;

use super::stage::HOUR;
use crate::core::mount::about::MountTokenType;
use crate::core::mount::{Mount, MountAbout};
use crate::core::role::{Role, TokenParameters, TokenType};
use crate::gate::tests::script::role;
use crate::tokens::entities::Entities;
use crate::tokens::tests::house::{Dice, Entries, House};
use crate::vault::kubernetes::{Alias, Login};
use crate::vault::outcome::{Answer, Class, Refusal};
use crate::vault::token::issue_login;

fn granted(about: MountAbout, token: TokenParameters) -> Login {
    Login {
        mount: Arc::new(Mount::new("clusters/eu1", 1, about)),
        role: Arc::new(Role { token, ..role("orders") }),
        role_as_typed: "Orders".to_owned(),
        namespace: "shop".to_owned(),
        name: "orders".to_owned(),
        uid: "u-1".to_owned(),
        secret_name: String::new(),
        labels: None,
        alias: Alias { name: "u-1".to_owned(), metadata: [("k".to_owned(), "v".to_owned())].into() },
    }
}

async fn log_in(house: &House, about: MountAbout, token: TokenParameters) -> Result<Answer, Refusal> {
    let entities = Entities::new(Arc::<Entries>::clone(&house.store), Arc::<Dice>::clone(&house.random));
    issue_login(&house.tokens, &entities, granted(about, token)).await
}

fn about() -> MountAbout {
    MountAbout::new([7; 20])
}

fn orders() -> TokenParameters {
    TokenParameters { policies: vec!["Orders".to_owned()], ..TokenParameters::default() }
}

#[tokio::test]
async fn a_login_gets_what_its_role_and_its_mount_say() {
    let house = House::new();
    let answer = log_in(&house, about(), TokenParameters { num_uses: 5, ..orders() }).await.unwrap();
    assert!(answer.warnings.is_empty());
    let auth = answer.auth.unwrap();
    assert_eq!(
        (auth.lease_duration, auth.renewable, auth.orphan, auth.num_uses),
        (768 * HOUR, true, true, 5)
    );
    assert_eq!((auth.token_type, auth.entity_id.len()), ("service", 36));
    assert_eq!(auth.policies, ["default", "orders"]);
    assert_eq!(auth.metadata.as_ref().unwrap().len(), 5);
    assert_eq!(auth.metadata.unwrap()["role"], "Orders");
    let gone = house.tokens.find(auth.client_token.expose()).await.unwrap();
    assert!(gone.is_none(), "the house knows the mount `kubernetes` alone");
    let again = log_in(&house, about(), orders()).await.unwrap().auth.unwrap();
    assert_eq!(again.entity_id, auth.entity_id);
    assert_ne!(again.client_token, auth.client_token);
}

#[tokio::test]
async fn tuned_leases_and_periods_govern_the_login_with_the_references_warnings() {
    let house = House::new();
    let tuned = || MountAbout { default_lease_ttl: HOUR, max_lease_ttl: 2 * HOUR, ..about() };
    let cases = [
        (orders(), HOUR, None),
        (
            TokenParameters { ttl: 3 * HOUR, ..orders() },
            2 * HOUR,
            Some("TTL of \"3h\" exceeded the effective max_ttl of \"2h\"; TTL value is capped accordingly"),
        ),
        (
            TokenParameters { period: 3 * HOUR, ..orders() },
            2 * HOUR,
            Some(
                "period of \"3h\" exceeded the effective max_ttl of \"2h\"; period value is capped accordingly",
            ),
        ),
    ];
    for (token, ttl, warning) in cases {
        let answer = log_in(&house, tuned(), token).await.unwrap();
        assert_eq!(answer.warnings, Vec::from_iter(warning));
        assert_eq!(answer.auth.unwrap().lease_duration, ttl);
    }
}

#[tokio::test]
async fn the_mount_decides_over_the_type_or_leaves_it_to_the_role() {
    use MountTokenType as Mount;
    let cases = [
        (Mount::DefaultService, TokenType::Default, "service"),
        (Mount::DefaultService, TokenType::Batch, "batch"),
        (Mount::DefaultBatch, TokenType::Default, "batch"),
        (Mount::DefaultBatch, TokenType::Service, "service"),
        (Mount::Batch, TokenType::Service, "batch"),
        (Mount::Service, TokenType::Batch, "service"),
    ];
    let house = House::new();
    for (of_mount, of_role, expected) in cases {
        let about = MountAbout { token_type: of_mount, ..about() };
        let token = TokenParameters { token_type: of_role, num_uses: 1, period: HOUR, ..orders() };
        let auth = log_in(&house, about, token).await.unwrap().auth.unwrap();
        assert_eq!(auth.token_type, expected, "{of_mount:?} {of_role:?}");
        let is_service = expected == "service";
        assert_eq!((auth.renewable, auth.num_uses > 0), (is_service, is_service));
        assert_eq!(auth.lease_duration, HOUR, "a batch token, too, lives no longer than a period");
    }
}

#[tokio::test]
async fn no_login_becomes_root_or_passes_for_a_wrapping_token() {
    let house = House::new();
    for (policy, text) in [
        ("ROOT", "auth methods cannot create root tokens"),
        ("Response-Wrapping", "cannot assign policy \"response-wrapping\""),
        ("control-group", "cannot assign policy \"control-group\""),
    ] {
        let token = TokenParameters { policies: vec![policy.to_owned(), "x".to_owned()], ..orders() };
        let refusal = log_in(&house, about(), token).await.unwrap_err();
        assert_eq!(refusal, Refusal::new(Class::Invalid, text));
    }
    assert_eq!(house.sizes(), [0; 4]);
}
