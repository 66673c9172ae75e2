//! Who holds a path or a name that several objects claim: the oldest.

use std::collections::HashMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

/// Orders objects from the oldest to the newest, those of one second by uid. An object without a time is the newest.
pub(super) fn age(metadata: &ObjectMeta) -> (bool, Option<&Time>, Option<&str>) {
    let created = metadata.creation_timestamp.as_ref();
    (created.is_none(), created, metadata.uid.as_deref())
}

/// What is held, and by which object.
#[derive(Debug, Default)]
pub(super) struct Claims<'a>(HashMap<String, &'a str>);

impl<'a> Claims<'a> {
    /// Claims `what` for the object of that name.
    ///
    /// # Errors
    /// With the holder's name, where it is held.
    pub(super) fn claim(&mut self, what: &str, object: &'a str) -> Result<(), &'a str> {
        match self.0.get(what) {
            Some(holder) => Err(holder),
            None => {
                self.0.insert(what.to_owned(), object);
                Ok(())
            }
        }
    }

    /// Claims a path for the object of that name: neither a path inside it nor one around it may be held.
    ///
    /// # Errors
    /// With the holder's name.
    pub(super) fn claim_path(&mut self, path: &str, object: &'a str) -> Result<(), &'a str> {
        let contains = |outer: &str, inner: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let held = self.0.iter().find(|(held, _)| contains(held, path) || contains(path, held));
        match held {
            Some((_, holder)) => Err(holder),
            None => self.claim(path, object),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Claims;

    #[test]
    fn a_path_around_or_inside_a_held_one_is_held() {
        let mut claims = Claims::default();
        assert_eq!(claims.claim_path("a/b", "first"), Ok(()));
        for path in ["a", "a/b", "a/b/c"] {
            assert_eq!(claims.claim_path(path, "second"), Err("first"), "{path}");
        }
        for path in ["a/bc", "b", "ab"] {
            assert_eq!(claims.claim_path(path, "second"), Ok(()), "{path}");
        }
    }
}
