//! Listeners: bound first, served second, drained at the end.
