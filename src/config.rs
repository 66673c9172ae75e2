//! What the operator says: the configuration file and the environment, checked.
