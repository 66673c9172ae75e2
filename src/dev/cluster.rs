//! The stand-in cluster of `rolegate dev`.
