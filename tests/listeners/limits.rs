//! Bounds, and what a listener is bound to.
