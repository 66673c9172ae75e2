//! The line that a client token leaves in the log where it administers.

use super::outcome::Outcome;
use super::request::{Operation, Request};
use super::route::Route;
use super::shown::shown;
use crate::core::client_token::ClientToken;

/// Logs what came of it under the request's id, where it was a change of what others depend on: mounts, their configs and
/// roles, policies, somebody else's tokens, and copies of them all.
pub(super) fn write(request: &Request, route: Option<&Route<'_>>, token: &ClientToken, outcome: &Outcome) {
    if !route.is_some_and(|route| is_change(route, request.operation)) {
        return;
    }
    let outcome = if matches!(outcome, Outcome::Done(_)) { "done" } else { "failed" };
    tracing::info!(
        request_id = request.id,
        user = token.display_name,
        entity_id = token.entity_id,
        operation = request.operation.name(),
        path = %shown(&request.path),
        outcome,
        "administration"
    );
}

/// Whether it is such a change.
fn is_change(route: &Route<'_>, operation: Operation) -> bool {
    let is_of_others = match route {
        Route::Kubernetes(..) | Route::Identity(_) => true,
        Route::Sys(path) => ["auth/", "mounts/", "policies/", "policy/", "storage/"]
            .iter()
            .any(|begin| path.starts_with(begin)),
        Route::Token(path) => {
            let of_others = ["revoke", "revoke-accessor", "revoke-orphan", "tidy"];
            path.split('/').next().is_some_and(|first| of_others.contains(&first))
        }
    };
    is_of_others && matches!(operation, Operation::Write | Operation::Patch | Operation::Delete)
}

#[cfg(test)]
mod tests {
    use super::is_change;
    use crate::core::mount::Snapshot;
    use crate::vault::request::Operation;
    use crate::vault::route::Route;

    #[test]
    fn changes_are_told_from_what_a_program_does_for_itself() {
        let set = Snapshot::default();
        for (operation, path, expected) in [
            (Operation::Write, "sys/auth/kubernetes", true),
            (Operation::Delete, "sys/policies/acl/orders", true),
            (Operation::Write, "sys/policy/orders", true),
            (Operation::Write, "sys/mounts/auth/kubernetes/tune", true),
            (Operation::Write, "sys/storage/backup", true),
            (Operation::Read, "sys/auth/kubernetes", false),
            (Operation::Write, "sys/capabilities-self", false),
            (Operation::Write, "sys/wrapping/unwrap", false),
            (Operation::Write, "auth/token/revoke-accessor", true),
            (Operation::Write, "auth/token/revoke/x", true),
            (Operation::Write, "auth/token/revoke-self", false),
            (Operation::Write, "auth/token/renew-self", false),
            (Operation::Write, "auth/token/create", false),
        ] {
            let route = Route::find(&set, path).unwrap();
            assert_eq!(is_change(&route, operation), expected, "{path}");
        }
    }
}
