//! Who may do what: subscribe tokens -> claims checked, bearer secrets compared in constant time.

mod bearer;
mod token;

pub use bearer::is_authorized;
pub use token::{Claims, TokenKey, sign, verify};
