//! Service-account tokens: what they claim, how they are issued, and what makes one good.

use k8s_openapi::api::authentication::v1::UserInfo;
use k8s_openapi::api::core::v1::ServiceAccount;
use serde::{Deserialize, Serialize};

use super::kinds::{Key, new_uid};
use super::{Cluster, ISSUER, Refusal};
use crate::core::secret::Secret;

/// The shortest and the longest life that TokenRequest takes, in seconds (Kubernetes' own limits).
const SECONDS: std::ops::RangeInclusive<i64> = 600..=1 << 32;
/// What `exp` and `nbf` are stretched by, in seconds, as the API server does.
const LEEWAY: i64 = 60;

/// The claims of a projected token that is bound to nothing but its service account.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) aud: Vec<String>,
    pub(super) exp: i64,
    pub(super) iat: i64,
    pub(super) iss: String,
    pub(super) jti: String,
    #[serde(rename = "kubernetes.io")]
    pub(super) kubernetes: Bound,
    pub(super) nbf: i64,
    pub(super) sub: String,
}

/// The claim `kubernetes.io`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bound {
    pub(super) namespace: String,
    pub(super) serviceaccount: Account,
}

/// The service account in the claim `kubernetes.io`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: String,
}

/// A new token and what TokenRequest tells about it.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) token: Secret,
    pub(super) audiences: Vec<String>,
    pub(super) expires: i64,
}

/// Why a bearer is nobody's, in the API server's words.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum BearerError {
    #[error("invalid bearer token")]
    Unknown,
    #[error("[invalid bearer token, token audiences {0:?} is invalid for the target audiences {1:?}]")]
    Audience(Vec<String>, Vec<String>),
    #[error("[invalid bearer token, service account token has expired]")]
    Expired,
    #[error("[invalid bearer token, service account token is not valid yet]")]
    NotYetValid,
    #[error("[invalid bearer token, serviceaccounts \"{0}\" not found]")]
    Gone(String),
    #[error("[invalid bearer token, service account UID ({0}) does not match claim ({1})]")]
    Replaced(String, String),
}

impl Cluster {
    /// Signs a token for a service account that exists.
    pub(super) fn issue(
        &self,
        namespace: &str,
        name: &str,
        audiences: &[String],
        seconds: i64,
    ) -> Result<Issued, Refusal> {
        let account = self.0.objects.get::<ServiceAccount>(&Key::new(namespace, name))?;
        if !SECONDS.contains(&seconds) {
            let limit =
                if seconds < *SECONDS.start() { "less than 10 minutes" } else { "larger than 2^32 seconds" };
            let fault = format!("Invalid value: {seconds}: may not specify a duration {limit}");
            return Err(Refusal::invalid(
                "authentication.k8s.io",
                "TokenRequest",
                "",
                "spec.expirationSeconds",
                &fault,
            ));
        }
        let now = self.now();
        let claims = Claims {
            aud: if audiences.is_empty() { vec![ISSUER.to_owned()] } else { audiences.to_vec() },
            exp: now.saturating_add(seconds),
            iat: now,
            iss: ISSUER.to_owned(),
            jti: new_uid()?,
            kubernetes: Bound {
                namespace: namespace.to_owned(),
                serviceaccount: Account {
                    name: name.to_owned(),
                    uid: account.metadata.uid.unwrap_or_default(),
                },
            },
            nbf: now,
            sub: format!("system:serviceaccount:{namespace}:{name}"),
        };
        let token = self.0.keys.sign(&claims).map_err(|error| Refusal::internal(error.to_string()))?;
        Ok(Issued { token: token.into(), audiences: claims.aud, expires: claims.exp })
    }

    /// Who a service-account token stands for, and which of the wanted audiences it has.
    pub(super) fn redeem(
        &self,
        token: &str,
        wanted: &[String],
    ) -> Result<(UserInfo, Vec<String>), BearerError> {
        let claims: Claims = self.0.keys.verify(token).ok_or(BearerError::Unknown)?;
        if claims.iss != ISSUER {
            return Err(BearerError::Unknown);
        }
        let common: Vec<String> = claims.aud.iter().filter(|one| wanted.contains(one)).cloned().collect();
        if common.is_empty() {
            return Err(BearerError::Audience(claims.aud, wanted.to_vec()));
        }
        let now = self.now();
        if now.saturating_sub(LEEWAY) > claims.exp {
            return Err(BearerError::Expired);
        }
        if now.saturating_add(LEEWAY) < claims.nbf {
            return Err(BearerError::NotYetValid);
        }
        let Bound { namespace, serviceaccount } = claims.kubernetes;
        let account = self.0.objects.get::<ServiceAccount>(&Key::new(&namespace, &serviceaccount.name));
        let Ok(account) = account else { return Err(BearerError::Gone(serviceaccount.name)) };
        match account.metadata.uid {
            Some(uid) if uid == serviceaccount.uid => {}
            uid => return Err(BearerError::Replaced(uid.unwrap_or_default(), serviceaccount.uid)),
        }
        let user = UserInfo {
            username: Some(claims.sub),
            uid: Some(serviceaccount.uid),
            groups: Some(vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".to_owned(),
            ]),
            extra: Some(
                [(
                    "authentication.kubernetes.io/credential-id".to_owned(),
                    vec![format!("JTI={}", claims.jti)],
                )]
                .into(),
            ),
        };
        Ok((user, common))
    }
}
