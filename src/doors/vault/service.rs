//! The door on a connection.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::Service;

use super::body::Begun;
use super::door::VaultDoor;
use crate::net::Peer;

/// What is served on one connection, for [`Bound::serve`](crate::net::Bound::serve).
#[derive(Debug, Clone)]
pub struct VaultService {
    door: Arc<VaultDoor>,
    peer: Peer,
}

impl VaultService {
    /// The door for a connection with this peer.
    pub const fn new(door: Arc<VaultDoor>, peer: Peer) -> Self {
        Self { door, peer }
    }
}

impl Service<Request<Incoming>> for VaultService {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (door, peer) = (Arc::clone(&self.door), self.peer.0);
        let is_awaited = request.version() > Version::HTTP_11 || request.headers().contains_key(EXPECT);
        let request = request.map(if is_awaited { Begun::later } else { Begun::new });
        Box::pin(async move { Ok(door.answer(request, peer).await) })
    }
}
