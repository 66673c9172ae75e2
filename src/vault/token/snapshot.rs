//! The published snapshot as what these paths need of the rest: roles for renewals, and policies.

use super::super::kubernetes::renewal;
use super::super::outcome::{Class, Refusal};
use super::{Policies, RenewLogin};
use crate::core::client_token::Login;
use crate::core::client_token::lease::LeaseTerms;
use crate::core::decision::StoredIdentity;
use crate::core::mount::Snapshot;

impl RenewLogin for Snapshot {
    fn terms(&self, login: &Login) -> Result<LeaseTerms, Refusal> {
        let mount =
            self.mount(&login.mount_path).filter(|mount| *mount.about.accessor == login.mount_accessor);
        let Some(mount) = mount else {
            return Err(Refusal::new(Class::Denied, "permission denied").listed());
        };
        let Login { namespace, name, .. } = login;
        let identity = StoredIdentity { namespace, name, labels: login.labels.as_ref() };
        let terms = renewal(mount, &login.role, &identity).map_err(as_the_core_tells)?;
        Ok(LeaseTerms {
            period: terms.period,
            ttl: terms.ttl,
            max_ttl: terms.max_ttl,
            explicit_max_ttl: 0,
            mount_default: terms.mount_default,
            mount_max: terms.mount_max,
        })
    }
}

/// What the backend says where a renewal fails, in the words of the core around it.
fn as_the_core_tells(refusal: Refusal) -> Refusal {
    match refusal.class {
        Class::Internal => {
            let errors =
                refusal.errors.iter().map(|error| format!("failed to renew entry: {error}")).collect();
            Refusal { errors, ..refusal }.listed()
        }
        _ => refusal,
    }
}

impl Policies for Snapshot {
    fn policy_exists(&self, name: &str) -> bool {
        self.policies.contains_key(name)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{LeaseTerms, Policies as _, RenewLogin as _, Snapshot};
    use crate::core::client_token::Login;
    use crate::core::client_token::tests::login_token;
    use crate::core::mount::{Mount, MountAbout};
    use crate::gate::tests::script::role;
    use crate::vault::outcome::{Class, Refusal};

    fn snapshot() -> Snapshot {
        let mut mount = Mount::new("kubernetes", 1, MountAbout::new([7; 20]));
        let mut orders = role("orders");
        (orders.token.ttl, orders.token.max_ttl) = (60, 3600);
        mount.roles.insert("orders".into(), Arc::new(orders));
        let mounts = [("kubernetes".into(), Arc::new(mount))].into();
        let policies = Arc::new([("orders".to_owned(), "".into())].into());
        Snapshot { mounts, policies }
    }

    fn login() -> Login {
        let snapshot = snapshot();
        let mount_accessor = snapshot.mount("kubernetes").unwrap().about.accessor.to_string();
        Login { mount_accessor, ..login_token().login.unwrap() }
    }

    #[test]
    fn a_renewal_gets_what_the_role_says_now() {
        let terms = snapshot().terms(&login()).unwrap();
        let hours = 768 * 3600;
        let expected = LeaseTerms {
            ttl: 60,
            max_ttl: 3600,
            mount_default: hours,
            mount_max: hours,
            ..LeaseTerms::default()
        };
        assert_eq!(terms, expected);
    }

    #[test]
    fn a_role_that_is_gone_or_admits_others_renews_nothing() {
        let gone = Login { role: "Other".to_owned(), ..login() };
        let text = "failed to renew entry: role Other does not exist during renewal";
        assert_eq!(snapshot().terms(&gone), Err(Refusal::new(Class::Internal, text).listed()));
        let elsewhere = Login { namespace: "prod".to_owned(), ..login() };
        assert_eq!(snapshot().terms(&elsewhere).unwrap_err().class, Class::Denied);
        let remounted = Login { mount_accessor: "auth_kubernetes_other".to_owned(), ..login() };
        assert_eq!(snapshot().terms(&remounted).unwrap_err().class, Class::Denied);
    }

    #[test]
    fn policies_are_those_of_the_snapshot() {
        assert!(snapshot().policy_exists("orders"));
        assert!(!snapshot().policy_exists("other"));
    }
}
