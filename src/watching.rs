//! What every watch over an API server needs: why it ended, in a sentence; who is told; when it begins anew; and a look
//! whether the API server is there at all.

mod life;
mod lost;
mod pauses;
mod trouble;

pub use life::signs_of_life;
pub use lost::{Lost, is_refused, is_too_old};
pub use pauses::Pauses;
pub use trouble::{Trouble, Words};
