//! What the core does for a mount, asked over its connection.

use super::link::Link;
use crate::plugin::seam::{Core, CoreError, Later};
use crate::plugin::wire::pb;

impl Core for Link {
    fn get<'a>(&'a self, key: &'a str) -> Later<'a, Result<Option<Vec<u8>>, CoreError>> {
        Box::pin(async move {
            let asked = pb::StorageGetArgs { key: key.to_owned() };
            let reply: pb::StorageGetReply = self.call("/pb.Storage/Get", asked).await?;
            done(reply.err)?;
            Ok(reply.entry.map(|entry| entry.value))
        })
    }

    fn put<'a>(&'a self, key: &'a str, value: Vec<u8>) -> Later<'a, Result<(), CoreError>> {
        Box::pin(async move {
            // The core itself knows which entries it seals.
            let entry = pb::StorageEntry { key: key.to_owned(), value, seal_wrap: false };
            let asked = pb::StoragePutArgs { entry: Some(entry) };
            let reply: pb::StoragePutReply = self.call("/pb.Storage/Put", asked).await?;
            done(reply.err)
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Later<'a, Result<(), CoreError>> {
        Box::pin(async move {
            let asked = pb::StorageDeleteArgs { key: key.to_owned() };
            let reply: pb::StorageDeleteReply = self.call("/pb.Storage/Delete", asked).await?;
            done(reply.err)
        })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> Later<'a, Result<Vec<String>, CoreError>> {
        Box::pin(async move {
            let asked = pb::StorageListArgs { prefix: prefix.to_owned() };
            let reply: pb::StorageListReply = self.call("/pb.Storage/List", asked).await?;
            done(reply.err)?;
            Ok(reply.keys)
        })
    }

    fn max_lease(&self) -> Later<'_, Result<i64, CoreError>> {
        Box::pin(async move {
            let reply: pb::TtlReply = self.call("/pb.SystemView/MaxLeaseTTL", pb::Empty {}).await?;
            Ok(std::time::Duration::from_nanos(reply.ttl.max(0).unsigned_abs())
                .as_secs()
                .try_into()
                .unwrap_or(i64::MAX))
        })
    }
}

/// A filled `err` is a failure although gRPC says OK.
fn done(err: String) -> Result<(), CoreError> {
    if err.is_empty() { Ok(()) } else { Err(CoreError::Refused(err)) }
}
