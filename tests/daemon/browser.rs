//! Debian's Chromium against the sample configuration of the push stream module, and the framed
//! stream read by a page; see `tests/browser/`.

#[path = "browser/resuming.rs"]
mod resuming;

use crate::programs::{self, free_port, repository};
use crate::support::{Daemon, SECRETS, token};

#[test]
fn a_page_in_chromium_is_served_on_every_transport() {
    let Some([python, chromium, driver]) = programs::find(["python3", "chromium", "chromedriver"])
    else {
        return;
    };
    let front_port = free_port().to_string();
    let origin = format!("http://127.0.0.1:{front_port}");
    let config = repository("packaging/push-stream.toml").display().to_string();
    let daemon = Daemon::start(&[("RPUSHD_CONFIG", &config), ("RPUSHD_ALLOWED_ORIGINS", &origin)]);
    let (chromium, driver) = (chromium.to_string_lossy(), driver.to_string_lossy());
    let (address, token) = (daemon.address(), token(SECRETS[0].1, "framed"));
    let arguments: [&str; 6] = [&chromium, &driver, &address, &front_port, "framed", &token];
    programs::run_script(&python, "tests/browser/run.py", &arguments);
}
