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
pub use claims::{Claims, is_identifier};
pub use denial::Denial;
pub use grant::{Grant, GrantedChannels};
pub use key::{TokenKey, TokenKeys, VerifiedBy};
pub use sign::{NewToken, sign};
pub use token::verify;
