//! `pb.Backend`: a mount is set up, asked, and cleaned up.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use hyper::body::Incoming;
use tonic::{Request, Status};

use super::call::{Answer, deadline, unary};
use super::mounts::Mounts;
use crate::plugin::wire::pb;

/// An auth method.
const CREDENTIAL: u32 = 2;

/// Answers a method of the service.
pub(super) async fn answer(mounts: &Arc<Mounts>, method: &str, request: http::Request<Incoming>) -> Answer {
    let mounts = Arc::clone(mounts);
    match method {
        "HandleRequest" => unary(request, |call| handle(Arc::clone(&mounts), call)).await,
        "HandleExistenceCheck" => unary(request, |call| exists(Arc::clone(&mounts), call)).await,
        "Setup" => unary(request, |call| set_up(Arc::clone(&mounts), call)).await,
        "Initialize" => {
            let initialized = |call: Request<pb::Empty>| {
                let found = mounts.of(call.metadata());
                async { found.map(|_| pb::InitializeReply { err: None }) }
            };
            unary(request, initialized).await
        }
        "Type" => {
            let kind = |call: Request<pb::Empty>| {
                let found = mounts.of(call.metadata());
                async { found.map(|_| pb::TypeReply { r#type: CREDENTIAL }) }
            };
            unary(request, kind).await
        }
        "SpecialPaths" => {
            let paths = |call: Request<pb::Empty>| {
                let found = mounts.of(call.metadata());
                async { found.map(|_| special_paths()) }
            };
            unary(request, paths).await
        }
        "InvalidateKey" => {
            let invalidate = |call: Request<pb::InvalidateKeyArgs>| {
                let found = mounts.of(call.metadata());
                async move {
                    found?.invalidate(&call.get_ref().key);
                    Ok(pb::Empty {})
                }
            };
            unary(request, invalidate).await
        }
        "Cleanup" => {
            let clean_up = |call: Request<pb::Empty>| {
                // At an unmount it is asked twice.
                mounts.clean_up(call.metadata());
                async { Ok(pb::Empty {}) }
            };
            unary(request, clean_up).await
        }
        _ => Status::unimplemented("there is no such method").into_http(),
    }
}

async fn set_up(mounts: Arc<Mounts>, call: Request<pb::SetupArgs>) -> Result<pb::SetupReply, Status> {
    let err = match mounts.set_up(call.metadata(), call.get_ref().broker_id).await {
        Ok(()) => String::new(),
        Err(error) => {
            tracing::error!(%error, "a mount cannot be set up");
            error
        }
    };
    Ok(pb::SetupReply { err })
}

fn special_paths() -> pb::SpecialPathsReply {
    let paths = pb::Paths {
        unauthenticated: vec!["login".to_owned()],
        seal_wrap_storage: vec!["config".to_owned()],
        ..pb::Paths::default()
    };
    pb::SpecialPathsReply { paths: Some(paths) }
}

async fn handle(
    mounts: Arc<Mounts>,
    call: Request<pb::HandleRequestArgs>,
) -> Result<pb::HandleRequestReply, Status> {
    let (backend, deadline) = (mounts.of(call.metadata())?, deadline(call.metadata()));
    let request = asked(call)?;
    let answered = AssertUnwindSafe(async { backend.handle(request, deadline).await }).catch_unwind().await;
    Ok(answered.unwrap_or_else(|_| pb::HandleRequestReply { err: Some(broken()), response: None }))
}

async fn exists(
    mounts: Arc<Mounts>,
    call: Request<pb::HandleRequestArgs>,
) -> Result<pb::HandleExistenceCheckReply, Status> {
    let (backend, deadline) = (mounts.of(call.metadata())?, deadline(call.metadata()));
    let request = asked(call)?;
    let answered = AssertUnwindSafe(async { backend.exists(request, deadline).await }).catch_unwind().await;
    Ok(answered.unwrap_or_else(|_| pb::HandleExistenceCheckReply {
        err: Some(broken()),
        ..pb::HandleExistenceCheckReply::default()
    }))
}

fn asked(call: Request<pb::HandleRequestArgs>) -> Result<pb::Request, Status> {
    call.into_inner().request.ok_or_else(|| Status::invalid_argument("there is no request in the call"))
}

/// For a handler that has panicked: one request fails, with 500.
fn broken() -> pb::ProtoError {
    pb::ProtoError { err_type: 0, err_msg: "internal error".to_owned(), err_code: 0 }
}
