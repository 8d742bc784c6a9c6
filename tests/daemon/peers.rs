//! Python's `websockets` against WebSocket locations; see `tests/peers/`.

use crate::programs::{self, repository};
use crate::support::{Daemon, SECRETS};
use std::process::{Command, Stdio};

#[test]
fn pythons_websockets_and_the_daemon_understand_each_other() {
    let Some([python]) = programs::find(["python3"]) else {
        return;
    };
    let has_library = Command::new(&python)
        .args(["-c", "import websockets.asyncio.client"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !has_library {
        return programs::missing("the Python package of tests/peers/requirements.txt");
    }
    let config = repository("tests/daemon/peers.toml").display().to_string();
    let daemon = Daemon::start(&[("RPUSHD_CONFIG", &config)]);
    let arguments: [&str; 2] = [&daemon.address(), SECRETS[1].1];
    programs::run_script(&python, "tests/peers/websocket_peer.py", &arguments);
}
