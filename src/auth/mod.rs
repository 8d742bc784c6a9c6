//! Authorisation: verifies subscribe tokens and their claims, and compares bearer secrets in
//! constant time.

mod bearer;
mod denial;
mod grant;
mod token;

pub use bearer::authorize;
pub use denial::Denial;
pub use grant::Grant;
pub use token::{Claims, TokenKey, sign, verify};
