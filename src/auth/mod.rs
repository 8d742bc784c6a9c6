//! Authorisation: verifies subscribe tokens and their claims, and compares bearer secrets in
//! constant time.

mod bearer;
mod claims;
mod denial;
mod grant;
mod key;
mod members;
mod sign;
mod token;

pub use bearer::authorize;
pub use claims::Claims;
pub use denial::Denial;
pub use grant::Grant;
pub use key::TokenKey;
pub use sign::sign;
pub use token::verify;
