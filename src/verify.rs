//! Proof of tokens: signatures, TokenReviews, and the cache around them.
