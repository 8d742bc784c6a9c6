//! Who may do what: subscribe tokens -> claims checked, bearer secrets compared in constant time.

mod bearer;
mod denial;
mod token;

pub use bearer::authorize;
pub use denial::Denial;
pub use token::{Claims, TokenKey, sign, verify};
