//! The answers that repeat, each encoded once.

use std::sync::Arc;

use bytes::Bytes;
use moka::sync::Cache;

use super::template::{Template, frame};
use super::{AnswerStyle, BodyForm, Removals, Reply};
use crate::core::identity::Review;
use crate::core::reason::{Deny, Undecided};
use crate::core::role::Role;
use crate::gate::Grant;
use crate::record::decision_id::DecisionId;

/// How many encoded allows are kept; beyond, an answer is encoded anew.
const KEPT_ALLOWS: u64 = 16_384;

/// Every denial and undecided answer, in each form, and the allows of before.
#[derive(Debug)]
pub struct KeptAnswers {
    style: AnswerStyle,
    always: Removals,
    denials: Vec<[Template; BodyForm::ALL.len()]>,
    undecided: Vec<[Template; BodyForm::ALL.len()]>,
    allows: Cache<AllowKey, Arc<KeptAllow>>,
}

impl KeptAnswers {
    /// In this style; `always` is what a request loses that has nothing of its own to lose.
    pub fn new(style: AnswerStyle, always: Removals) -> Self {
        let denial = |deny: &Deny| BodyForm::ALL.map(|form| Template::of(&style, Reply::Deny(*deny, form)));
        let undecided = |undecided: &Undecided| {
            BodyForm::ALL.map(|form| Template::of(&style, Reply::Undecided(*undecided, form)))
        };
        Self {
            denials: Deny::ALL.iter().map(denial).collect(),
            undecided: Undecided::ALL.iter().map(undecided).collect(),
            allows: Cache::new(KEPT_ALLOWS),
            style,
            always,
        }
    }

    /// The names of the identity headers.
    pub const fn style(&self) -> &AnswerStyle {
        &self.style
    }

    /// The gRPC frame of a denial.
    pub fn deny(&self, deny: Deny, form: BodyForm, id: &DecisionId) -> Bytes {
        let kept = self.denials.get(deny as usize).and_then(|forms| forms.get(form as usize));
        kept.map_or_else(|| self.encoded(Reply::Deny(deny, form), id), |kept| kept.fill(id))
    }

    /// The gRPC frame of an undecided answer.
    pub fn undecided(&self, undecided: Undecided, form: BodyForm, id: &DecisionId) -> Bytes {
        let kept = self.undecided.get(undecided as usize).and_then(|forms| forms.get(form as usize));
        kept.map_or_else(|| self.encoded(Reply::Undecided(undecided, form), id), |kept| kept.fill(id))
    }

    /// The gRPC frame of an allow; `own` is what the request loses, where that is not what every request loses.
    pub fn allow(&self, grant: &Grant, own: Option<&Removals>, id: &DecisionId) -> Bytes {
        match own {
            Some(own) => self.encoded(Reply::Allow(grant, own), id),
            None => self.kept_allow(grant).template.fill(id),
        }
    }

    fn encoded(&self, reply: Reply<'_>, id: &DecisionId) -> Bytes {
        frame(&self.style, reply, std::str::from_utf8(id).unwrap_or_default()).into()
    }

    fn kept_allow(&self, grant: &Grant) -> Arc<KeptAllow> {
        let key = AllowKey::new(grant);
        let path = &grant.mount().path;
        if let Some(kept) = self.allows.get(&key).filter(|kept| kept.path == *path) {
            return kept;
        }
        let kept = Arc::new(KeptAllow {
            template: Template::of(&self.style, Reply::Allow(grant, &self.always)),
            path: Arc::clone(path),
            _review: Arc::clone(grant.review()),
            _role: Arc::clone(grant.role()),
        });
        self.allows.insert(key, Arc::clone(&kept));
        kept
    }
}

/// What an encoded allow holds and differs between grants, without the mount's path: the addresses of review and role. The
/// value keeps both alive, so that an address means nothing else. The path is compared by value, since each snapshot has its
/// own copy of the same path, and roles and reviews outlive its change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct AllowKey {
    review: usize,
    role: usize,
}

impl AllowKey {
    fn new(grant: &Grant) -> Self {
        Self { review: Arc::as_ptr(grant.review()).addr(), role: Arc::as_ptr(grant.role()).addr() }
    }
}

/// An encoded allow, and what its key points to. Not the whole mount: that would keep all roles of an old snapshot.
#[derive(Debug)]
struct KeptAllow {
    template: Template,
    path: Arc<str>,
    _review: Arc<Review>,
    _role: Arc<Role>,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
    use prost::Message as _;

    use super::KeptAnswers;
    use crate::config::UndecidedAnswer;
    use crate::core::identity::Review;
    use crate::core::mount::{Mount, MountAbout};
    use crate::core::role::Role;
    use crate::doors::envoy::answer::{AnswerStyle, IdentityHeaders, Removals};
    use crate::gate::Grant;
    use crate::gate::tests::script;

    fn grant(path: &str, role: &Arc<Role>, review: &Arc<Review>) -> Grant {
        let mount = Mount::new(path, 1, MountAbout::of_path(path));
        script::grant_of(&Arc::new(mount), role, review)
    }

    #[test]
    fn an_allow_that_is_kept_is_found_again_for_all_that_it_holds_and_for_nothing_else() {
        let headers = IdentityHeaders::new("x-rolegate-");
        let style = AnswerStyle { headers, undecided: UndecidedAnswer::ErrorResponse };
        let kept = KeptAnswers::new(style, Removals::default());
        let (orders, billing) = (Arc::new(script::role("orders")), Arc::new(script::role("billing")));
        let review = script::confirmed();
        // The mount's path changes while roles and reviews stay.
        for (path, role) in [("old", &orders), ("new", &orders), ("new", &billing), ("old", &orders)] {
            for _ in 0..2 {
                let frame = kept.allow(&grant(path, role, &review), None, &[b'0'; 32]);
                let response = CheckResponse::decode(&frame[5..]).unwrap();
                let fields = response.dynamic_metadata.unwrap().fields;
                let is =
                    |key: &str, value: &str| format!("{:?}", fields[key]).contains(&format!("{value:?}"));
                assert!(is("mount", path) && is("role", &role.name), "{path} {}: {fields:?}", role.name);
            }
        }
    }
}
