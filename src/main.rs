//! The program `rolegate`.

fn main() {}
