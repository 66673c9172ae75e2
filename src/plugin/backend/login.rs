//! What a core asks about logins: the login itself, its renewal, and two looks ahead.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::{Asked, Mounted, fields, mount, of_entry, origin};
use crate::core::decision::StoredIdentity;
use crate::core::fields::Fields;
use crate::core::role::Role;
use crate::core::token::UnverifiedToken;
use crate::plugin::auth::{self, Renewed};
use crate::plugin::outcome::{authenticated, told};
use crate::plugin::wire::pb;
use crate::ports::{Caller, Freshness, Labels, Verify};
use crate::record::decision_id::of_uuid;
use crate::vault::call::{of_field, warnings_of_unknown};
use crate::vault::kubernetes::{LOGIN_FIELDS, alias_name, nobody_can_tell, renewal};
use crate::vault::outcome::{Class, Refusal};
use crate::vault::request::Operation;

impl<V: Verify + Clone + 'static> Mounted<V> {
    pub(super) async fn login(
        &self,
        request: pb::Request,
        deadline: Option<Instant>,
    ) -> Result<pb::HandleRequestReply, Refusal> {
        let started = Instant::now();
        let data = fields(&request.data)?;
        // A role that cannot be read as a text is refused by the handler, in the reference's words.
        let role_name = Fields::new(&data).string("role").ok().flatten().unwrap_or_default();
        let (config, role) = match role_name.as_str() {
            "" => (None, None),
            name => tokio::try_join!(self.entries.config(), self.entries.role(name)).map_err(of_entry)?,
        };
        let mount = mount(&request, config, role, 0);
        let asked = Asked::new(data, request, Operation::Write, mount, deadline);
        let (login, decision) = self.backend(&asked.mount).login(&asked.call()).await;
        if let Some(decision) = decision {
            let (id, took) = (of_uuid(&asked.request.id), started.elapsed());
            self.plugin.recorder.record("plugin", &id, &decision, took, || role_name);
        }
        let login = login?;
        let warnings = warnings_of_unknown(asked.call().fields(), &LOGIN_FIELDS, &[]);
        Ok(authenticated(auth::of_login(&login), warnings))
    }

    /// The role as it is now, applied to the identity that the login has left with the core.
    pub(super) async fn renew(
        &self,
        mut request: pb::Request,
        deadline: Option<Instant>,
    ) -> Result<pb::HandleRequestReply, Refusal> {
        let kept = request.auth.take().unwrap_or_default();
        let Some(login) = Renewed::of(&kept) else {
            return Err(Refusal::new(Class::Internal, "the token is no login of this mount"));
        };
        let (config, role) =
            tokio::try_join!(self.entries.config(), self.entries.role(&login.role)).map_err(of_entry)?;
        let selects =
            role.as_ref().is_some_and(|role| role.bound_service_account_namespace_selector.is_some());
        let caller = Caller::begin(origin(&request), deadline);
        let mount = mount(&request, config, role, 0);
        let Renewed { role, namespace, name, labels } = &login;
        let admitted =
            |labels| renewal(&mount, role, &StoredIdentity { namespace, name, labels, is_gone: false });
        let terms = match admitted(labels.as_ref()) {
            // A login at HashiCorp's plugin has left no labels.
            Err(refusal) if refusal.class == Class::Denied && selects && labels.is_none() => {
                let asked =
                    self.plugin.verifier.namespace_labels(&mount, namespace, Freshness::Fresh, &caller);
                match asked.await {
                    Ok(Labels::Known(labels)) => admitted(Some(&labels)),
                    Ok(Labels::Unknown) => Err(refusal),
                    Err(undecided) => Err(nobody_can_tell(undecided)),
                }
            }
            terms => terms,
        }?;
        Ok(authenticated(auth::renewed(kept, terms), Vec::new()))
    }

    /// For quotas by role. A text, always: the core takes nothing else.
    pub(super) async fn resolve_role(
        &self,
        request: &pb::Request,
    ) -> Result<pb::HandleRequestReply, Refusal> {
        let name = self.asked_role(request).await?.0;
        Ok(told(json!({"role": name})))
    }

    /// Who tries to log in, on the token's own word; for locking out, never for admitting.
    pub(super) async fn alias(&self, request: &pb::Request) -> Result<pb::HandleRequestReply, Refusal> {
        let (_, role) = self.asked_role(request).await?;
        let data = fields(&request.data)?;
        let jwt = text(&data, "jwt")?;
        let token = match UnverifiedToken::parse(&jwt) {
            Ok(token) if token.claims.faulty => Err(Refusal::new(Class::Denied, "permission denied")),
            Ok(token) => Ok(token),
            Err(deny) => Err(Refusal::new(Class::Denied, deny.sentence())),
        }?;
        let claims = &token.claims;
        match alias_name(&role, &claims.namespace, &claims.name, &claims.uid) {
            name if name.is_empty() => Err(Refusal::new(Class::Denied, "permission denied")),
            name => Ok(authenticated(auth::of_alias(&name), Vec::new())),
        }
    }

    /// The role that a login names, as typed and as it is.
    async fn asked_role(&self, request: &pb::Request) -> Result<(String, Arc<Role>), Refusal> {
        let data = fields(&request.data)?;
        let name = text(&data, "role")?;
        match self.entries.role(&name).await.map_err(of_entry)? {
            Some(role) => Ok((name, role)),
            None => Err(Refusal::new(Class::Invalid, format!("invalid role name {name:?}"))),
        }
    }
}

fn text(data: &Map<String, Value>, field: &'static str) -> Result<String, Refusal> {
    match Fields::new(data).string(field) {
        Ok(text) => text
            .filter(|text| !text.is_empty())
            .ok_or_else(|| Refusal::new(Class::Invalid, format!("missing {field}"))),
        Err(error) => Err(of_field(&error)),
    }
}
