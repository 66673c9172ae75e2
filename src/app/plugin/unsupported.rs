//! A backend that supports no operation, and says so.

use std::sync::Arc;
use std::time::Instant;

use crate::plugin::seam::{Backend, Backends, Core, Later};
use crate::plugin::wire::pb;

/// `unsupported operation`
const UNSUPPORTED_OPERATION: u32 = 5;

/// Answers every request with `unsupported operation`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unsupported;

impl Backends for Unsupported {
    fn open(&self, _: Arc<dyn Core>) -> Arc<dyn Backend> {
        Arc::new(Self)
    }
}

impl Backend for Unsupported {
    fn handle<'a>(&'a self, _: pb::Request, _: Option<Instant>) -> Later<'a, pb::HandleRequestReply> {
        let err = pb::ProtoError { err_type: UNSUPPORTED_OPERATION, ..pb::ProtoError::default() };
        Box::pin(async { pb::HandleRequestReply { err: Some(err), response: None } })
    }

    fn exists<'a>(&'a self, _: pb::Request, _: Option<Instant>) -> Later<'a, pb::HandleExistenceCheckReply> {
        Box::pin(async { pb::HandleExistenceCheckReply::default() })
    }

    fn invalidate(&self, _: &str) {}
}
