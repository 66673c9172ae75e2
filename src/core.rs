//! The rules, pure: no runtime, no wire, no clock, no log.

pub mod acl;
pub mod cidr;
pub mod client_token;
pub mod decision;
pub mod fields;
pub mod glob;
pub mod hex;
pub mod identity;
pub mod json;
pub mod jwks;
pub mod keys;
pub mod mount;
pub mod no_proxy;
pub mod object_name;
pub mod path;
pub mod pem;
pub mod reason;
pub mod review_key;
pub mod role;
pub mod secret;
pub mod store_key;
pub mod token;
