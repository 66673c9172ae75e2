//! The `token_*` fields, checked as the reference's `tokenutil` does: stored values count as well as given ones.

use super::given::Given;
use super::{RoleError, TokenParameters, TokenType};
use crate::core::cidr::{BoundCidr, CidrError};

pub(super) fn write(token: &mut TokenParameters, given: &Given) -> Result<(), RoleError> {
    if let Some(cidrs) = &given.token_bound_cidrs {
        token.bound_cidrs = bound_cidrs(cidrs)?;
    }
    set(&mut token.explicit_max_ttl, given.token_explicit_max_ttl);
    set(&mut token.max_ttl, given.token_max_ttl);
    set(&mut token.no_default_policy, given.token_no_default_policy);
    set(&mut token.period, given.token_period);
    set(&mut token.policies, given.token_policies.clone());
    set(&mut token.token_type, given.token_type.as_deref().map(token_type).transpose()?);
    set(&mut token.num_uses, given.token_num_uses);
    if token.num_uses < 0 {
        return Err(RoleError::NegativeUses);
    }
    if token.token_type == TokenType::Batch && token.period != 0 {
        return Err(RoleError::PeriodicBatch);
    }
    if token.token_type == TokenType::Batch && token.num_uses != 0 {
        return Err(RoleError::CountedBatch);
    }
    set(&mut token.ttl, given.token_ttl);
    if token.max_ttl > 0 && token.ttl > token.max_ttl {
        return Err(RoleError::TokenTtlAboveMax);
    }
    // The reference forgets it with every write that does not name it.
    token.alias_metadata = given.alias_metadata.clone().unwrap_or_default();
    Ok(())
}

pub(super) fn bound_cidrs(texts: &[String]) -> Result<Vec<BoundCidr>, CidrError> {
    texts.iter().map(|text| BoundCidr::parse(text)).collect()
}

pub(super) fn set<T>(target: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *target = value;
    }
}

fn token_type(text: &str) -> Result<TokenType, RoleError> {
    match text {
        "" | "default" => Ok(TokenType::Default),
        "service" => Ok(TokenType::Service),
        "batch" => Ok(TokenType::Batch),
        _ => Err(RoleError::TokenType(text.to_owned())),
    }
}
