//! The operations door: `/livez`, `/readyz`, `/metrics`.
