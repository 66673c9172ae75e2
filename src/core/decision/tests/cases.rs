//! Cases in which most things are right and some are not, for the properties.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::fixture::{Fixture, NOW};
use crate::core::cidr::BoundCidr;
use crate::core::identity::ReviewStatus;
use crate::core::jwks::LocalSignature;
use crate::core::reason::Undecided;
use crate::core::role::{AliasNameSource, LabelSelector, Role};

/// Mostly the first value, now and then one of the others.
fn mostly<T: Clone + std::fmt::Debug + 'static>(usual: T, others: &'static [T]) -> BoxedStrategy<T> {
    prop_oneof![8 => Just(usual), 1 => select(others)].boxed()
}

fn texts(
    usual: &'static [&'static str],
    others: &'static [&'static [&'static str]],
) -> BoxedStrategy<Vec<String>> {
    mostly(usual, others).prop_map(|texts| texts.iter().map(|text| (*text).to_owned()).collect()).boxed()
}

fn roles() -> impl Strategy<Value = Role> {
    (
        texts(&["orders"], &[&[], &["ord*", "x"], &["billing"], &["*"], &[""]]),
        texts(&["shop"], &[&[], &["other"], &["sh*", "other"], &["*"]]),
        mostly(None, &[Some(())]),
        mostly("api", &["", "other"]),
        mostly(AliasNameSource::Uid, &[AliasNameSource::Name]),
        texts(&[], &[&["10.0.0.0/8"], &["::1", "10.1.2.3"], &["192.0.2.1"], &["/run/x"]]),
    )
        .prop_map(|(names, namespaces, selector, audience, alias_name_source, cidrs)| {
            let mut role = Fixture::default().role;
            role.bound_service_account_names = names;
            role.bound_service_account_namespaces = namespaces;
            role.bound_service_account_namespace_selector = selector.map(|()| LabelSelector::default());
            role.audience = audience.to_owned();
            role.alias_name_source = alias_name_source;
            role.token.bound_cidrs = cidrs.iter().map(|cidr| BoundCidr::parse(cidr).unwrap()).collect();
            role
        })
}

fn payloads() -> impl Strategy<Value = Value> {
    let date = || mostly(Some(0), &[None, Some(-100), Some(-1_000), Some(100), Some(1_000)]);
    (
        (mostly("issuer", &["", "other"]), texts(&["api"], &[&[], &["other"], &["other", "api"]])),
        (date(), date(), date()),
        (mostly("shop", &["", "other"]), mostly("orders", &["", "billing"]), mostly("u-1", &["", "u-2"])),
        mostly(None, &[Some("EXP"), Some("Kubernetes.io"), Some("sub")]),
    )
        .prop_map(|((issuer, audiences), (exp, nbf, iat), (namespace, name, uid), extra)| {
            let mut payload = json!({
                "iss": issuer, "aud": audiences,
                "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": uid}},
            });
            for (key, offset) in [("exp", exp), ("nbf", nbf), ("iat", iat)] {
                if let Some(offset) = offset {
                    payload[key] = json!(NOW + offset);
                }
            }
            if let Some(extra) = extra {
                payload[extra] = json!("x");
            }
            payload
        })
}

fn statuses() -> impl Strategy<Value = ReviewStatus> {
    (
        mostly(true, &[false]),
        mostly("", &["refused"]),
        mostly(
            "system:serviceaccount:shop:orders",
            &["system:serviceaccount:other:billing", "system:node:n", "system:serviceaccount::"],
        ),
        mostly("u-1", &["", "u-2"]),
        texts(&["api"], &[&[], &["other"]]),
    )
        .prop_map(|(authenticated, error, username, uid, audiences)| ReviewStatus {
            authenticated,
            error: error.to_owned(),
            username: username.to_owned(),
            uid: uid.to_owned(),
            audiences,
        })
}

pub(super) fn fixtures() -> impl Strategy<Value = Fixture> {
    let config = (mostly(true, &[false]), any::<bool>(), mostly("issuer", &["", "other"]), any::<bool>());
    let header = (mostly("ES256", &["PS512", "HS256", "none"]), mostly(None, &[Some("x")]));
    let facts = (
        mostly(Some(true), &[Some(false), None]),
        prop_oneof![
            8 => statuses().prop_map(|status| Some(Ok(status))),
            1 => Just(None),
            1 => Just(Some(Err(Undecided::ApiServerError))),
        ],
        mostly(Some(Ok(true)), &[None, Some(Ok(false)), Some(Err(Undecided::Overloaded))]),
        mostly(
            Some(LocalSignature::Unknown),
            &[None, Some(LocalSignature::Proven), Some(LocalSignature::Forged)],
        ),
    );
    let signature = mostly("c2ln", &["", "c 2ln", "c2\nln", "="]);
    let rest = (mostly(Some([10, 1, 2, 3]), &[None]), mostly(None, &[Some("api"), Some("other")]));
    (roles(), payloads(), config, header, signature, facts, rest).prop_map(
        |(
            role,
            payload,
            (configured, keyed, issuer, open),
            (alg, crit),
            signature,
            facts,
            (peer, audience),
        )| {
            let mut fixture = Fixture { role, payload, signature, ..Fixture::default() };
            fixture.header["alg"] = json!(alg);
            fixture.header["crit"] = crit.map_or(Value::Null, |name| json!([name]));
            if let Some(config) = &mut fixture.config {
                (config.issuer, config.disable_iss_validation) = (issuer.to_owned(), open);
            }
            if !keyed {
                fixture.without_keys();
            }
            if !configured {
                fixture.config = None;
            }
            (fixture.signed, fixture.status, fixture.selected, fixture.published) = facts;
            fixture.peer = peer.map(Into::into);
            fixture.default_audience = audience.map(str::to_owned);
            fixture
        },
    )
}
